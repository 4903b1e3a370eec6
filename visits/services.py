"""What the portal asks of visits: how those of a connection are doing, and what an administrator sets going again."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db.models import Aggregate, Count, Exists, F, Max, Min, OuterRef, Q, QuerySet, Subquery, Value
from django.db.models.functions import Coalesce
from django.utils import timezone
from django.utils.functional import Promise

from connector.models import Connection
from visits import reports, writeback
from visits.audit_export import zipped as zipped_trail
from visits.finding import MOST as MOST_FOUND
from visits.finding import by_session as visit_of_session
from visits.finding import on_day as visits_on
from visits.leaving import Unfinished, forget_all, leave, unfinished
from visits.models import Launch, Receipt, Subscription, Target, Visit, Writeback
from visits.rekeying import finish as finish_rekeying
from visits.rekeying import rehash, reseal
from visits.timeline import shown as timeline
from visits.trial import Ids
from visits.trial import begin as begin_test
from visits.trial import open_side as open_test_side
from visits.unlinking import Erased, Linked, linked_accounts, links_of
from visits.unlinking import erase as erase_links
from visits.writeback.listing import STATES as WRITEBACK_STATES
from visits.writeback.listing import TOLD, Health, Line
from visits.writeback.listing import health as targets
from visits.writeback.listing import lines as writebacks
from visits.writeback.listing import one as one_writeback

__all__ = [
    "MOST_FOUND",
    "WRITEBACK_STATES",
    "Erased",
    "Figures",
    "GivenUp",
    "Health",
    "Ids",
    "Line",
    "Linked",
    "Troubles",
    "Unfinished",
    "begin_test",
    "erase_links",
    "figures_of",
    "finish_rekeying",
    "forget_all",
    "given_up",
    "leave",
    "linked_accounts",
    "links_of",
    "notification_kids",
    "open_test_side",
    "rehash",
    "reports",
    "reseal",
    "send_again",
    "send_one_again",
    "switch_on",
    "targets",
    "test_visit",
    "test_visits",
    "timeline",
    "troubles_of",
    "unfinished",
    "visit_in",
    "visit_of_session",
    "visits_on",
    "writebacks",
    "zipped_trail",
]

State = Writeback.State
MOST_SHOWN = 50


@dataclass(frozen=True)
class Troubles:
    """What may be wrong with a connection. What is given up in a test visit is in nobody's chart."""

    waiting_since: datetime | None  # the oldest that waits for the EHR; what waits for a repository alarms nobody
    charts: int  # people whose last state the EHR was not told
    events: int  # entries that an AuditEvent repository was not told
    off: int  # targets that answered that they take nothing, and are left alone


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
    rests_until: datetime | None  # the EHR failed so often that nobody tries before; None while it does not rest


@dataclass(frozen=True)
class GivenUp:
    """A writeback that was given up and that nothing newer has taken the place of. It names nobody."""

    target: str | Promise
    presence: str | Promise
    happened_at: datetime
    given_up_at: datetime | None
    attempts: int
    code: str
    test: bool


def troubles_of(connections: Iterable[Connection]) -> dict[UUID, Troubles]:
    """What may be wrong with these connections, now, by connection: one query that counts nothing that went well."""
    here = OuterRef("pk")
    waiting = Writeback.objects.filter(target__connection=here, state=State.WAITING, entry=None)
    dead = _dead().filter(target__connection=here, visit__test=False)
    found: dict[str, Any] = {
        "waiting_since": _over(waiting, Min("created_at")),
        "charts": _count(dead.filter(entry=None)),
        "events": _count(dead.exclude(entry=None)),
        "off": _count(Target.objects.filter(connection=here, off_under=F("connection__live"))),
    }
    return {pk: Troubles(*values) for pk, values in _found(connections, found)}


