"""The board: the visits of a department, or of one clinician, at a glance. The EHR opens it by a record of its own, and
what it shows is what that launch's token covers: the department in its context, else the visits of that EHR user.

It names nobody: a row is the id that the EHR gave its visit, and initials where the connection allows them.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from operator import attrgetter
from typing import Any
from uuid import UUID

from django.contrib.auth.decorators import login_not_required
from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import Promise
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_GET, require_POST

from connector import keys, trail
from connector.agreement import Settings
from connector.cached import outdate
from connector.ehr.smart import EhrIdentity, Granted
from visits import arrival, fold, handles, onward, outcome, presence, schedule, summary
from visits.fold import VisitState
from visits.models import Launch, Participant, Visit
from visits.outcome import STAGES, Stage
from visits.trouble import Stop, belongs_to, explained, open_settings

MOST_ROWS = 100
EARLIER, LATER = timedelta(hours=12), timedelta(hours=12)  # what a day's board looks back and ahead
STAYS = timedelta(minutes=15)  # how long a visit that has ended stays on the board
SHORT_GAP = timedelta(minutes=2)  # between our page and Teams, or after a dropped connection: it is one wait
LONG = 0.5  # of the alert's minutes: from then on the wait is shown as long
ALERTS = {Stage.PATIENT_WAITING, Stage.CLINICIAN_LEFT}  # somebody is there, and no clinician
ORDER = (
    Stage.CLINICIAN_LEFT,
    Stage.PATIENT_WAITING,
    Stage.IN_PROGRESS,
    Stage.CLINICIAN_ALONE,
    Stage.OPENED,
    Stage.ENDED,
)


@dataclass(frozen=True)
class Line:
    """One visit on the board. `waits_since`: of whoever has waited longest; `level`: calm, long or alert; `alert`:
    nobody has reacted yet; `clinician_since`, `patient_since`: since when somebody of that side is in the call;
    `presence_off`: a call may run of which nobody tells."""

    visit: UUID
    name: str
    initials: str
    planned: datetime | None
    kind: str
    word: str | Promise
    waiting: int
    waits_since: datetime | None
    minutes: int
    level: str
    alert: bool
    connected: int
    clinician_since: datetime | None
    patient_since: datetime | None
    presence_off: bool


@dataclass(frozen=True)
class _Wait:
    """Somebody of the patient's side waits `since` then; without a clinician in the call, who may have been there
    meanwhile, from `began` on."""

    since: datetime
    began: datetime


def arrive(row: Launch, granted: Granted, identity: EhrIdentity | None) -> HttpResponse:
    """A launch of the board's record: keep what it covers, and show it."""
    connection = row.connection
    row.department = schedule.code_of(granted.context.get(schedule.DEPARTMENT))
    with keys.hashing(connection.organization_id):
        row.ehr_user_hash = arrival.hash_of_presser(connection, identity, granted)
        row.save(update_fields=["department", "ehr_user_hash"])
    if not row.department and not row.ehr_user_hash:
        raise Stop("board-of-nobody")
    trail.record(connection.organization, "board-opened", door=row.door, department=row.department)
    return redirect("board", handle=handles.issue(row))


@login_not_required
@require_GET
@explained
def board(request: HttpRequest, handle: str) -> HttpResponse:
    """Everybody who waits, and who is with whom. The page asks again by itself; htmx takes only its inside."""
    row, handle, agreed = _follow(request, handle)
    lines = lines_of(row, agreed, timezone.now())
    template = "visits/board_state.html" if request.headers.get("HX-Request") else "visits/board.html"
    context: dict[str, Any] = {
        "handle": handle,
        "lines": lines,
        "alerts": sum(line.alert for line in lines),
        "waiting": sum(line.waiting for line in lines),
        "elsewhere": _elsewhere(row, lines),
        "department": row.department,
        "connection": row.connection,
        "full": len(lines) == MOST_ROWS,
    }
    response = render(request, template, context | onward.around(row.connection))
    return onward.reloadable(request, response, handle, row.browser_hash)


@login_not_required
@csrf_exempt  # inside the EHR's frame there may be no cookie: the handle in the path is what gives leave
@require_POST
@explained
def noticed(request: HttpRequest, handle: str, visit: UUID) -> HttpResponse:
    """Somebody reacts to an alert: it is silent until somebody else has to wait."""
    row, handle, _ = _follow(request, handle)
    if _visits(row, timezone.now()).filter(pk=visit).update(noticed_at=timezone.now()):
        outdate("visit", visit)
        trail.record(row.connection.organization, "alert-noticed", visit=visit, door=row.door)
    return redirect(f"{reverse('board', args=[handle])}#board")


