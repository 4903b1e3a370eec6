"""What is left to do for a meeting that has ended: its doors are closed, its attendance reports read, it is deleted.

Each row is worked off step by step, outside any transaction. A step is claimed by a conditional UPDATE whose next
`due_at` is the lease, and finished only while that still stands. No meeting is closed or deleted while somebody is in
it, or waits in its lobby.
"""

import logging
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db.models import F
from django.utils import timezone

from connector import trail
from connector.each import each, in_time
from connector.errors import Retry, WireError
from connector.http import Deadline
from connector.teams import meetings
from visits import presence, reconcile
from visits.models import Ending, Subscription, Visit

log = logging.getLogger(__name__)

Step = Ending.Step
# After the end of the visit: when reports are read. Nobody says how long one takes, and another call may follow.
LOOKS = (timedelta(0), timedelta(minutes=5), timedelta(minutes=15), timedelta(hours=1), timedelta(days=1))
LEASE = timedelta(minutes=2)  # longer than a step's deadlines; after a crash the row is due again
STILL_ALIVE = timedelta(minutes=15)  # until a meeting that somebody is in is looked at again
DEADLINE_SECONDS = 10.0
FIRST_WAIT, LONGEST_WAIT = 15.0, 3600.0  # between two tries of one step: 15, 30, 60 … seconds
# Of a step that nobody answers or that people have to mend: a week after the end, or when the visit's retention is over
# if that is sooner. Both: what downtime held up is still tried, for half an hour.
GIVE_UP_AFTER, GIVE_UP_ATTEMPTS = timedelta(days=7), 8
AT_ONCE, SECONDS_AT_ONCE = 50, 20.0  # of one sweep: what is left is due at the next


def work() -> int:
    """Take step after step of the endings that are due; returns how many were taken."""
    return each(in_time(_due(), SECONDS_AT_ONCE), _take_up)


def _due() -> Iterator[UUID]:
    """What is due, as long as there is something."""
    while rows := list(Ending.objects.filter(due_at__lte=timezone.now()).order_by("due_at")[:AT_ONCE]):
        yield from (row.pk for row in rows)


def _take_up(pk: UUID) -> None:
    ending = _claim(pk)
    if ending is None:
        return
    if ending.step != Step.RECONCILE and _is_alive(ending):
        reconcile.look_into(_visit_then(ending), ending.organizer, ending.unseal("meeting_id"))
        _put_off(ending, STILL_ALIVE, "somebody-there", attempts=0)
        return
    try:
        DO[Step(ending.step)](ending)
    except WireError as error:
        if error.code in FOR_GOOD[Step(ending.step)] or _is_given_up(ending):
            _go_on(ending, error.code)
        else:
            _put_off(ending, _wait(ending, error), error.code)
    else:
        _go_on(ending, "")


def _claim(pk: UUID) -> Ending | None:
    now = timezone.now()
    if not Ending.objects.filter(pk=pk, due_at__lte=now).update(due_at=now + LEASE, attempts=F("attempts") + 1):
        return None
    return Ending.objects.select_related("visit__connection__organization", "organizer").get(pk=pk)


def _is_alive(ending: Ending) -> bool:
    """Whether the visit goes on in this meeting, or somebody is there who came by a link of his own."""
    visit = ending.visit
    goes_on = visit.generation == ending.generation and visit.ended_at is None
    return goes_on or presence.state_of(visit, ending.generation).somebody_there


def _visit_then(ending: Ending) -> Visit:
    """The visit as of this meeting: what is learned of it belongs to its generation."""
    visit = ending.visit
    visit.generation = ending.generation
    return visit


def _is_given_up(ending: Ending) -> bool:
    kept = timedelta(days=ending.visit.connection.retention_days)
    over = ending.ended_at + min(GIVE_UP_AFTER, kept) <= timezone.now()
    return over and ending.attempts >= GIVE_UP_ATTEMPTS


def _wait(ending: Ending, error: WireError) -> timedelta:
    asked = error.after if isinstance(error, Retry) else None
    return timedelta(seconds=max(min(FIRST_WAIT * 2.0 ** (ending.attempts - 1), LONGEST_WAIT), asked or 0))


