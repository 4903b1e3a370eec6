"""The audit trail as administrators see it: how far it is sealed, signed and verified; verify it now, take it along."""

from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_POST

from connector import access, trail
from connector.addresses import public_url
from connector.models import Change, Organization
from connector.signin import signed_in
from portal import directory, history, sheets, shell
from portal.actors import actor_of
from portal.forms import ZoneField
from portal.reports.filters import DAY, EARLIEST, LATEST, midnight
from visits import services as visits

# What connector.verify finds, in the words of this page.
FINDINGS: dict[str, Promise] = {
    "changed": gettext_lazy("was changed, or does not follow the entry before it"),
    "missing": gettext_lazy("is missing, and perhaps others after it"),
    "reordered": gettext_lazy("stands where it does not belong"),
    "back-dated": gettext_lazy("says that it was recorded before others that were sealed earlier: it was put in later"),
    "rewritten": gettext_lazy("is not the one that was signed for: the trail was written anew"),
    "cut": gettext_lazy("was signed for, and the trail ends before it: it was cut off"),
    "forged": gettext_lazy("has a checkpoint that none of the connector's keys has signed"),
}


class PeriodForm(forms.Form):
    """Which days are exported; without any, the whole trail."""

    since = forms.DateField(label=gettext_lazy("From"), widget=DAY, required=False)
    until = forms.DateField(label=gettext_lazy("Until, included"), widget=DAY, required=False)
    zone = ZoneField()

    def clean(self) -> dict[str, Any]:
        typed = super().clean() or {}
        since, until = typed.get("since") or EARLIEST, typed.get("until") or LATEST
        if until < since:
            self.add_error("until", _("The last day is before the first."))
        elif not EARLIEST <= since <= until <= LATEST:
            self.add_error("since", _("These years are not known here."))
        return typed

    @property
    def period(self) -> tuple[datetime | None, datetime | None]:
        """From when on, and before when."""
        since, until, zone = (self.cleaned_data[name] for name in ("since", "until", "zone"))
        ends = midnight(until + timedelta(days=1), ZoneInfo(zone)) if until else None
        return midnight(since, ZoneInfo(zone)) if since else None, ends


@require_GET
def index(request: HttpRequest) -> HttpResponse:
    """How the organization's trail stands."""
    return _page(request, access.organization_of(signed_in(request)), PeriodForm(initial={"zone": "UTC"}))


def _page(request: HttpRequest, organization: Organization, form: PeriodForm, *, status: int = 200) -> HttpResponse:
    state = trail.state(organization)
    verified = state["verification"]
    findings = (
        [(number, FINDINGS.get(code, FINDINGS["changed"])) for code, number in verified.findings] if verified else []
    )
    keys_url = public_url("trail_keys")
    return shell.page(
        request, "portal/trail.html", "trail", status=status, form=form, findings=findings, keys_url=keys_url, **state
    )


@require_POST
def verify(request: HttpRequest) -> HttpResponse:
    """Have a worker verify the trail, from the last checkpoint that was found to hold."""
    organization = access.organization_of(signed_in(request))
    if page := directory.refusal(request, organization, waits=False):
        return page
    trail.ask(organization.pk)
    messages.success(request, _("The trail is verified within the next minute. Open this page again then."))
    return redirect("trail")


@require_POST
def export(request: HttpRequest) -> HttpResponse | StreamingHttpResponse:
    """The trail as an archive. It is a line of the history."""
    organization, form = access.organization_of(signed_in(request)), PeriodForm(request.POST)
    if not form.is_valid():
        return _page(request, organization, form, status=422)
    if not directory.confirmed(request, organization):
        return redirect("trail")
    detail: dict[str, Any] = {
        name: str(form.cleaned_data[name]) for name in ("since", "until") if form.cleaned_data[name]
    }
    history.record(organization, Change.Kind.EXPORTED, actor=actor_of(request, organization), what="trail", **detail)
    pieces = visits.zipped_trail(organization, *form.period)
    return sheets.download("audit-trail", "zip", "application/zip", pieces)
