"""What a waiting page knows, from the cache: thousands may wait, and each asks every few seconds.

Two things are kept. A *seat* is what never changes of a launch, under the hash of its handle. A *room* is what all
pages of a visit show; whoever changes a visit, its connection or its organization outdates it (connector.cached). Both
hold words, times and our own random ids: no name of a person, no id of the EHR, no address of a meeting.
"""

import time
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from uuid import UUID

from django.core.cache import cache
from django.http import HttpRequest
from django.utils import timezone

from connector.cached import quietly, remembered
from visits import facts, fold, onward, outcome, presence, trouble
from visits.browsers import browser_of, hash_of
from visits.doors import CONFERENCE
from visits.handles import Lost
from visits.models import Fact, Launch, Participant, Visit, Writeback

# The numbers in the names are those of the shapes below: another shape, another number.
SEAT, ROOM = "waiting:seat:2:{}", "waiting:room:1:{}"
SEAT_SECONDS = 3600
ROOM_SECONDS = 60  # what nobody outdated, because the cache was away just then, is found by itself

# The newest writeback of somebody who waits -> whether the EHR shows it.
TOLD = {
    Writeback.State.WAITING: "telling",
    Writeback.State.DELIVERED: "told",
    Writeback.State.SUPERSEDED: "telling",
    Writeback.State.DEAD: "failed",
}


@dataclass(frozen=True)
class Seat:
    """Whose page a handle opens. `browser_hash` is empty where the browser keeps no cookie."""

    launch: UUID
    participant: UUID
    visit: UUID
    connection: UUID
    organization: UUID
    browser_hash: str
    until: float  # epoch seconds
    framed: bool


@dataclass(frozen=True)
class One:
    """One person of the patient's side. `waits`: his page counts as open. `told`: empty, telling, told or failed."""

    waits: bool = False
    sent: bool = False
    told: str = ""


@dataclass(frozen=True)
class Device:
    """What changes of a launch: the language that was picked, and whether its link into another browser was used."""

    language: str = ""
    handed_over: bool = False


@dataclass(frozen=True)
class Room:
    """A visit as its waiting pages show it. `clinician` is empty, here or left; `people` by participant, `devices` by
    launch: a page reads its own alone."""

    open: bool
    ended: bool
    clinician: str
    visitor_link: bool
    group: bool
    test: bool
    starts_at: datetime | None
    hospital: str
    clinic: str
    help_line: str
    help_hours: str
    ancestors: list[str]
    people: dict[UUID, One]
    devices: dict[UUID, Device]


def known_seat(request: HttpRequest, handle: str) -> Seat | None:
    """The seat of this browser's handle, if the cache knows it. None proves nothing: the rows decide then, and for
    whatever is asked beyond the page itself."""
    seat: Seat | None = None if request.GET else quietly(lambda: cache.get(SEAT.format(hash_of(handle))))
    if seat is None or seat.until < time.time() or seat.browser_hash != browser_of(request):
        return None
    return seat


def seat_of(row: Launch, participant: Participant) -> Seat:
    """The seat of a launch, kept for the next refresh; a handle that changes with each is not."""
    until = row.handle_until or timezone.now()
    connection = participant.visit.connection
    ids = (row.pk, participant.pk, participant.visit_id, connection.pk, connection.organization_id)
    seat = Seat(*ids, row.browser_hash, until.timestamp(), row.framed)
    if seat.browser_hash:
        seconds = min(SEAT_SECONDS, seat.until - time.time())
        quietly(lambda: cache.set(SEAT.format(row.handle_hash), seat, seconds))
    return seat


def room_of(seat: Seat) -> Room:
    """What the pages of the seat's visit show now. Raises Lost where the visit has been forgotten."""
    of = {"visit": seat.visit, "connection": seat.connection, "organization": seat.organization}
    room: Room = remembered(ROOM.format(seat.visit), of, partial(_read, seat.visit), ROOM_SECONDS)
    return room


def language_of(seat: Seat) -> str:
    """The language that was picked on the seat's page; empty: the browser's."""
    return room_of(seat).devices.get(seat.launch, Device()).language


def _read(visit_id: UUID) -> Room:
    related = ("connection__organization", "connection__live")
    visit = Visit.objects.select_related(*related).filter(pk=visit_id).first()
    if visit is None:
        raise Lost(None)
    people = list(visit.participants.all())
    return Room(
        open=bool(visit.join_url_sealed) and visit.ended_at is None,
        ended=visit.ended_at is not None,
        clinician=_clinician(visit, people),
        visitor_link=bool(visit.visitor_url_sealed),
        group=visit.session_kind == CONFERENCE,
        test=visit.test,
        starts_at=visit.starts_at,
        people=_people(visit, people),
        devices=_devices(visit),
        clinic=visit.clinic or visit.connection.label,
        ancestors=trouble.ancestors(visit.connection),
        **onward.around(visit.connection),
    )


def _clinician(visit: Visit, people: list[Participant]) -> str:
    """Whether a clinician is there, or has left a call that the patient's side was in with one. Who left before anybody
    came, such as a nurse who opened the visit, says nothing of the one who is still to come."""
    state = presence.state_of(visit)
    # Who has pressed since the state was read is on the next refresh.
    staff = {key for one in people if one.is_staff and (key := str(one.pk)) in state.people}
    presences = {state.people[key].presence for key in staff}
    if fold.CONNECTED in presences:
        return "here"
    reading = outcome.read(state, staff, ended=False, live=visit.presence_live, now=timezone.now())
    return "left" if fold.DISCONNECTED in presences and reading.met_at else ""


def _people(visit: Visit, people: list[Participant]) -> dict[UUID, One]:
    """The patient's side, each with what he was told last by page and EHR."""
    newest = facts.newest_of_pages(visit)
    rows = Writeback.objects.filter(participant__visit=visit, entry=None).order_by("participant", "-sequence")
    told = {row.participant_id: row for row in rows.distinct("participant")}
    return {
        one.pk: One(
            waits=newest.get(str(one.pk), Fact.Kind.GONE) != Fact.Kind.GONE,
            sent=one.sent_at is not None,
            told=_told(told.get(one.pk)),
        )
        for one in people
        if not one.is_staff
    }


def _told(row: Writeback | None) -> str:
    """Whether the EHR shows that he waits; empty where it is told of nobody, or of something else by now."""
    return TOLD[Writeback.State(row.state)] if row and row.presence == "waiting" else ""


def _devices(visit: Visit) -> dict[UUID, Device]:
    rows = Launch.objects.filter(participant__visit=visit).values_list("pk", "language", "handed_over_at")
    return {pk: Device(language, at is not None) for pk, language, at in rows}
