"""The story of one meeting, told fact by fact.

An outsider of the roster is one of our patients only where nothing else is possible (attribution): exactly one person
of the patient's side was sent to Teams, and exactly one outsider is there. His roster id stays his. A new id is his too
when the old one has gone, or when it comes out of nowhere into the call while the old one still lies in the lobby (ids
may change on admission). An outsider who has been there beside him is somebody else for good; one who came before he
was sent is somebody else for that stay. Who comes with the account of another organization is never a patient of ours.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from itertools import groupby
from operator import attrgetter

from visits.fold import reports
from visits.fold.shapes import (
    AWAITED,
    CALL_ENDED,
    CONNECTED,
    DISCONNECTED,
    EVERYBODY,
    EXPECTED,
    GONE,
    LOBBY,
    OURS_DIFFERS,
    PRESENT,
    PROVIDER,
    ROSTER,
    SENT,
    TO_TEAMS,
    Change,
    FactLine,
    Outsider,
    Person,
    PersonState,
    VisitState,
)


@dataclass
class _Seat:
    """A roster entry while the story is told. `owners` are the participants it is attributed to."""

    oid: str
    owners: frozenset[str]
    foreign: bool = False
    report: str = ""
    last: datetime | None = None  # its last fact in all the story
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
    calls: tuple[reports.Call, ...]
    off: dict[str, str]  # what each person is whenever he is in no roster
    shown: dict[str, PersonState]
    awaited: tuple[datetime, str] | None = None  # since when the first one of the patient's side may be in the roster
    sent: dict[str, datetime] = field(default_factory=dict)  # of the patient's side, first time
    sent_last: dict[str, datetime] = field(default_factory=dict)  # of everybody
    changes: list[Change] = field(default_factory=list)
    call_since: datetime | None = None
    empty_since: datetime | None = None
    had_call: bool = False


def fold(facts: Iterable[FactLine], people: Iterable[Person]) -> VisitState:
    """The state that these facts of one meeting come to."""
    order = attrgetter("at", "kind", "event_id", "participant_key", "oid", "foreign", "report")
    lines, silences = reports.believed(sorted(set(facts), key=order))
    story = _begin(lines, {person.key: person for person in sorted(people, key=attrgetter("key"))})
    moments = {at: list(of) for at, of in groupby(lines, key=attrgetter("at"))}
    others = {at for at, _ in silences} | ({story.awaited[0]} if story.awaited else set())
    for at in sorted(moments.keys() | others):
        _pass(story, at, moments.get(at, []), [foreign for when, foreign in silences if when == at])
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
    entries: dict[str, list[FactLine]] = {}
    for line in lines:
        if line.kind in ROSTER:
            entries.setdefault(line.participant_key, []).append(line)
    return _Story(
        awaited=_awaited(lines, people),
        people=people,
        seats={key: _seat(of, people) for key, of in entries.items()},
        calls=reports.calls(lines),
        off=dict.fromkeys(people, EXPECTED),
        shown=dict.fromkeys(people, PersonState(EXPECTED, None)),
    )


def _awaited(lines: list[FactLine], people: dict[str, Person]) -> tuple[datetime, str] | None:
    """The first person of the patient's side who was sent, and since when he may have been in the roster by its own
    clock, which may be behind ours."""
    patients = {key for key, person in people.items() if person.role != PROVIDER}
    first = next((line for line in lines if line.kind == SENT and line.participant_key in patients), None)
    return (first.at - OURS_DIFFERS, first.participant_key) if first else None


def _seat(lines: list[FactLine], people: dict[str, Person]) -> _Seat:
    """An entry by all its facts: not each need say who it is."""
    oid = next((line.oid for line in lines if line.oid), "")
    foreign = not oid and any(line.foreign for line in lines)
    return _Seat(oid, _staff(oid, people), foreign, lines[0].report, lines[-1].at)


def _staff(oid: str, people: dict[str, Person]) -> frozenset[str]:
    """The one clinician with this account; nobody, when two people of the visit have it."""
    theirs = [person for person in people.values() if oid and person.oid == oid]
    known = len(theirs) == 1 and theirs[0].role == PROVIDER
    return frozenset({theirs[0].key}) if known else frozenset()


def _pass(story: _Story, at: datetime, lines: list[FactLine], silences: list[bool]) -> None:
    """Everything that happened at one moment, then what it means: within a moment nobody is counted twice."""
    if story.awaited and story.awaited[0] <= at:
        story.sent.setdefault(story.awaited[1], story.awaited[0])
    for line in lines:
        _page(story, line)
    ends = {line.participant_key for line in lines if line.kind == CALL_ENDED}
    _empty(story, at, ends, silences)
    ended = bool(ends)
    came = [arrival for line in lines if (arrival := _roster(story, line))]
    came += _attribute(story)
    for key in {key for seat in came for key in seat.owners}:
        story.off[key] = DISCONNECTED
    how = {"inferred": ended, "reported": all(line.report for line in lines)}
    _show_people(story, at, **how)
    _show_outsiders(story, at, **how)
    _show_call(story, at, ended)


def _empty(story: _Story, at: datetime, ends: set[str], silences: list[bool]) -> None:
    """Who leaves without a fact of his own: everybody in the call when it ends, with those on the way who never came to
    it; and outsiders of whom nothing more is told once a report shows none. Who waits in the lobby waits on, until
    nothing more is expected of anybody."""
    for seat in story.seats.values():
        unheard = not seat.oid and not seat.report and seat.foreign in silences and seat.last and seat.last < at
        over = seat.presence == CONNECTED and (ends or unheard)
        if over or (seat.present and EVERYBODY in ends):
            seat.presence = DISCONNECTED
    for key in [key for key, off in story.off.items() if ends and off == SENT]:
        if story.sent_last[key] + TO_TEAMS <= at:
            story.off[key] = DISCONNECTED if story.shown[key].presence in PRESENT else EXPECTED


def _page(story: _Story, line: FactLine) -> None:
    """Facts of our own pages. They outlast a stay in the roster that began before them, and no other; nor does the
    first time that somebody is sent, where the stay may have begun after it by a clock that is behind ours."""
    key = line.participant_key
    if key not in story.people:
        return
    came_at_once = line.kind == SENT and key not in story.sent_last and _came_since(story, key, line.at - OURS_DIFFERS)
    if line.kind in AWAITED and not came_at_once:
        story.off[key] = line.kind
    elif line.kind == GONE and story.off[key] in AWAITED:
        story.off[key] = DISCONNECTED if story.shown[key].presence in PRESENT else EXPECTED
    if line.kind == SENT:
        story.sent_last[key] = line.at
        if story.people[key].role != PROVIDER:
            story.sent.setdefault(key, line.at)


def _came_since(story: _Story, key: str, at: datetime) -> bool:
    return any(key in seat.owners and seat.arrived and seat.arrived > at for seat in story.seats.values())


def _roster(story: _Story, line: FactLine) -> _Seat | None:
    """Seat a roster fact. Returns the seat when the fact shows that somebody has come since he was on our pages: who
    leaves a roster without having been seen in it came unseen."""
    if line.kind not in ROSTER:
        return None
    seat = story.seats[line.participant_key]
    if not line.report and any(call.tells_of(seat.oid, line) for call in story.calls):
        return _lobby(story, seat, line)
    if line.report and line.kind == CONNECTED:
        _take_over(story, seat)
    stayed = seat.present
    if line.kind in PRESENT and not stayed:
        seat.arrived = line.at
        _come_back(seat)
    seat.presence = line.kind
    seat.seen_in_lobby = seat.seen_in_lobby or line.kind == LOBBY
    return None if stayed and line.kind == DISCONNECTED else seat


def _lobby(story: _Story, seat: _Seat, line: FactLine) -> _Seat | None:
    """A roster fact of a time in which a report tells when this member was in the call: it can add his lobby."""
    in_call = any(one.report and one.oid == seat.oid and one.presence == CONNECTED for one in story.seats.values())
    if line.kind == LOBBY and not in_call:
        seat.presence = LOBBY
        return seat
    if line.kind == DISCONNECTED and seat.present:
        seat.presence = DISCONNECTED
    return None


def _take_over(story: _Story, reported: _Seat) -> None:
    """Whom a report names in the call is in its lobby no more, whatever became of the roster's fact."""
    for seat in story.seats.values():
        if reported.oid and seat.oid == reported.oid and not seat.report:
            seat.presence, seat.shown = "", None


