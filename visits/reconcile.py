"""What attendance reports know of a meeting becomes facts: after its end, and now and then while a visit runs, since a
tail that was lost, or presence that was never live, is told by nobody else."""

import hashlib
import logging
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import Max
from django.utils import timezone

from connector.each import each, in_time
from connector.errors import WireError
from connector.http import Deadline
from connector.models import User
from connector.teams import attendance
from connector.teams.attendance import Report
from visits import facts, fold, presence
from visits.models import Fact, Visit

log = logging.getLogger(__name__)

DEADLINE_SECONDS = 10.0
AT_ONCE, SECONDS_AT_ONCE = 50, 20.0  # of one sweep: what is left is due at the next
# By whether presence is live: without it the report alone tells that a visit is over.
EVERY = {True: timedelta(minutes=30), False: timedelta(minutes=15)}
# So long after the last thing heard, nothing more is expected. Teams ends any call after 30 hours, and lets nobody wait
# in a lobby for longer than half an hour.
IN_CALL, IN_LOBBY, EMPTY = timedelta(hours=30), timedelta(hours=1), timedelta(hours=12)


def look() -> int:
    """Read the reports of running visits that are due; returns how many were looked at."""
    due = Visit.objects.filter(look_at__lte=timezone.now(), ended_at=None).order_by("look_at")
    rows = list(due.values_list("pk", "presence_live")[:AT_ONCE])
    return each(in_time(rows, SECONDS_AT_ONCE), lambda row: _look(*row))


def _look(visit_id: UUID, live: bool) -> None:
    now = timezone.now()
    if not Visit.objects.filter(pk=visit_id, look_at__lte=now, ended_at=None).update(look_at=now + EVERY[live]):
        return
    visit = Visit.objects.select_related("connection__organization", "organizer").get(pk=visit_id)
    if visit.organizer:
        look_into(visit, visit.organizer, visit.unseal("meeting_id"))


def look_into(visit: Visit, organizer: User, meeting_id: str) -> None:
    """Learn what there is to learn of the meeting of `visit.generation`, and give up on one of which nothing was heard
    for longer than a call can last."""
    try:
        read(visit, organizer, meeting_id)
    except WireError as error:
        log.info("reports not read", extra={"visit": str(visit.pk), "code": error.code, "status": error.status})
    _give_up(visit)


def read(visit: Visit, organizer: User, meeting_id: str) -> int:
    """Read the meeting's reports into facts of `visit.generation`; returns how many were new. Raises WireError."""
    deadline = Deadline.after(DEADLINE_SECONDS)
    told = attendance.reports(str(organizer.tid), str(organizer.oid), meeting_id, deadline=deadline)
    # One of a call that still runs may name the time that the meeting was planned to end.
    found = [report for report in told if report.ended <= timezone.now()]
    new = sum(_keep(visit, report) for report in found)
    if found:  # new or not: whoever kept it may have died before he folded it
        presence.refold(visit.pk, visit.generation)
    return new


@transaction.atomic
def _keep(visit: Visit, report: Report) -> int:
    """All facts of one report, or none: a part of it would tell something else."""
    version = hashlib.sha256(repr(report).encode()).hexdigest()[:16]
    source = f"{facts.REPORT}:{facts.entry_key(visit, report.id)[:16]}:{version}"

    def keep(kind: Fact.Kind, at: datetime, key: str = fold.CALL, oid: str = "", foreign: bool = False) -> bool:
        event_id = f"{key[:40]} {at.isoformat()}"
        return facts.record(
            visit, kind=kind, participant_key=key, at=at, source=source, event_id=event_id, oid=oid, foreign=foreign
        )

    new = [keep(Fact.Kind.CALL_STARTED, report.started), keep(Fact.Kind.CALL_ENDED, report.ended)]
    for number, attendee in enumerate(report.attendees):
        who = facts.account_of(visit, attendee.identity)
        for joined, left in attendee.stays:
            key = facts.entry_key(visit, f"{report.id} {number} {joined.isoformat()}")
            new += [keep(Fact.Kind.CONNECTED, joined, key, *who), keep(Fact.Kind.DISCONNECTED, left, key, *who)]
    return sum(new)


def _give_up(visit: Visit) -> None:
    """Take the call for ended. Whoever waits on our page waits for it still."""
    state = presence.state_of(visit, visit.generation)
    mine = Fact.objects.filter(visit=visit, generation=visit.generation)
    heard = mine.aggregate(last=Max("at"))["last"] or visit.opened_at
    waited_for = any(person.presence == fold.WAITING for person in state.people.values())
    most = IN_CALL if state.in_call else IN_LOBBY if state.somebody_there else EMPTY
    if waited_for or heard is None or heard + most > timezone.now():
        return
    kind, event_id = Fact.Kind.CALL_ENDED, f"nothing since {heard.isoformat()}"
    presence.tell(
        visit, kind=kind, participant_key=fold.EVERYBODY, at=timezone.now(), source=facts.LIMIT, event_id=event_id
    )
