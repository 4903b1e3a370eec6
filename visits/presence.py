"""From facts to what others are told: a visit's times, trail and writebacks, folded under the visit's lock."""

import time
from collections import Counter, defaultdict
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID

from django.core.cache import cache
from django.db import transaction
from django.db.models import Exists, F, OuterRef
from django.utils import timezone

from connector import trail, wires
from connector.cached import outdate, quietly
from connector.each import each
from connector.models import Connection, Entry
from visits import facts, fold, reports, writeback
from visits.fold import Change, FactLine, Person, PersonState, VisitState
from visits.models import Ending, Fact, Participant, Visit, Writeback

EMPTY_SECONDS = 300  # of an empty roster after a call, until the visit has ended

# The EHR knows three words; what is not here is decided by what it was told before.
TOLD = {
    fold.WAITING: "waiting",
    fold.LOBBY: "waiting",
    fold.CONNECTED: "connected",
    fold.DISCONNECTED: "disconnected",
}
THERE = (fold.WAITING, *fold.PRESENT)  # which is told of nobody who may have left unseen
TAKEN_BACK = {fold.EXPECTED: ("waiting", "connected"), fold.SENT: ("connected",)}
EVENTS = {
    fold.WAITING: "waiting",
    fold.LOBBY: "lobby",
    fold.CONNECTED: "connected",
    fold.DISCONNECTED: "disconnected",
    fold.EXPECTED: "gone",
}

CALL = (Fact.Kind.CONNECTED, Fact.Kind.CALL_ENDED)  # either tells that there was a call
Line = tuple[str, UUID | None, datetime]


def state_of(visit: Visit, generation: int | None = None) -> VisitState:
    """The state of the visit's present meeting, or of an earlier one, read without a lock. Every participant is in its
    `people`."""
    return _state(visit, list(visit.participants.select_related("user")), generation)


def states_of(visits: list[Visit]) -> dict[UUID, tuple[VisitState, frozenset[str]]]:
    """(state, keys of its clinicians) of many visits, read at once and without a lock."""
    people, lines = defaultdict(list), facts.lines_of_each(visits)
    for one in Participant.objects.filter(visit__in=visits).select_related("user"):
        people[one.visit_id].append(one)
    return {
        visit.pk: (
            _folded(lines[visit.pk], people[visit.pk]),
            frozenset(str(one.id) for one in people[visit.pk] if one.is_staff),
        )
        for visit in visits
    }


def refold(visit_id: UUID, generation: int | None = None) -> None:
    """Fold a visit and write what the fold changes: its times, trail entries, writebacks. Again without new facts it
    writes nothing; a visit that has been forgotten is none. Of an earlier `generation` only trail and report are
    mended."""
    with transaction.atomic():
        visit = locked(visit_id)
        if visit is None:
            return
        participants = list(visit.participants.select_related("user"))
        if generation not in (None, visit.generation):
            earlier = _state(visit, participants, generation)
            _write_trail(visit, earlier, over=True)
            reports.write(visit, participants, earlier, generation)
            return
        state = _state(visit, participants)
        changed = _write_times(visit, state)
        _write_trail(visit, state, over=visit.ended_at is not None)
        lanes = _write_back(visit, participants, state)
        if changed or lanes:
            outdate("visit", visit.pk)
        for target_id, lane in lanes:
            transaction.on_commit(partial(writeback.wake, target_id, lane))
        reports.write(visit, participants, state)


@transaction.atomic
def tell(visit: Visit, **fact: Any) -> None:
    """Keep a fact and fold it, both or neither: nobody else would fold what a process that died had kept."""
    facts.record(visit, **fact)
    refold(visit.pk, visit.generation)


def sweep() -> int:
    """Fold the visits whose roster has been empty long enough; returns how many were looked at."""
    # Where somebody only waits the visit is due as well, and there is nothing to fold.
    call = Fact.objects.filter(visit=OuterRef("pk"), generation=OuterRef("generation"), kind__in=CALL)
    due = Visit.objects.filter(Exists(call), due_at__lte=timezone.now())
    return each(list(due.order_by("due_at").values_list("pk", flat=True)), refold)


def sweep_waiting() -> int:
    """Take back those whose waiting page has fallen silent, and those sent to Teams who never came; returns how
    many."""
    # due_at is set while somebody waits or is on the way, so its partial index leads to these visits alone.
    pages = Fact.objects.filter(source=facts.PAGE, visit__due_at__isnull=False, visit__generation=F("generation"))
    newest = pages.order_by("participant_key", "-at", "-kind", "-event_id").distinct("participant_key")
    last = list(newest.select_related("visit__connection__live"))
    gone = _silent([fact for fact in last if fact.kind == Fact.Kind.WAITING])
    gone += _never_came([fact for fact in last if fact.kind == Fact.Kind.SENT])
    return each(gone, lambda one: _take_back(*one))


