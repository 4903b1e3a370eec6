"""When an organization is ended: what its visits still hold up, what is taken away at Microsoft, and what is
deleted here."""

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from uuid import UUID

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from connector.each import in_time
from connector.errors import Retry, WireError
from connector.http import Deadline
from connector.models import Organization
from connector.teams import meetings
from connector.wiping import Count, wipe
from visits.models import EhrUserLink, Ending, Launch, Report, Subscription, Target, Visit, Writeback

log = logging.getLogger(__name__)

DEADLINE_SECONDS = 10.0
SECONDS_AT_ONCE = 40.0  # of one run: what is left is taken up by the next
SUBSCRIPTIONS, MEETINGS, LEFT = "subscriptions", "meetings", "left"


@dataclass(frozen=True)
class Unfinished:
    """What has to be over before an organization can be ended."""

    running: int  # visits with somebody in them, or a meeting that is open
    untold: int  # writebacks that the EHR was not told yet, and that are not given up either


def unfinished(organization: Organization) -> Unfinished:
    """What is not over yet."""
    open_ = Visit.objects.filter(connection__organization=organization, ended_at=None)
    running = open_.filter(Q(opened_at__isnull=False) | Q(due_at__isnull=False)).count()
    waiting = Writeback.objects.filter(organization=organization, state=Writeback.State.WAITING)
    return Unfinished(running, waiting.count())


def leave(organization: Organization, count: Count, *, give_up: bool = False) -> bool:
    """Cancel the subscriptions and delete the meetings that Graph still has; whether none is left. What is done is
    written down at once, so that it is not done again. Raises Retry where Graph does not answer, unless it is time to
    `give_up`: then the rest is counted as left over."""
    for one in in_time(_held(organization), SECONDS_AT_ONCE):
        counted = _take_away(one, give_up)
        with transaction.atomic():
            count({counted: 1})
            one.done()
    return next(_held(organization), None) is None


@dataclass(frozen=True)
class Held:
    """Something at Graph: what it is, how it goes away, and how that is written down."""

    what: str
    go: Callable[[Deadline], None]
    done: Callable[[], object]


def _take_away(one: Held, give_up: bool) -> str:
    """Under what it is counted."""
    try:
        one.go(Deadline.after(DEADLINE_SECONDS))
    except WireError as error:
        if isinstance(error, Retry) and not give_up:
            raise
        log.warning("left over at Graph", extra={"kind": one.what, "code": error.code})
        return f"{one.what} {LEFT}"
    return one.what


def _held(organization: Organization) -> Iterator[Held]:
    tid = str(organization.tid)
    for row in _subscriptions(organization).iterator():
        yield _subscription(tid, row)
    for visit in _visits(organization).select_related("connection", "organizer").iterator():
        for oid, meeting_id in _meetings(visit):
            yield _meeting(tid, oid, meeting_id, visit.pk)


def _subscriptions(organization: Organization) -> QuerySet[Subscription]:
    """Those that Graph still has: the others have ended by themselves."""
    alive = Subscription.objects.filter(visit__connection__organization=organization, expires_at__gt=timezone.now())
    return alive.exclude(graph_id="")


def _subscription(tid: str, row: Subscription) -> Held:
    def go(deadline: Deadline) -> None:
        meetings.unsubscribe(tid, row.graph_id, deadline=deadline)

    return Held(SUBSCRIPTIONS, go, lambda: Subscription.objects.filter(pk=row.pk).update(graph_id=""))


def _visits(organization: Organization) -> QuerySet[Visit]:
    """Visits with a meeting that is not deleted yet."""
    left = Q(pk__in=Ending.objects.exclude(meeting_id_sealed="").values("visit"))
    mine = Visit.objects.filter(connection__organization=organization)
    return mine.filter(left | Q(organizer__isnull=False) & ~Q(meeting_id_sealed=""))


def _meetings(visit: Visit) -> set[tuple[str, str]]:
    """(organizer's oid, meeting id): an ended meeting stands on the visit and among its endings."""
    found = {(str(visit.organizer.oid), visit.unseal("meeting_id"))} if visit.organizer else set()
    for ending in Ending.objects.filter(visit=visit).select_related("organizer", "visit__connection"):
        found.add((str(ending.organizer.oid), ending.unseal("meeting_id")))
    return {(oid, meeting_id) for oid, meeting_id in found if meeting_id}


def _meeting(tid: str, oid: str, meeting_id: str, visit: UUID) -> Held:
    def go(deadline: Deadline) -> None:
        meetings.delete(tid, oid, meeting_id, deadline=deadline)

    def done() -> None:
        gone = {"meeting_id_sealed": ""}
        for ending in Ending.objects.filter(visit=visit).select_related("visit__connection"):
            if ending.unseal("meeting_id") == meeting_id:
                Ending.objects.filter(pk=ending.pk).update(due_at=None, step=Ending.Step.DONE, **gone)
        row = Visit.objects.select_related("connection").get(pk=visit)
        if row.unseal("meeting_id") == meeting_id:
            Visit.objects.filter(pk=visit).update(join_url_sealed="", visitor_url_sealed="", **gone)

    return Held(MEETINGS, go, done)


def forget_all(organization: Organization, count: Count) -> None:
    """Delete every row of the organization's visits, reports and links."""
    mine = {"connection__organization": organization}
    for rows in (
        Visit.objects.filter(**mine),
        Launch.objects.filter(**mine),
        EhrUserLink.objects.filter(**mine),
        Target.objects.filter(**mine),
        Report.objects.filter(organization=organization),
    ):
        wipe(rows, count)