def _follow(request: HttpRequest, handle: str) -> tuple[Launch, str, Settings]:
    """(the board's launch, the handle to use from now on, what its connection settles). However often a board asks, it
    ends with the shift, and with the connection."""
    row, handle = handles.follow(request, handle)
    belongs_to(request, row)
    if row.door != "board" or row.created_at + handles.COOKIE_LIFE < timezone.now():
        raise Stop("page-lost")
    return row, handle, open_settings(row.connection)


def _visits(row: Launch, now: datetime) -> QuerySet[Visit]:
    """The visits that a board covers: made or planned in these hours; whenever they were made, those where somebody
    waits or a meeting is open; and those that ended a moment ago. Of a visit that no department was named for yet, its
    clinician alone is told."""
    his = Participant.objects.filter(visit=OuterRef("pk"), role="provider", ehr_user_hash=row.ehr_user_hash)
    covered = Q(clinician_hash=row.ehr_user_hash) | Q(Exists(his))
    if row.department:
        unnamed = Q(covered, department="") if row.ehr_user_hash else Q()
        covered = Q(department=row.department) | unnamed
    made = Q(created_at__gt=now - EARLIER) & (Q(starts_at=None) | Q(starts_at__lt=now + LATER))
    planned = Q(starts_at__gt=now - EARLIER, starts_at__lt=now + LATER)
    # Kept by the fold and by the meeting's opening: somebody is awaited or has just left; somebody may be in the call.
    running = Q(due_at__isnull=False) | Q(look_at__isnull=False)
    at_this_time = Q(ended_at=None) & (made | planned | running) | Q(ended_at__gt=now - STAYS)
    return Visit.objects.filter(covered, at_this_time, connection=row.connection, test=False)


def _elsewhere(row: Launch, shown: list[Line]) -> int:
    """In how many visits that this board cannot cover, since no department was named for them, a patient waits for a
    clinician. What they are is not told."""
    if not row.department:
        return 0
    waiting = Visit.objects.filter(connection=row.connection, department="", test=False, ended_at=None)
    visits = list(waiting.exclude(due_at=None).exclude(pk__in=[line.visit for line in shown])[:MOST_ROWS])
    states = presence.states_of(visits).values()
    return sum(outcome.stage_of(state, staff, ended=False) == Stage.PATIENT_WAITING for state, staff in states)


def lines_of(row: Launch, agreed: Settings, now: datetime) -> list[Line]:
    """The board's lines, the most pressing first. Where there are more than it shows, whoever waits outweighs open
    meetings, and these the rest, the newest first."""
    pressing = (F("due_at").asc(nulls_last=True), F("look_at").desc(nulls_last=True), "-created_at")
    visits = list(_visits(row, now).select_related("connection").order_by(*pressing)[:MOST_ROWS])
    states = presence.states_of(visits)
    lines = [_line(visit, *states[visit.pk], agreed, now) for visit in visits]
    ranks = {str(STAGES[stage][1]): rank for rank, stage in enumerate(ORDER)}
    return sorted(lines, key=lambda line: (not line.alert, ranks[str(line.word)], -line.minutes, line.planned or now))


def _line(visit: Visit, state: VisitState, staff: frozenset[str], agreed: Settings, now: datetime) -> Line:
    stage = outcome.stage_of(state, staff, ended=visit.ended_at is not None)
    presence_off = summary.is_presence_off(visit)
    waits = _waits(state, staff, presence_off)
    since = min((wait.since for wait in waits), default=None)
    minutes = _minutes(since, now)
    late = [wait for wait in waits if _level(_minutes(wait.since, now), agreed) == "alert"]
    calls = [one.since for key, one in state.people.items() if key in staff and one.presence == fold.CONNECTED]
    presences = [one.presence for one in state.people.values()] + [one.presence for one in state.unattributed]
    kind, word = STAGES[stage]
    return Line(
        visit=visit.pk,
        name=visit.unseal("session").strip(),
        initials=visit.unseal("initials") if agreed.board_initials == "shown" else "",
        planned=visit.starts_at,
        kind=kind,
        word=word,
        waiting=len(waits),
        waits_since=since,
        minutes=minutes,
        level=_level(minutes, agreed) if since else "",
        alert=stage in ALERTS and not all(_is_noticed(visit, wait) for wait in late),
        connected=presences.count(fold.CONNECTED),
        clinician_since=min((one for one in calls if one), default=None),
        patient_since=min((at for where, at in _patients(state, staff) if where == fold.CONNECTED), default=None),
        presence_off=presence_off,
    )