def _silent(waiting: list[Fact]) -> list[tuple[Fact, datetime]]:
    """Who has not asked again for longer than the connection's limit, and when that was reached. A cache that is away
    or has forgotten proves nothing: the time starts anew."""
    keys = {fact.pk: facts.SEEN_KEY.format(fact.participant_key) for fact in waiting}
    seen = quietly(lambda: cache.get_many(keys.values()))
    if seen is None:
        return []
    for key in keys.values():
        if key not in seen:
            quietly(partial(cache.add, key, time.time(), facts.SEEN_SECONDS))
    known = [(fact, seen[keys[fact.pk]]) for fact in waiting if keys[fact.pk] in seen]
    reached = [(fact, datetime.fromtimestamp(at, UTC) + _limit(fact.visit.connection)) for fact, at in known]
    # A limit reached before he came belongs to an earlier wait.
    return [(fact, at) for fact, at in reached if fact.at < at <= timezone.now()]


def _limit(connection: Connection) -> timedelta:
    return timedelta(minutes=wires.live_settings(connection).waiting_silence_minutes)


def _never_came(sent: list[Fact]) -> list[tuple[Fact, datetime]]:
    """Who was sent and is in no roster. Where presence is off nobody can tell, nor while an outsider is there who could
    be him."""
    late = [fact for fact in sent if fact.visit.presence_live and fact.at + fold.TO_TEAMS <= timezone.now()]
    states = {visit.pk: state_of(visit) for visit in {fact.visit for fact in late}}
    return [
        (fact, fact.at + fold.TO_TEAMS) for fact in late if _is_missing(states[fact.visit_id], fact.participant_key)
    ]


def _is_missing(state: VisitState, key: str) -> bool:
    strangers = [one for one in state.unattributed if not (one.colleague or one.foreign)]
    unknown = any(one.presence in fold.PRESENT for one in strangers)
    person = state.people.get(key)
    return person is not None and person.presence == fold.SENT and not unknown


def _take_back(fact: Fact, at: datetime) -> None:
    """Two sweeps at once record one fact: its id is that of the page fact it takes back."""
    key, event_id = fact.participant_key, f"gone:{fact.pk}"
    tell(fact.visit, kind=Fact.Kind.GONE, participant_key=key, at=at, source=facts.PAGE, event_id=event_id)


def locked(visit_id: UUID) -> Visit | None:
    """The visit's row, locked until the transaction ends; None when it has been forgotten."""
    # Not the key: facts that are being inserted refer to the row and need not wait for the fold.
    rows = Visit.objects.select_for_update(of=("self",), no_key=True)
    return rows.select_related("connection__organization", "connection__live").filter(pk=visit_id).first()


def lock(visits: Iterable[UUID]) -> None:
    """Lock these visits until the transaction ends: in one order for everybody, and before any of their
    participants."""
    list(Visit.objects.select_for_update(no_key=True).filter(pk__in=visits).order_by("pk").values_list("pk"))


def _state(visit: Visit, participants: list[Participant], generation: int | None = None) -> VisitState:
    return _folded(facts.lines_of(visit, generation or visit.generation), participants)


def _folded(lines: list[FactLine], participants: list[Participant]) -> VisitState:
    people = [Person(str(one.id), one.role, str(one.user.oid) if one.user else "") for one in participants]
    return fold.fold(lines, people)


def _write_times(visit: Visit, state: VisitState) -> bool:
    """Whether they differ from what was written."""
    times = _times(visit, state)
    if times == (visit.ended_at, visit.due_at):
        return False
    if visit.join_url_sealed and (visit.ended_at is None) != (times[0] is None):
        visit.look_at = None if times[0] else timezone.now()  # a meeting that came back to life is looked at again
    visit.ended_at, visit.due_at = times
    visit.save(update_fields=["ended_at", "due_at", "look_at"])
    if visit.ended_at:
        leave_behind(visit, visit.ended_at)
    return True


