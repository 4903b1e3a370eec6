"""What the portal asks of visits: how those of a connection are doing, and what an administrator sets going again."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db.models import Aggregate, Count, Exists, Max, Min, OuterRef, QuerySet, Subquery, Value
from django.db.models.functions import Coalesce
from django.utils import timezone
from django.utils.functional import Promise

from connector.models import Connection
from visits import writeback
from visits.models import Launch, Receipt, Subscription, Target, Visit, Writeback
from visits.summary import WORDS
from visits.trial import Ids, Step, timeline
from visits.trial import begin as begin_test
from visits.trial import open_side as open_test_side

__all__ = [
    "Figures",
    "GivenUp",
    "Ids",
    "Step",
    "begin_test",
    "figures_of",
    "given_up",
    "notification_kids",
    "open_test_side",
    "send_again",
    "test_visit",
    "test_visits",
    "timeline",
]

State = Writeback.State
MOST_SHOWN = 50


@dataclass(frozen=True)
class Figures:
    """How a connection's visits are doing. Counts are of writebacks; times are None where there is nothing yet."""

    last_launch: datetime | None
    last_event: datetime | None  # the newest notification from Microsoft Graph
    live_presence_until: datetime | None  # when the first subscription of a running visit ends
    waiting: int
    delivered: int
    superseded: int
    dead: int
    waiting_since: datetime | None  # the oldest that waits
    rests_until: datetime | None  # the EHR failed so often that nobody tries before


@dataclass(frozen=True)
class GivenUp:
    """A writeback that was given up and that nothing newer has taken the place of. It names nobody."""

    presence: str | Promise
    happened_at: datetime
    given_up_at: datetime | None
    attempts: int
    code: str
    test: bool


def figures_of(connections: Iterable[Connection]) -> dict[UUID, Figures]:
    """The figures of these connections, now, by connection: one query for all of them."""
    here = OuterRef("pk")
    launches, targets = Launch.objects.filter(connection=here), Target.objects.filter(connection=here)
    receipts = Receipt.objects.filter(subscription__visit__connection=here)
    told, dead = Writeback.objects.filter(target__connection=here), _dead().filter(target__connection=here)
    running = Subscription.objects.filter(visit__connection=here, visit__ended_at=None, expires_at__gt=timezone.now())
    found: dict[str, Any] = {
        "last_launch": _over(launches, Max("created_at")),
        "last_event": _over(receipts, Max("received_at")),
        "live_presence_until": _over(running, Min("expires_at")),
        "waiting": _count(told.filter(state=State.WAITING)),
        "delivered": _count(told.filter(state=State.DELIVERED)),
        "superseded": _count(told.filter(state=State.SUPERSEDED)),
        "dead": _count(dead),
        "waiting_since": _over(told.filter(state=State.WAITING), Min("created_at")),
        "rests_until": _over(targets, Max("open_until")),
    }
    rows = Connection.objects.filter(pk__in=[one.pk for one in connections]).annotate(**found)
    return {pk: Figures(**dict(zip(found, values, strict=True))) for pk, *values in rows.values_list("pk", *found)}


def _over(rows: QuerySet[Any], found: Aggregate) -> Subquery:
    """An aggregate over all of these rows; None without any."""
    return Subquery(rows.order_by().annotate(all=Value(1)).values("all").annotate(found=found).values("found"))


def _count(rows: QuerySet[Any]) -> Coalesce:
    return Coalesce(_over(rows, Count("pk")), 0)


def given_up(connection: Connection) -> list[GivenUp]:
    """The newest writebacks that were given up, at most MOST_SHOWN."""
    rows = _dead().filter(target__connection=connection).select_related("participant__visit")
    newest = rows.order_by("-finished_at")[:MOST_SHOWN]
    return [
        GivenUp(
            presence=WORDS[row.presence][1],
            happened_at=row.happened_at,
            given_up_at=row.finished_at,
            attempts=row.attempts,
            code=row.code,
            test=row.participant.visit.test,
        )
        for row in newest
    ]


def send_again(connection: Connection) -> int:
    """Tell the EHR the newest state of everybody whose last writeback was given up; returns how many."""
    given_up = _dead().filter(target__connection=connection)
    rows = list(given_up.select_related("participant__visit__connection"))
    for row in rows:
        writeback.send_again(row)
    return len(rows)


def test_visit(connection: Connection, number: UUID) -> Visit | None:
    """A test visit of this connection that is not forgotten yet."""
    return Visit.objects.filter(pk=number, connection=connection, test=True).first()


def test_visits(connection: Connection) -> list[Visit]:
    """The newest test visits of a connection."""
    return list(Visit.objects.filter(connection=connection, test=True).order_by("-created_at")[:10])


def notification_kids() -> set[str]:
    """The notification keys to which Graph may still have encrypted something that waits to be understood."""
    lately = timezone.now() - timedelta(days=1)  # as long as a receipt is tried
    return set(Subscription.objects.filter(expires_at__gt=lately).values_list("key_kid", flat=True))


def _dead() -> QuerySet[Writeback]:
    """Given up, and still the last word about that participant."""
    later = Writeback.objects.filter(
        target=OuterRef("target"), participant=OuterRef("participant"), sequence__gt=OuterRef("sequence")
    )
    return Writeback.objects.filter(~Exists(later), state=State.DEAD)
