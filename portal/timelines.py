"""Timelines: an administrator finds a visit, by its day or by the id that the EHR calls it, and reads what happened. A
typed id is neither kept nor logged, and stands in no address."""

from datetime import datetime, time
from uuid import UUID
from zoneinfo import ZoneInfo

from django import forms
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_http_methods

from connector import limits, problems
from connector.models import Connection
from connector.signin import signed_in
from portal import shell
from portal.forms import ZoneField
from portal.status import live
from portal.writebacks import administers
from visits import services as visits


class DayForm(forms.Form):
    """Which day, and whose: visits are listed by when they began."""

    day = forms.DateField(label=gettext_lazy("Day"), widget=forms.DateInput({"type": "date"}, format="%Y-%m-%d"))
    zone = ZoneField()

    @property
    def begins(self) -> datetime:
        """The first moment of the day."""
        return datetime.combine(self.cleaned_data["day"], time.min, ZoneInfo(self.cleaned_data["zone"]))


class SessionForm(forms.Form):
    """An id as the EHR writes it: Epic pads some with spaces, so nothing is cut off."""

    session = forms.CharField(
        label=gettext_lazy("Appointment or session id"),
        max_length=128,
        strip=False,
        help_text=gettext_lazy("It is looked up and then forgotten: neither kept nor written to a log."),
        widget=forms.TextInput({"autocomplete": "off", "spellcheck": "false"}),
    )


@require_http_methods(["GET", "POST"])
def find(request: HttpRequest, ref: str) -> HttpResponse:
    """The visits of a day; posted to, the one with the id that was typed."""
    connection = _administered(request, ref)
    day = DayForm(request.GET if "day" in request.GET else {"day": timezone.localdate().isoformat(), "zone": "UTC"})
    typed = SessionForm(request.POST or None)
    if request.method == "POST" and (seconds := limits.wait("search", signed_in(request).pk)):
        return problems.page(request, "too-many", wait=seconds)
    if request.method == "POST" and typed.is_valid():
        found = visits.visit_of_session(connection, typed.cleaned_data["session"])
        if found:
            return redirect("visit_timeline", ref=ref, visit=found.pk)
        typed.add_error("session", _("No visit of this connection has this id, or it has been forgotten."))
    return shell.page(
        request,
        "portal/visits.html",
        "status",
        status=422 if typed.errors else 200,
        connection=connection,
        day=day,
        form=typed,
        most=visits.MOST_FOUND,
        found=visits.visits_on(connection, day.begins) if day.is_valid() else [],
    )


@require_GET
def one(request: HttpRequest, ref: str, visit: UUID) -> HttpResponse:
    """What happened in one visit."""
    connection = _administered(request, ref)
    found = visits.visit_in(connection, visit)
    if found is None:
        raise Http404
    return shell.page(request, "portal/timeline.html", "status", connection=connection, **visits.timeline(found))


def _administered(request: HttpRequest, ref: str) -> Connection:
    connection = live(request, ref)
    if not administers(request, connection):
        raise Http404
    return connection
