"""What a visit has come to: where it stands, how it went so far, and its figures. Pure, from the fold.

The clinicians' side are those who launched the visit as such; the patient's side are all others who launched it, and
outsiders who may be with them. A colleague whom nobody knows to be either is on neither side: he attends.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import accumulate

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from visits.fold import AWAITED, CONNECTED, LOBBY, PRESENT, SENT, WAITING, Change, Outsider, VisitState


class Stage(StrEnum):
    """Where a visit stands now."""

    OPENED = "opened"
    PATIENT_WAITING = "patient-waiting"
    CLINICIAN_ALONE = "clinician-alone"
    IN_PROGRESS = "in-progress"
    CLINICIAN_LEFT = "clinician-left"
    ENDED = "ended"


class Outcome(StrEnum):
    """How a visit went so far; for good once it has ended."""

    HELD = "held"
    MISSED = "missed"
    CLINICIAN_ONLY = "clinician-only"
    NO_CLINICIAN = "no-clinician"
    NOBODY = "nobody"
    UNKNOWN = "unknown"


# (state component's kind, word), as in visits.summary
STAGES: dict[Stage, tuple[str, str | Promise]] = {
    Stage.OPENED: ("off", _("Open, nobody is here")),
    Stage.PATIENT_WAITING: ("waiting", _("Patient waiting")),
    Stage.CLINICIAN_ALONE: ("waiting", _("Only the clinician is here")),
    Stage.IN_PROGRESS: ("ok", _("In progress")),
    Stage.CLINICIAN_LEFT: ("warning", _("The clinician has left, others are still here")),
    Stage.ENDED: ("off", _("Ended")),
}
OUTCOMES: dict[Outcome, tuple[str, str | Promise]] = {
    Outcome.HELD: ("ok", _("Took place")),
    Outcome.MISSED: ("warning", _("Missed each other")),
    Outcome.CLINICIAN_ONLY: ("warning", _("Only the clinician came")),
    Outcome.NO_CLINICIAN: ("error", _("The clinician never came")),
    Outcome.NOBODY: ("off", _("Nobody came")),
    Outcome.UNKNOWN: ("info", _("Not known: presence was off")),
}
# (a clinician came, somebody of the patient's side came) -> what it came to, where they never were there at once
ONE_SIDED = {
    (True, True): Outcome.MISSED,
    (True, False): Outcome.CLINICIAN_ONLY,
    (False, True): Outcome.NO_CLINICIAN,
    (False, False): Outcome.NOBODY,
}


@dataclass(frozen=True)
class Reading:
    """A visit, read at a moment. `running`: somebody is there or about to be, or may come back. `met_at`: both sides
    were in the call for the first time. `left_at`: the last person left the call; empty while one is in it. `waiting`
    and `lobby`: how long somebody of the patient's side was on our page and in Teams' lobby; the second is None where
    somebody's coming is known from an attendance report alone, which tells of no lobby."""

    stage: Stage
    outcome: Outcome
    running: bool
    began_at: datetime | None
    met_at: datetime | None
    left_at: datetime | None
    duration: timedelta
    waiting: timedelta
    lobby: timedelta | None
    attendants: int


@dataclass(frozen=True)
class _Stay:
    """Somebody was somewhere, `until` then or until now. `key` as in a Change; `guest`: none of our participants, and
    maybe with them. `unseen`: he came into the call, and only a report tells so."""

    key: str
    presence: str
    since: datetime
    until: datetime
    guest: bool = False
    unseen: bool = False


def read(state: VisitState, staff: Collection[str], *, ended: bool, live: bool, now: datetime) -> Reading:
    """The reading of a folded visit. `staff` are the keys of its clinicians, `live` whether Microsoft tells who is in
    the meeting. Not-known is an outcome: where nobody tells, that nobody was seen means nothing."""
    stays = [*_known(state, now), *_others(state, now)]
    ours = [stay for stay in stays if stay.key in staff]
    patients = [stay for stay in stays if stay.guest or (stay.key and stay.key not in staff)]
    met_at = _first_together(_in_call(ours), _in_call(patients))
    ends = [stay.until for stay in _in_call(stays)]
    left_at = max(ends) if ends and state.call_since is None else None
    return Reading(
        stage=stage_of(state, staff, ended=ended),
        outcome=Outcome.HELD if met_at else _one_sided(state, ours, patients, live),
        running=not ended and _goes_on(state, live),
        began_at=min((change.at for change in state.changes), default=None),
        met_at=met_at,
        left_at=left_at,
        duration=(left_at or now) - met_at if met_at else timedelta(),
        waiting=_together(stay for stay in patients if stay.presence == WAITING),
        lobby=_lobby(patients),
        attendants=len({stay.key for stay in _in_call(stays) if stay.key}) + _most_at_once(stays),
    )