def _put_off(ending: Ending, wait: timedelta, code: str, **values: Any) -> None:
    log.info("ending put off", extra={"visit": str(ending.visit_id), "status": ending.step, "code": code})
    _finish(ending, due_at=timezone.now() + wait, code=code, **values)


def _go_on(ending: Ending, code: str) -> None:
    """To the next step. What was refused for good, or given up, is left behind with its code."""
    step, looked = NEXT[Step(ending.step)], ending.looked
    if ending.step == Step.RECONCILE:
        looked += 1
        step = Step.RECONCILE if looked < len(LOOKS) else Step.DELETE
    due_at = ending.ended_at + LOOKS[looked] if step == Step.RECONCILE else timezone.now()
    done = {"due_at": None, "meeting_id_sealed": ""} if step == Step.DONE else {"due_at": due_at}
    if _finish(ending, step=step, looked=looked, attempts=0, code=code, **done) and ending.step in TOLD:
        event = f"{TOLD[Step(ending.step)]}{'-failed' if code else ''}"
        organization, detail = ending.visit.connection.organization, {"code": code} if code else {}
        trail.record(organization, event, at=timezone.now(), visit=ending.visit_id, participant=None, **detail)


def _finish(ending: Ending, **values: Any) -> bool:
    """Write to the row while the claim is still ours: a meeting that ended again meanwhile has begun anew."""
    mine = Ending.objects.filter(pk=ending.pk, step=ending.step, due_at=ending.due_at, attempts=ending.attempts)
    return bool(mine.update(**values))


def _close(ending: Ending) -> None:
    tid, oid = str(ending.organizer.tid), str(ending.organizer.oid)
    meetings.close(tid, oid, ending.unseal("meeting_id"), deadline=Deadline.after(DEADLINE_SECONDS))
    _now_of(ending).update(lobby=meetings.ORGANIZER)


def _reconcile(ending: Ending) -> None:
    reconcile.read(_visit_then(ending), ending.organizer, ending.unseal("meeting_id"))


def _delete(ending: Ending) -> None:
    """The meeting with its subscriptions. One of these that is left over ends by itself within three days."""
    tid, oid = str(ending.organizer.tid), str(ending.organizer.oid)
    deadline = Deadline.after(DEADLINE_SECONDS)
    watching = Subscription.objects.filter(visit=ending.visit_id, generation=ending.generation).exclude(graph_id="")
    for graph_id in watching.values_list("graph_id", flat=True):
        try:
            meetings.unsubscribe(tid, graph_id, deadline=deadline)
        except WireError as error:
            log.info("subscription left over", extra={"visit": str(ending.visit_id), "code": error.code})
    meetings.delete(tid, oid, ending.unseal("meeting_id"), deadline=deadline)
    _now_of(ending).update(meeting_id_sealed="", join_url_sealed="", visitor_url_sealed="")


def _now_of(ending: Ending) -> Any:
    """The visit's row, while this is its newest meeting."""
    return Visit.objects.filter(pk=ending.visit_id, generation=ending.generation, ended_at__isnull=False)


DO: dict[Step, Callable[[Ending], None]] = {
    Step.CLOSE: _close,
    Step.RECONCILE: _reconcile,
    Step.DELETE: _delete,
}
GONE = frozenset({"graph-not-found", "graph-refused", "graph-conflict"})
# The answers of each step that no further try would change. All else people can mend, or it mends itself. Who does not
# let us read reports, which may be meant so, does not keep the meeting from being deleted.
FOR_GOOD = {
    Step.CLOSE: GONE,
    Step.RECONCILE: GONE | {"application-access-policy", "graph-permission"},
    Step.DELETE: GONE,
}
NEXT = {Step.CLOSE: Step.RECONCILE, Step.RECONCILE: Step.DELETE, Step.DELETE: Step.DONE}
TOLD = {Step.CLOSE: "meeting-closed", Step.DELETE: "meeting-deleted"}
