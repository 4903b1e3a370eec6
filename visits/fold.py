"""Facts in, state out: who is where in a visit. Pure and total: the same facts give the same state in every order, told
once or many times, and facts that were lost raise nothing.

An outsider of the roster is one of our patients only where nothing else is possible (attribution): exactly one person
of the patient's side was sent to Teams, and exactly one outsider is there. His roster id stays his. A new id is his too
when the old one has gone, or when it comes out of nowhere into the call while the old one still lies in the lobby (ids
may change on admission). An outsider who has been there beside him is somebody else for good; one who came before he
was sent is somebody else for that stay.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import groupby
from operator import attrgetter

EXPECTED, WAITING, SENT, LOBBY = "expected", "waiting", "sent", "lobby"
CONNECTED, DISCONNECTED, GONE, CALL_ENDED = "connected", "disconnected", "gone", "call-ended"
PROVIDER = "provider"
PRESENT = (CONNECTED, LOBBY)  # in the roster; the first outweighs the second
ROSTER = (*PRESENT, DISCONNECTED)
AWAITED = (WAITING, SENT)  # not in the roster, but about to be
CLOCKS_DIFFER = timedelta(minutes=1)  # at most, between our clock (sent) and Microsoft's (roster)


@dataclass(frozen=True)
class FactLine:
    """A fact. `participant_key` is a Person's key for page facts and names a roster entry for all others."""

    kind: str
    participant_key: str
    oid: str
    at: datetime
    event_id: str


@dataclass(frozen=True)
class Person:
    """One of our participants. `oid` is that of the linked account, or empty."""

    key: str
    role: str
    oid: str


@dataclass(frozen=True)
class PersonState:
    """Where a participant is: expected, waiting, sent, lobby, connected or disconnected. Expected has no `since` until
    a waiting person was taken back."""

    presence: str
    since: datetime | None


@dataclass(frozen=True)
class Outsider:
    """A roster entry that is none of our participants, as far as can be known; `colleague`: of the organization."""

    presence: str
    since: datetime
    colleague: bool


@dataclass(frozen=True)
class Change:
    """A line of the visit's story. `key` is the participant's, or empty for somebody unattributed; `inferred`: only the
    end of the call tells that he is gone."""

    at: datetime
    key: str
    presence: str
    inferred: bool = False


@dataclass(frozen=True)
class VisitState:
    """The visit as its facts tell it. `call_since`: somebody is in the call since then. `empty_since`: after a call,
    nobody is there, waits or is on the way."""

    people: dict[str, PersonState]
    unattributed: tuple[Outsider, ...]
    in_call: bool
    call_since: datetime | None
    empty_since: datetime | None
    changes: tuple[Change, ...]


@dataclass
class _Seat:
    """A roster entry while the story is told. `owners` are the participants it is attributed to."""

    oid: str
    owners: frozenset[str]
    presence: str = ""
    arrived: datetime | None = None
    seen_in_lobby: bool = False
    somebody_else: bool = False
    successor: "_Seat | None" = None
    shown: Outsider | None = None

    @property
    def present(self) -> bool:
        return self.presence in PRESENT


@dataclass
class _Story:
    """What is known up to a moment."""

    people: dict[str, Person]
    seats: dict[str, _Seat]
    off: dict[str, str]  # what each person is whenever he is in no roster
    shown: dict[str, PersonState]
    sent: dict[str, datetime] = field(default_factory=dict)  # of the patient's side, first time
    changes: list[Change] = field(default_factory=list)
    call_since: datetime | None = None
    empty_since: datetime | None = None
    had_call: bool = False


def fold(facts: Iterable[FactLine], people: Iterable[Person]) -> VisitState:
    """The state that these facts of one meeting come to."""
    lines = sorted(set(facts), key=attrgetter("at", "kind", "event_id", "participant_key", "oid"))
    story = _begin(lines, {person.key: person for person in sorted(people, key=attrgetter("key"))})
    for at, moment in groupby(lines, key=attrgetter("at")):
        _pass(story, at, list(moment))
    outsiders = [seat.shown for seat in story.seats.values() if seat.shown and not seat.owners]
    return VisitState(
        people=story.shown,
        unattributed=tuple(outsiders),
        in_call=story.call_since is not None,
        call_since=story.call_since,
        empty_since=story.empty_since,
        changes=tuple(story.changes),
    )


def _begin(lines: list[FactLine], people: dict[str, Person]) -> _Story:
    oids: dict[str, str] = {}
    for line in lines:
        if line.kind in ROSTER:
            oids[line.participant_key] = oids.get(line.participant_key) or line.oid
    return _Story(
        people=people,
        seats={key: _Seat(oid, _staff(oid, people)) for key, oid in oids.items()},
        off=dict.fromkeys(people, EXPECTED),
        shown=dict.fromkeys(people, PersonState(EXPECTED, None)),
    )


