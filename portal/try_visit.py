"""Try a visit: the analyst goes through both sides of a test visit, to the EHR and back, before any patient does."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_http_methods

from connector import access, agreement
from connector.models import Change, Connection, EhrSignIn, Environment
from connector.signin import signed_in
from portal import directory, history, shell
from portal.actors import actor_of
from visits import services as visits

SIGN_IN_LIFE = timedelta(hours=8)  # as long as a portal session
SIDES = ("provider", "patient")


def _id(label: Any, **kept: Any) -> forms.CharField:
    """An id as the EHR writes it: Epic pads some with spaces, so nothing is cut off."""
    box = forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"})
    return forms.CharField(label=label, max_length=128, strip=False, widget=box, **kept)


class TestVisitForm(forms.Form):
    """The ids of a test visit, as the EHR has them. They are kept encrypted, for as long as any visit's."""

    session = _id(
        gettext_lazy("Session id"),
        help_text=gettext_lazy("What %CSN% stands for in this appointment, or its conference id."),
    )
    provider_external_id = _id(gettext_lazy("Clinician's ExternalID"))
    provider_external_id_type = _id(gettext_lazy("Clinician's ExternalIDType"))
    patient_external_id = _id(gettext_lazy("Patient's ExternalID"))
    patient_external_id_type = _id(gettext_lazy("Patient's ExternalIDType"))

    def clean(self) -> dict[str, Any]:
        typed = super().clean() or {}
        for name, value in list(typed.items()):
            if "%" in value:
                self.add_error(name, _("Type the value itself, not the token between percent signs."))
        return typed

    def sides(self) -> dict[str, visits.Ids]:
        typed = self.cleaned_data
        return {side: visits.Ids(typed[f"{side}_external_id"], typed[f"{side}_external_id_type"]) for side in SIDES}


@require_http_methods(["GET", "POST"])
def start(request: HttpRequest, ref: str) -> HttpResponse:
    """Type the ids of a test visit and begin. It rests on the person's own sign-in at the EHR."""
    connection = _tried(request, ref)
    form = TestVisitForm(request.POST or None)
    ready = _may_begin(request, connection)
    if request.method == "POST" and ready and form.is_valid() and directory.confirmed(request, connection.organization):
        return redirect("test_visit", ref=ref, visit=_begin(request, connection, form))
    return shell.page(
        request,
        "portal/try_visit.html",
        "configure",
        status=422 if form.is_bound else 200,
        connection=connection,
        form=form,
        ready=ready,
        refused=connection.environment == Environment.PRODUCTION,
        told=agreement.load(connection.live.settings).status.complete,  # type: ignore[union-attr]
        earlier=visits.test_visits(connection),
    )


def _begin(request: HttpRequest, connection: Connection, form: TestVisitForm) -> UUID:
    actor = actor_of(request, connection.organization, connection)
    with transaction.atomic():
        visit = visits.begin_test(connection, actor.user, form.cleaned_data["session"], form.sides())
        history.record(connection.organization, Change.Kind.TEST_VISIT, actor=actor, connection=connection)
    messages.success(request, _("The test visit has begun. Open both sides, each in a browser of its own if you can."))
    return visit.id


@require_GET
def follow(request: HttpRequest, ref: str, visit: UUID) -> HttpResponse:
    """Both sides and the timeline of a test visit; it renews itself."""
    connection = _tried(request, ref)
    found = visits.test_visit(connection, visit)
    if found is None:
        raise Http404
    shown = {"connection": connection, **visits.timeline(found)}
    if request.headers.get("HX-Request"):
        return render(request, "portal/test_visit_state.html", shown)
    return shell.page(request, "portal/test_visit.html", "configure", **shown)


@require_GET
def side(request: HttpRequest, ref: str, visit: UUID, side: str) -> HttpResponse:
    """Go in as the clinician or as the patient."""
    connection = _tried(request, ref)
    found = visits.test_visit(connection, visit)
    if found is None or side not in SIDES or not _may_begin(request, connection):
        raise Http404
    return visits.open_test_side(request, found, side)


def _tried(request: HttpRequest, ref: str) -> Connection:
    """A live connection of somebody who may stop and start it."""
    connection = access.connection_of(signed_in(request), ref)
    if connection.live is None or not access.governs(signed_in(request), connection):
        raise Http404
    return connection


def _may_begin(request: HttpRequest, connection: Connection) -> bool:
    """In testing, after the person's own EHR sign-in for the live settings, in the last hours."""
    recent = EhrSignIn.objects.filter(
        user=signed_in(request), revision=connection.live, at__gt=timezone.now() - SIGN_IN_LIFE
    )
    return connection.environment == Environment.TESTING and recent.exists()
