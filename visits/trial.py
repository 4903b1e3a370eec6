"""Test visits: both sides of a visit whose ids an analyst typed, through the same pages, meeting and writebacks as any
other, marked TEST, with what was asked and answered on the way."""

import secrets
from dataclasses import dataclass

from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from connector import keys, trail
from connector.models import Connection, User
from visits import browsers, handles, waiting
from visits.models import Participant, Visit

KIND = "test"
Role = Participant.Role
DOORS = {Role.PROVIDER: "provider", Role.PATIENT: "patient"}


@dataclass(frozen=True)
class Ids:
    """What the EHR calls one side of the test visit: typed, and echoed to it byte for byte."""

    external_id: str
    external_id_type: str


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