def figures_of(connections: Iterable[Connection]) -> dict[UUID, Figures]:
    """The figures of these connections, now, by connection: one query for all of them. It counts all that was told: for
    a page that somebody opens, not for a sweep."""
    here = OuterRef("pk")
    launches, now = Launch.objects.filter(connection=here), timezone.now()
    ehr = Target.objects.filter(connection=here, kind=Target.Kind.STATUS_SERVICE, open_until__gt=now)
    resting = ehr.filter(Q(rests_under=None) | Q(rests_under=F("connection__live")))
    receipts = Receipt.objects.filter(subscription__visit__connection=here)
    told, dead = Writeback.objects.filter(target__connection=here), _dead().filter(target__connection=here)
    running = Subscription.objects.filter(visit__connection=here, visit__ended_at=None, expires_at__gt=now)
    found: dict[str, Any] = {
        "last_launch": _over(launches, Max("created_at")),
        "last_event": _over(receipts, Max("received_at")),
        "live_presence_until": _over(running, Min("expires_at")),
        "waiting": _count(told.filter(state=State.WAITING)),
        "delivered": _count(told.filter(state=State.DELIVERED)),
        "superseded": _count(told.filter(state=State.SUPERSEDED)),
        "dead": _count(dead),
        "rests_until": _over(resting, Max("open_until")),
    }
    return {pk: Figures(*values) for pk, values in _found(connections, found)}


def _found(connections: Iterable[Connection], found: dict[str, Any]) -> Iterator[tuple[UUID, list[Any]]]:
    """(a connection's id, what was found of it)."""
    rows = Connection.objects.filter(pk__in=[one.pk for one in connections]).annotate(**found)
    return ((pk, values) for pk, *values in rows.values_list("pk", *found))


def _over(rows: QuerySet[Any], found: Aggregate) -> Subquery:
    """An aggregate over all of these rows; None without any."""
    return Subquery(rows.order_by().annotate(all=Value(1)).values("all").annotate(found=found).values("found"))


def _count(rows: QuerySet[Any]) -> Coalesce:
    return Coalesce(_over(rows, Count("pk")), 0)


def given_up(connection: Connection) -> list[GivenUp]:
    """The newest writebacks that were given up, at most MOST_SHOWN."""
    rows = _dead().filter(target__connection=connection).select_related("visit", "target")
    newest = rows.order_by("-finished_at")[:MOST_SHOWN]
    return [
        GivenUp(
            target=row.target.title,
            presence=TOLD[row.presence],
            happened_at=row.happened_at,
            given_up_at=row.finished_at,
            attempts=row.attempts,
            code=row.code,
            test=row.visit.test,
        )
        for row in newest
    ]


def send_again(connection: Connection) -> int:
    """Tell the EHR the newest state of everybody whose last writeback was given up; returns how many."""
    given_up = _dead().filter(target__connection=connection)
    rows = list(given_up.select_related("visit", "participant__visit__connection"))
    for row in rows:
        writeback.send_again(row)
    return len(rows)


def send_one_again(connection: Connection, number: int) -> bool:
    """Tell one that was given up once more; whether there was such a one."""
    row = one_writeback(connection, number)
    if row is None or row.state != State.DEAD:
        return False
    writeback.send_again(row)
    return True


def switch_on(connection: Connection, number: int) -> bool:
    """Try a target again that was turned off; whether one was."""
    target = Target.objects.filter(pk=number, connection=connection).first()
    return target is not None and writeback.switch_on(target)


def visit_in(connection: Connection, number: UUID) -> Visit | None:
    """A visit of this connection that is not forgotten yet."""
    return Visit.objects.filter(pk=number, connection=connection).first()


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
    """Given up, and still the last word about that participant; an entry of the trail is its own last word."""
    later = Writeback.objects.filter(
        target=OuterRef("target"),
        participant=OuterRef("participant"),
        sequence__gt=OuterRef("sequence"),
        entry=None,
    )
    return Writeback.objects.filter(~Exists(later), state=State.DEAD)
