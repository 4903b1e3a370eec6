"""The board: the visits of a department, or of one clinician, at a glance. The EHR opens it by a record of its own, and
what it shows is what that launch's token covers: the department in its context, else the visits of that EHR user.

It names nobody: a row is the id that the EHR gave its visit, and initials where the connection allows them.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.contrib.auth.decorators import login_not_required
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import Promise
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_GET, require_POST

from connector import trail, wires
from connector.agreement import Settings
from connector.cached import outdate
from connector.ehr.smart import EhrIdentity, Granted
from visits import arrival, fold, handles, onward, outcome, presence, schedule
from visits.fold import VisitState
from visits.models import Launch, Visit
from visits.outcome import STAGES, Stage
from visits.trouble import Stop, explained

MOST_ROWS = 100
EARLIER, LATER = timedelta(hours=12), timedelta(hours=12)  # what a day's board looks back and ahead
STAYS = timedelta(minutes=15)  # how long a visit that has ended stays on the board
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
    nobody has reacted yet; `clinician_since`: since when a clinician is in the call."""

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


def arrive(row: Launch, granted: Granted, identity: EhrIdentity | None) -> HttpResponse:
    """A launch of the board's record: keep what it covers, and show it."""
    connection = row.connection
    row.department = schedule.code_of(granted.context.get(schedule.DEPARTMENT))
    row.ehr_user_hash = arrival.hash_of_presser(connection, identity, granted)
    if not row.department and not row.ehr_user_hash:
        raise Stop("board-of-nobody")
    row.save(update_fields=["department", "ehr_user_hash"])
    trail.record(connection.organization, "board-opened", door=row.door, department=row.department)
    return redirect("board", handle=handles.issue(row))


@login_not_required
@require_GET
@explained
def board(request: HttpRequest, handle: str) -> HttpResponse:
    """Everybody who waits, and who is with whom. The page asks again by itself; htmx takes only its inside."""
    row, handle = _follow(request, handle)
    agreed = wires.live_settings(row.connection)
    lines = lines_of(row, agreed, timezone.now())
    template = "visits/board_state.html" if request.headers.get("HX-Request") else "visits/board.html"
    context: dict[str, Any] = {
        "handle": handle,
        "lines": lines,
        "alerts": sum(line.alert for line in lines),
        "waiting": sum(line.waiting for line in lines),
        "department": row.department,
        "connection": row.connection,
        "full": len(lines) == MOST_ROWS,
    }
    return render(request, template, context | onward.around(row.connection))


@login_not_required
@csrf_exempt  # inside the EHR's frame there may be no cookie: the handle in the path is what gives leave
@require_POST
@explained
def noticed(request: HttpRequest, handle: str, visit: UUID) -> HttpResponse:
    """Somebody reacts to an alert: it is silent until somebody else has to wait."""
    row, handle = _follow(request, handle)
    if _visits(row, timezone.now()).filter(pk=visit).update(noticed_at=timezone.now()):
        outdate("visit", visit)
        trail.record(row.connection.organization, "alert-noticed", visit=visit, door=row.door)
    return redirect(f"{reverse('board', args=[handle])}#board")


def _follow(request: HttpRequest, handle: str) -> tuple[Launch, str]:
    row, handle = handles.follow(request, handle)
    request.door, request.connection = row.door, row.connection  # type: ignore[attr-defined]
    if row.door != "board":
        raise Stop("page-lost")
    return row, handle


def _visits(row: Launch, now: datetime) -> QuerySet[Visit]:
    """The visits that a board covers: of these hours, running or ended a moment ago."""
    mine = Q(clinician_hash=row.ehr_user_hash) | Q(
        participants__role="provider", participants__ehr_user_hash=row.ehr_user_hash
    )
    covered = Q(department=row.department) if row.department else mine
    at_this_time = Q(created_at__gt=now - EARLIER) & (Q(starts_at=None) | Q(starts_at__lt=now + LATER))
    found = Visit.objects.filter(covered, at_this_time, connection=row.connection, test=False)
    return found.filter(Q(ended_at=None) | Q(ended_at__gt=now - STAYS)).distinct()


def lines_of(row: Launch, agreed: Settings, now: datetime) -> list[Line]:
    """The board's lines, the most pressing first."""
    visits = list(_visits(row, now).select_related("connection").order_by("created_at")[:MOST_ROWS])
    states = presence.states_of(visits)
    lines = [_line(visit, *states[visit.pk], agreed, now) for visit in visits]
    ranks = {str(STAGES[stage][1]): rank for rank, stage in enumerate(ORDER)}
    return sorted(lines, key=lambda line: (not line.alert, ranks[str(line.word)], -line.minutes, line.planned or now))


def _line(visit: Visit, state: VisitState, staff: frozenset[str], agreed: Settings, now: datetime) -> Line:
    stage = outcome.stage_of(state, staff, ended=visit.ended_at is not None)
    waits = _waits(state, staff)
    since = min(waits, default=None)
    minutes = int((now - since).total_seconds() // 60) if since else 0
    level = _level(minutes, agreed.board_alert_minutes) if since else ""
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
        level=level,
        alert=stage in ALERTS and level == "alert" and not _is_noticed(visit, since),
        connected=presences.count(fold.CONNECTED),
        clinician_since=min((one for one in calls if one), default=None),
    )


def _waits(state: VisitState, staff: frozenset[str]) -> list[datetime]:
    """Since when each person of the patient's side waits: on our page, on the way, in the lobby, or in a call without a
    clinician."""
    alone = not any(state.people[key].presence == fold.CONNECTED for key in staff)
    where = {fold.WAITING, fold.SENT, fold.LOBBY} | ({fold.CONNECTED} if alone else set())
    theirs = [(one.presence, one.since) for key, one in state.people.items() if key not in staff]
    others = [(one.presence, one.since) for one in state.unattributed if not (one.colleague or one.foreign)]
    return [since for presence_word, since in theirs + others if presence_word in where and since]


def _level(minutes: int, alert_minutes: int) -> str:
    if minutes >= alert_minutes:
        return "alert"
    return "long" if minutes >= alert_minutes * LONG else "calm"


def _is_noticed(visit: Visit, since: datetime | None) -> bool:
    return visit.noticed_at is not None and since is not None and visit.noticed_at > since