def stage_of(state: VisitState, staff: Collection[str], *, ended: bool) -> Stage:
    """Where a visit stands. Who is in the lobby is there; who is on our page waits."""
    if ended:
        return Stage.ENDED
    people = {key: person.presence for key, person in state.people.items()}
    patients = {presence for key, presence in people.items() if key not in staff}
    patients |= {one.presence for one in state.unattributed if _may_be_patient(one)}
    if CONNECTED in {presence for key, presence in people.items() if key in staff}:
        return Stage.IN_PROGRESS if CONNECTED in patients else Stage.CLINICIAN_ALONE
    there = patients | {one.presence for one in state.unattributed}
    if _came(state, staff) and there & set(PRESENT):
        return Stage.CLINICIAN_LEFT
    return Stage.PATIENT_WAITING if patients & {*AWAITED, *PRESENT} else Stage.OPENED


def _came(state: VisitState, staff: Collection[str]) -> bool:
    return any(change.key in staff and change.presence == CONNECTED for change in state.changes)


def _may_be_patient(one: Outsider | Change) -> bool:
    return not (one.colleague or one.foreign)


def _goes_on(state: VisitState, live: bool) -> bool:
    """Whether somebody is there or about to be, or the call is empty for so short a time that he may come back. Whether
    somebody who was sent has come is not known where nobody tells."""
    here = {*PRESENT, WAITING, SENT} if live else {*PRESENT, WAITING}
    presences = {one.presence for one in state.people.values()} | {one.presence for one in state.unattributed}
    return bool(presences & here) or state.empty_since is not None


def _one_sided(state: VisitState, ours: list[_Stay], patients: list[_Stay], live: bool) -> Outcome:
    presences = {change.presence for change in state.changes}
    if not live and SENT in presences and not presences & set(PRESENT):
        return Outcome.UNKNOWN
    came = any(stay.presence in (*PRESENT, WAITING) for stay in patients)
    return ONE_SIDED[bool(_in_call(ours)), came]


def _in_call(stays: Iterable[_Stay]) -> list[_Stay]:
    return [stay for stay in stays if stay.presence == CONNECTED]


def _known(state: VisitState, now: datetime) -> list[_Stay]:
    """Where each participant was, and for how long."""
    stays, last = [], dict[str, _Stay]()
    for change in (one for one in state.changes if one.key):
        before = last.get(change.key)
        if before:
            stays.append(replace(before, until=change.at))
        last[change.key] = _begun(change, now, from_lobby=before is not None and before.presence == LOBBY)
    return stays + list(last.values())


def _begun(change: Change, now: datetime, *, from_lobby: bool) -> _Stay:
    """The stay that a change begins, until now."""
    unseen = change.reported and change.presence == CONNECTED and not from_lobby
    guest = not change.key and _may_be_patient(change)
    return _Stay(change.key, change.presence, change.at, max(now, change.at), guest, unseen)


def _others(state: VisitState, now: datetime) -> list[_Stay]:
    """Where those were who are none of our participants: colleagues, people of other organizations and all others,
    each kind for itself."""
    kinds = sorted({(one.colleague, one.foreign) for one in state.changes if not one.key})
    return [stay for kind in kinds for stay in _of_kind(state, kind, now)]


def _of_kind(state: VisitState, kind: tuple[bool, bool], now: datetime) -> list[_Stay]:
    """Since when who is there now is there is known; of the others the story does not say who left: from the lobby the
    first comes in first, and who leaves was in the call if anybody was. Who was found to be a participant later stays
    with him alone."""
    present = [one for one in state.unattributed if one.presence in PRESENT and (one.colleague, one.foreign) == kind]
    still = {(one.presence, one.since) for one in present}
    stays, here, begun = [], {LOBBY: list[_Stay](), CONNECTED: list[_Stay]()}, list[_Stay]()
    for change in (one for one in state.changes if not one.key and (one.colleague, one.foreign) == kind):
        was = LOBBY if change.presence == CONNECTED or not here[CONNECTED] else CONNECTED
        left = here[was].pop(0) if change.presence != LOBBY and here[was] else None
        if left:
            stays.append(replace(left, until=change.at))
        if change.presence in here:
            stay = _begun(change, now, from_lobby=left is not None)
            (begun if (stay.presence, stay.since) in still else here[change.presence]).append(stay)
    return stays + begun


def _lobby(patients: list[_Stay]) -> timedelta | None:
    """How long somebody was in the lobby, unless a part of it is lost."""
    if any(stay.unseen for stay in patients):
        return None
    return _together(stay for stay in patients if stay.presence == LOBBY)


def _first_together(ours: list[_Stay], theirs: list[_Stay]) -> datetime | None:
    """When one of each was in the call for the first time."""
    pairs = ((max(one.since, other.since), min(one.until, other.until)) for one in ours for other in theirs)
    return min((since for since, until in pairs if since < until), default=None)


def _together(stays: Iterable[_Stay]) -> timedelta:
    """How long at least one of these stays lasted."""
    total, reached = timedelta(), None
    for stay in sorted(stays, key=lambda one: one.since):
        begin = max(stay.since, reached) if reached else stay.since
        total += max(stay.until - begin, timedelta())
        reached = max(stay.until, begin)
    return total


def _most_at_once(stays: Iterable[_Stay]) -> int:
    """How many others were in the call at most: an id that changes with each rejoin makes no two of one person."""
    calls = [stay for stay in _in_call(stays) if not stay.key]
    steps = sorted([(one.since, 1) for one in calls] + [(one.until, -1) for one in calls])
    return max(accumulate(step for _, step in steps), default=0)
