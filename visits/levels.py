"""How visits stand, for /metrics (connector.metrics): few numbers, each a reason to wake somebody. Every question is
answered from an index of what waits or runs, never by counting what went well."""

from collections.abc import Mapping
from datetime import datetime

from django.db.models import Count, Min

from connector.metrics import Samples, age
from connector.models import Connection, Downtime
from connector.tally import Family
from visits import meeting, services
from visits.models import Receipt, Target

FAMILIES = {
    "writebacks": Family("counter", "Deliveries tried, by what they came to.", ("code", "connection")),
    "receipts": Family("counter", "Notifications taken up to the end, by what they came to.", ("state", "reason")),
    "notifications_not_ours": Family("counter", "Notifications that are forged or of no subscription.", ("kind",)),
    "writeback_waiting_seconds": Family(
        "gauge", "Age of the oldest undelivered state; nothing while a downtime is announced.", ("connection",)
    ),
    "writebacks_dead": Family(
        "gauge", "People or events whose last state was given up, of visits that are no test.", ("connection", "kind")
    ),
    "target_resting": Family("gauge", "Whether a target's circuit is open or it is off.", ("connection", "kind")),
    "visits_unwatched": Family("gauge", "Running visits without a live subscription.", ("connection",)),
    "receipt_waiting_seconds": Family("gauge", "Age of the oldest notification that is not understood."),
}


def measure(now: datetime) -> Mapping[str, Samples]:
    """Every level of FAMILIES."""
    return _told(now) | {
        "target_resting": _resting(now),
        "visits_unwatched": _unwatched(now),
        "receipt_waiting_seconds": {(): age(_oldest_receipt(), now)},
    }


def _told(now: datetime) -> dict[str, Samples]:
    """What an administrator is told of by mail (portal.watch), for all connections at once."""
    connections = list(Connection.objects.exclude(live=None))
    held = set(Downtime.running(now).values_list("connection", flat=True))
    refs = {one.pk: one.ref for one in connections}
    waiting: dict[tuple[str, ...], float] = {}
    dead: dict[tuple[str, ...], float] = {}
    for pk, found in services.troubles_of(connections).items():
        waiting[refs[pk],] = age(None if pk in held else found.waiting_since, now)
        dead[refs[pk], Target.Kind.STATUS_SERVICE.value] = float(found.charts)
        dead[refs[pk], Target.Kind.AUDIT_REPOSITORY.value] = float(found.events)
    return {"writeback_waiting_seconds": waiting, "writebacks_dead": dead}


def _resting(now: datetime) -> Samples:
    targets = Target.objects.values_list("connection__ref", "kind", "open_until", "off_under", "connection__live")
    return {
        (ref, kind): float(bool(until and until > now) or (off is not None and off == live))
        for ref, kind, until, off, live in targets
    }


def _unwatched(now: datetime) -> Samples:
    counted = meeting.unwatched(now).values_list("connection__ref").annotate(Count("pk"))
    return {(ref,): float(number) for ref, number in counted.order_by()}


def _oldest_receipt() -> datetime | None:
    found: datetime | None = Receipt.objects.filter(state=Receipt.State.NEW).aggregate(since=Min("received_at"))[
        "since"
    ]
    return found