def leave_behind(visit: Visit, ended_at: datetime) -> None:
    """Write down, under the visit's lock, that its meeting has ended, so that its doors are closed, its reports read
    and it is deleted. A meeting that had come back to life and ended again begins that anew."""
    if not visit.meeting_id_sealed or visit.organizer_id is None:
        return
    known = Ending.objects.filter(visit=visit, generation=visit.generation)
    begun: dict[str, Any] = {"step": Ending.Step.CLOSE, "ended_at": ended_at, "due_at": timezone.now()}
    if known.exists():
        again = known.exclude(step=Ending.Step.DONE).exclude(ended_at=ended_at)
        again.update(**begun, looked=0, attempts=0)
        return
    ending = Ending(visit=visit, generation=visit.generation, organizer_id=visit.organizer_id, **begun)
    ending.seal("meeting_id", visit.unseal("meeting_id"))
    ending.save(force_insert=True)


def _times(visit: Visit, state: VisitState) -> tuple[datetime | None, datetime | None]:
    """(ended_at, due_at). A visit ends when its roster stays empty after a call; the end is when it became empty. While
    somebody waits or is on the way the visit is due at once: he is looked after at each sweep."""
    if state.empty_since is None:
        watched = {fold.WAITING, fold.SENT} if visit.presence_live else {fold.WAITING}
        since = [one.since for one in state.people.values() if one.presence in watched and one.since]
        return None, min(since, default=None)
    over = state.empty_since + timedelta(seconds=EMPTY_SECONDS)
    return (state.empty_since, None) if over <= timezone.now() else (None, over)


def _write_trail(visit: Visit, state: VisitState, over: bool) -> None:
    """Write the lines of the folded story that the trail has not got yet. A late fact adds its line with its true time;
    what was written stays, even where the fold now knows better. Who is gone only because the call ended may still be
    told to have left before: he gets his line when the visit is over."""
    told = [change for change in state.changes if change.presence in EVENTS and (over or not change.inferred)]
    reported = {_line(change) for change in told if change.reported}
    lines = Counter(map(_line, told))
    entries = Entry.objects.filter(visit=visit.pk, event__in={event for event, _, _ in lines})
    written = Counter(entries.values_list("event", "participant", "at"))
    other_clock, kept = written - lines, []
    for line in (lines - written).elements():
        if line in reported and (near := _near(line, other_clock)):
            other_clock -= Counter([near])
            continue
        event, participant, at = line
        detail = {"told": facts.REPORT} if line in reported else {}
        organization = visit.connection.organization
        kept.append(trail.record(organization, event, at=at, visit=visit.pk, participant=participant, **detail))
    writeback.enqueue_entries(visit, kept)


def _line(change: Change) -> Line:
    """(event, participant, time) of a change that the trail tells. Being sent is told by the page that does it."""
    who = "participant" if change.key else "outsider"
    return f"{who}-{EVENTS[change.presence]}", UUID(change.key) if change.key else None, change.at


def _near(line: Line, written: Counter[Line]) -> Line | None:
    """What the trail holds of the same event by another clock: a report's seconds are not the notifications'."""
    same = [one for one in written if one[:2] == line[:2] and abs(one[2] - line[2]) <= fold.CLOCKS_DIFFER]
    return min(same, key=lambda one: abs(one[2] - line[2]), default=None)


def _write_back(visit: Visit, participants: list[Participant], state: VisitState) -> set[tuple[int, int]]:
    """Enqueue what the EHR has to be told anew; returns (target id, lane) of what was enqueued."""
    rows = Writeback.objects.filter(visit=visit, entry=None).order_by("participant", "-sequence")
    last = {row.participant_id: row for row in rows.distinct("participant")}
    lanes: set[tuple[int, int]] = set()
    for participant in (one for one in participants if one.external_id_sealed):
        person = state.people[str(participant.id)]
        newest = last.get(participant.id)
        if newest and person.presence in THERE and writeback.may_be_over(newest, person.since):
            continue
        told = _tell(participant, person, writeback.told(newest, person.since))
        lanes |= {(row.target_id, row.lane) for row in told}
    return lanes


def _tell(participant: Participant, person: PersonState, told: str) -> list[Writeback]:
    """Rows for what differs from what was told last. Somebody expected or on the way is told only to take back what he
    is no longer."""
    at = person.since or timezone.now()
    word = TOLD.get(person.presence, "disconnected" if told in TAKEN_BACK.get(person.presence, ()) else "")
    rows = writeback.enqueue(participant, word, at) if word not in ("", told) else []
    if not rows and word == "waiting" and told == "connected":
        # An EHR that is not told of waiting must not go on showing him as connected.
        rows = writeback.enqueue(participant, "disconnected", at)
    return rows