def _come_back(seat: _Seat) -> None:
    """An entry that was taken for replaced is there after all: the other was somebody else."""
    if seat.successor:
        seat.successor.owners, seat.successor.somebody_else = frozenset(), True
        seat.successor = None


def _attribute(story: _Story) -> list[_Seat]:
    """The seat that is found to be the patient's at this moment, if any."""
    outsiders = [seat for seat in story.seats.values() if seat.present and not seat.oid and not seat.foreign]
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
    if seat.somebody_else or seat.arrived is None or seat.arrived < sent_at:
        return False
    admitted = seat.presence == CONNECTED and not seat.seen_in_lobby
    return all(one.presence == LOBBY for one in known) and (admitted or not known)


def _show_people(story: _Story, at: datetime, inferred: bool, reported: bool) -> None:
    roster: dict[str, set[str]] = {key: set() for key in story.people}
    for seat in story.seats.values():
        for key in seat.owners:
            roster[key].add(seat.presence)
    for key, presences in roster.items():
        presence = next((one for one in PRESENT if one in presences), story.off[key])
        if presence != story.shown[key].presence:
            story.shown[key] = PersonState(presence, at)
            story.changes.append(Change(at, key, presence, inferred and presence == DISCONNECTED, reported))


def _show_outsiders(story: _Story, at: datetime, inferred: bool, reported: bool) -> None:
    for seat in story.seats.values():
        if seat.presence and not seat.owners and (seat.shown is None or seat.shown.presence != seat.presence):
            seat.shown = Outsider(seat.presence, at, bool(seat.oid), seat.foreign)
            guessed = inferred and seat.presence == DISCONNECTED
            whose = {"colleague": bool(seat.oid), "foreign": seat.foreign}
            story.changes.append(Change(at, "", seat.presence, guessed, reported, **whose))


def _show_call(story: _Story, at: datetime, ended: bool) -> None:
    """Since when somebody is in the call; and after a call, since when nobody is there or about to be. What ended was a
    call, even if nobody was told to be in it; and while a report says that it runs, somebody is."""
    seats = story.seats.values()
    connected = any(seat.presence == CONNECTED for seat in seats) or any(
        one.start <= at < one.end for one in story.calls
    )
    story.had_call = story.had_call or connected or ended
    story.call_since = (story.call_since or at) if connected else None
    awaited = any(state.presence in AWAITED for state in story.shown.values())
    busy = awaited or connected or any(seat.present for seat in seats) or not story.had_call
    story.empty_since = None if busy else (story.empty_since or at)