def _waits(state: VisitState, staff: frozenset[str], presence_off: bool) -> list[_Wait]:
    """Each wait of the patient's side: on our page, on the way, in the lobby, or in a call without a clinician. Who is
    alone in the call waits from when the clinician left. Where nobody tells who has come, nobody knows whether who is
    on the way still waits."""
    deserted = _deserted_at(state, staff)
    alone = not any(state.people[key].presence == fold.CONNECTED for key in staff)
    where = {fold.WAITING, fold.LOBBY} | ({fold.CONNECTED} if alone else set())
    where |= set() if presence_off else {fold.SENT}
    waits = []
    for presence_word, since in _each_once(state, staff):
        began = max(since, deserted) if deserted else since
        if presence_word in where:
            waits.append(_Wait(began if presence_word == fold.CONNECTED else since, began))
    return waits


def _each_once(state: VisitState, staff: frozenset[str]) -> list[tuple[str, datetime]]:
    """(where, waiting since when) of everybody of the patient's side. Who was sent, and somebody unknown who came after
    that, may be one and the same: nobody is counted twice, and the wait is the longer one."""
    came, found = _came(state, staff), []
    known = [(one.since, key, one.presence) for key, one in state.people.items() if key not in staff and one.since]
    guests = [one for one in state.unattributed if one.presence in fold.PRESENT and not (one.colleague or one.foreign)]
    for since, key, presence_word in sorted(known):
        later = [guest for guest in guests if guest.since >= since - fold.CLOCKS_DIFFER]
        guest = min(later, key=attrgetter("since")) if later and presence_word == fold.SENT else None
        if guest:
            guests.remove(guest)
        found.append((guest.presence if guest else presence_word, came.get(key, since)))
    return found + [(guest.presence, guest.since) for guest in guests]


def _came(state: VisitState, staff: frozenset[str]) -> dict[str, datetime]:
    """Since when each patient's wait lasts: from our page to the lobby and on, until he is in the call with a
    clinician. Who is away for a moment waits on."""
    came, away, in_call = dict[str, datetime](), dict[str, datetime](), set[str]()
    for change in (one for one in state.changes if one.key):
        key = change.key
        (in_call.add if change.presence == fold.CONNECTED else in_call.discard)(key)
        if change.presence not in (*fold.AWAITED, *fold.PRESENT):
            away[key] = change.at
        elif change.at - away.pop(key, change.at) > SHORT_GAP:
            came[key] = change.at
        else:
            came.setdefault(key, change.at)
        for met in in_call if in_call & staff else ():
            came.pop(met, None)
    return came


def _deserted_at(state: VisitState, staff: frozenset[str]) -> datetime | None:
    """When a clinician last left the call; None where none has."""
    there, left_at = set[str](), None
    for change in (one for one in state.changes if one.key in staff):
        if change.presence == fold.CONNECTED:
            there.add(change.key)
        elif change.key in there:
            there.remove(change.key)
            left_at = change.at
    return left_at


def _patients(state: VisitState, staff: frozenset[str]) -> list[tuple[str, datetime]]:
    """(where, since when) of everybody of the patient's side."""
    people = [(one.presence, one.since) for key, one in state.people.items() if key not in staff]
    others = [(one.presence, one.since) for one in state.unattributed if not (one.colleague or one.foreign)]
    return [(presence_word, since) for presence_word, since in people + others if since]


def _minutes(since: datetime | None, now: datetime) -> int:
    return int((now - since).total_seconds() // 60) if since else 0


def _level(minutes: int, agreed: Settings) -> str:
    if minutes >= agreed.board_alert_minutes:
        return "alert"
    return "long" if minutes >= agreed.board_alert_minutes * LONG else "calm"


def _is_noticed(visit: Visit, wait: _Wait) -> bool:
    """Whether somebody has reacted since this wait began: who comes later, or is left alone later, alerts again."""
    return visit.noticed_at is not None and visit.noticed_at > wait.began
