"""Test visits: both sides of a visit whose ids an analyst typed, through the same pages, meeting and writebacks as any
other, marked TEST, with what was asked and answered on the way."""

import secrets
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from connector import keys, trail
from connector.models import Connection, Entry, User
from visits import browsers, handles, waiting
from visits.looking import CALL
from visits.models import Participant, Visit

KIND = "test"
Role = Participant.Role
DOORS = {Role.PROVIDER: "provider", Role.PATIENT: "patient"}

# What the lines of the trail say on the timeline.
WORDS: dict[str, str | Promise] = {
    "test-visit-begun": _("Test visit begun"),
    "test-side-opened": _("Side opened"),
    CALL: _("Call"),
    "handed-over": _("Opened in another browser"),
    "meeting-opened": _("Teams meeting opened"),
    "meeting-closed": _("Teams meeting closed"),
    "meeting-closed-failed": _("Teams meeting could not be closed"),
    "meeting-deleted": _("Teams meeting deleted"),
    "meeting-deleted-failed": _("Teams meeting could not be deleted"),
    "participant-waiting": _("On the waiting page"),
    "participant-lobby": _("In the Teams lobby"),
    "participant-connected": _("In the visit"),
    "participant-disconnected": _("Has left"),
    "outsider-lobby": _("Somebody else in the Teams lobby"),
    "outsider-connected": _("Somebody else in the visit"),
    "outsider-disconnected": _("Somebody else has left"),
    "writeback-delivered": _("The EHR was told"),
    "writeback-superseded": _("Not told: a newer state went out"),
    "writeback-dead": _("Given up: the EHR refused"),
}


SERVICES: dict[str, str | Promise] = {
    "graph": _("Microsoft Graph"),
    "entra": _("Microsoft sign-in"),
    "ehr": _("EHR"),
}


@dataclass(frozen=True)
class Ids:
    """What the EHR calls one side of the test visit: typed, and echoed to it byte for byte."""

    external_id: str
    external_id_type: str


@dataclass(frozen=True)
class Step:
    """One line of the timeline: codes, hosts and times, never an id or a token."""

    at: datetime
    what: str | Promise
    side: str | Promise
    service: str | Promise  # whom a call went to
    detail: dict[str, str]


def begin(connection: Connection, user: User, session: str, sides: dict[str, Ids]) -> Visit:
    """A test visit of its own, with the analyst himself as its clinician. `sides` by role: provider and patient."""
    organization = connection.organization_id
    once = secrets.token_urlsafe(12)  # typed twice, the same ids are two visits
    session_hash, kid = keys.hash_of(organization, f"{once} {session}", ("visit", "session", str(connection.id), KIND))
    visit = Visit(connection=connection, session_kind=KIND, session_hash=session_hash, hash_kid=kid, test=True)
    visit.seal("session", session)
    with transaction.atomic():
        visit.save(force_insert=True)
        for role, ids in sides.items():
            _participant(visit, Role(role), ids, user).save(force_insert=True)
        trail.record(connection.organization, "test-visit-begun", visit=visit.id)
    return visit


def _participant(visit: Visit, role: Role, ids: Ids, user: User) -> Participant:
    place = ("participant", "ehr_user", str(visit.connection_id))
    hashed, kid = keys.hash_of(visit.organization_id, f"{KIND} {role} {visit.id}", place)
    person = Participant(visit=visit, role=role, ehr_user_hash=hashed, hash_kid=kid)
    person.user = user if role == Role.PROVIDER else None
    person.seal("external_id", ids.external_id)
    person.seal("external_id_type", ids.external_id_type)
    return person


def open_side(request: HttpRequest, visit: Visit, role: str) -> HttpResponse:
    """Go in as one of the two, in this browser, as after a launch."""
    person = visit.participants.get(role=role)
    row, browser_id = handles.open_page(request, person, DOORS[Role(role)])
    trail.record(visit.connection.organization, "test-side-opened", visit=visit.id, participant=person.id)
    if not person.is_staff:
        waiting.arrived(person, event_id=str(row.id))
    response = redirect("visit", handle=handles.issue(row))
    browsers.give_cookie(response, browser_id)
    return response


def _side(sides: dict[UUID, str | Promise], entry: Entry) -> str | Promise:
    return sides.get(entry.participant, "") if entry.participant else ""


def _service(entry: Entry) -> str | Promise:
    return SERVICES.get(entry.detail.get("service", ""), "")


def timeline(visit: Visit) -> list[Step]:
    """What happened so far, in order."""
    sides: dict[UUID, str | Promise] = {person.id: Role(person.role).label for person in visit.participants.all()}
    return [
        Step(entry.at, WORDS.get(entry.event, entry.event), _side(sides, entry), _service(entry), entry.detail)
        for entry in Entry.objects.filter(visit=visit.id).order_by("at", "id")
    ]