def _staff(oid: str, people: dict[str, Person]) -> frozenset[str]:
    """The one clinician with this account; nobody, when two people of the visit have it."""
    theirs = [person for person in people.values() if oid and person.oid == oid]
    known = len(theirs) == 1 and theirs[0].role == PROVIDER
    return frozenset({theirs[0].key}) if known else frozenset()


def _pass(story: _Story, at: datetime, lines: list[FactLine]) -> None:
    """Everything that happened at one moment, then what it means: within a moment nobody is counted twice."""
    for line in lines:
        _page(story, line)
    ended = any(line.kind == CALL_ENDED for line in lines)
    if ended:
        for seat in story.seats.values():
            seat.presence = DISCONNECTED if seat.present else seat.presence
    came = [arrival for line in lines if (arrival := _roster(story, line))]
    came += _attribute(story)
    for key in {key for seat in came for key in seat.owners}:
        story.off[key] = DISCONNECTED
    _show_people(story, at, ended)
    _show_outsiders(story, at, ended)
    _show_call(story, at)


def _page(story: _Story, line: FactLine) -> None:
    """Facts of our own pages. They outlast a stay in the roster that began before them, and no other."""
    key = line.participant_key
    if key not in story.people:
        return
    if line.kind in AWAITED:
        story.off[key] = line.kind
    elif line.kind == GONE and story.off[key] in AWAITED:
        story.off[key] = DISCONNECTED if story.shown[key].presence in PRESENT else EXPECTED
    if line.kind == SENT and story.people[key].role != PROVIDER:
        story.sent.setdefault(key, line.at)


def _roster(story: _Story, line: FactLine) -> _Seat | None:
    """Seat a roster fact. Returns the seat when the fact shows that somebody has come since he was on our pages: who
    leaves a roster without having been seen in it came unseen."""
    if line.kind not in ROSTER:
        return None
    seat = story.seats[line.participant_key]
    stayed = seat.present
    if line.kind in PRESENT and not stayed:
        seat.arrived = line.at
        _come_back(seat)
    seat.presence = line.kind
    seat.seen_in_lobby = seat.seen_in_lobby or line.kind == LOBBY
    return None if stayed and line.kind == DISCONNECTED else seat


def _come_back(seat: _Seat) -> None:
    """An entry that was taken for replaced is there after all: the other was somebody else."""
    if seat.successor:
        seat.successor.owners, seat.successor.somebody_else = frozenset(), True
        seat.successor = None


def _attribute(story: _Story) -> list[_Seat]:
    """The seat that is found to be the patient's at this moment, if any."""
    outsiders = [seat for seat in story.seats.values() if seat.present and not seat.oid]
    known = [seat for seat in outsiders if seat.owners]
    new = [seat for seat in outsiders if not seat.owners]
    found = new[0] if len(story.sent) == len(new) == 1 and _can_be(story, new[0], known) else None
    if found:
        found.owners = frozenset(story.sent)
        for replaced in known:
            replaced.presence, replaced.successor = DISCONNECTED, found
    for seat in new if known and not found else []:
        seat.somebody_else = True
    return [found] if found else []


def _can_be(story: _Story, seat: _Seat, known: list[_Seat]) -> bool:
    """Whether a lone newcomer is the one person sent, or his lobby entry under another id."""
    [sent_at] = story.sent.values()
    if seat.somebody_else or seat.arrived is None or seat.arrived < sent_at - CLOCKS_DIFFER:
        return False
    admitted = seat.presence == CONNECTED and not seat.seen_in_lobby
    return all(one.presence == LOBBY for one in known) and (admitted or not known)


def _show_people(story: _Story, at: datetime, ended: bool) -> None:
    roster: dict[str, set[str]] = {key: set() for key in story.people}
    for seat in story.seats.values():
        for key in seat.owners:
            roster[key].add(seat.presence)
    for key, presences in roster.items():
        presence = next((one for one in PRESENT if one in presences), story.off[key])
        if presence != story.shown[key].presence:
            story.shown[key] = PersonState(presence, at)
            story.changes.append(Change(at, key, presence, ended and presence == DISCONNECTED))


def _show_outsiders(story: _Story, at: datetime, ended: bool) -> None:
    for seat in story.seats.values():
        if seat.presence and not seat.owners and (seat.shown is None or seat.shown.presence != seat.presence):
            seat.shown = Outsider(seat.presence, at, bool(seat.oid))
            story.changes.append(Change(at, "", seat.presence, ended and seat.presence == DISCONNECTED))


def _show_call(story: _Story, at: datetime) -> None:
    """Since when somebody is in the call; and after a call, since when nobody is there or about to be."""
    seats = story.seats.values()
    connected = any(seat.presence == CONNECTED for seat in seats)
    story.had_call = story.had_call or connected
    story.call_since = (story.call_since or at) if connected else None
    awaited = any(state.presence in AWAITED for state in story.shown.values())
    busy = awaited or any(seat.present for seat in seats) or not story.had_call
    story.empty_since = None if busy else (story.empty_since or at)
