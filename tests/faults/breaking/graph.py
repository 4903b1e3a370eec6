"""Microsoft: what it tells is lost, told twice, late, in the wrong order; a subscription goes; its keys change."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from tests.faults.breaking.shape import Breaks, Fault, bites, fault, receipts
from tests.faults.drive import Visit
from tests.faults.ward import Ward

HOUR = 3600


def _notifications(kind: str, value: float | None = None, times: int = 0) -> Breaks:
    @contextmanager
    def breaks(ward: Ward, visits: Sequence[Visit]) -> Iterator[None]:
        before = receipts(ward)
        fault(ward, "graph", "", f"notification-{kind}", value, times)
        yield
        if not times:
            bites(lambda: receipts(ward) > before)
        ward.no_faults()

    return breaks


@contextmanager
def _an_hour_late(ward: Ward, visits: Sequence[Visit]) -> Iterator[None]:
    """What happens now is told after all that happens later."""
    fault(ward, "graph", "", "notification-late", HOUR, 60)
    yield
    ward.no_faults()
    bites(lambda: not [one for one in waiting(ward) if one["due"] < time.time() + HOUR / 2])
    ward.tell("graph", "notifications/hurry")
    ward.moved += HOUR


def waiting(ward: Ward) -> list[dict[str, float]]:
    return list(ward.tell("graph", "notifications", "GET")["waiting"])


@contextmanager
def _subscriptions_removed(ward: Ward, visits: Sequence[Visit]) -> Iterator[None]:
    driven = {visit.key for visit in visits}
    meetings = {one["id"] for one in ward.tell("graph", "meetings", "GET") if one["key"] in driven}
    watching = [one for one in ward.tell("graph", "subscriptions", "GET") if one["meeting"] in meetings]
    for one in watching[::3]:
        ward.tell("graph", f"subscriptions/{one['id']}/lifecycle", lifecycleEvent="subscriptionRemoved")
    yield
    bites(lambda: ward.rows("SELECT 1 FROM visits_visit WHERE ended_at IS NULL AND NOT presence_live"))


@contextmanager
def _keys_rotated(ward: Ward, visits: Sequence[Visit]) -> Iterator[None]:
    before = receipts(ward)
    ward.tell("entra", "keys/rotate")
    yield
    bites(lambda: receipts(ward) > before)  # each with a token of the new key's


@contextmanager
def _out_of_reach(ward: Ward, visits: Sequence[Visit]) -> Iterator[None]:
    ward.house.stop("notifications")
    yield
    time.sleep(5)
    ward.house.start("notifications")


def _api(kind: str, value: float) -> Breaks:
    @contextmanager
    def breaks(ward: Ward, visits: Sequence[Visit]) -> Iterator[None]:
        fault(ward, "graph", "^/(v1.0|beta)/", kind, value)
        yield
        time.sleep(3)
        ward.no_faults()

    return breaks


FAULTS = (
    Fault("notifications lost", "Graph never sends the next 40.", _notifications("lost", times=40), untold=True),
    Fault("notifications doubled", "Graph sends each one twice.", _notifications("doubled")),
    Fault("notifications in the wrong order", "Each is overtaken by the next.", _notifications("reordered")),
    Fault(
        "notifications an hour late",
        "Sixty are held until all that happened later has been told. The hour itself nobody waits for.",
        _an_hour_late,
    ),
    Fault(
        "subscriptions removed",
        "Graph removes every third subscription in the middle of the call, and says so.",
        _subscriptions_removed,
        untold=True,
    ),
    Fault("notification service out of reach", "It is stopped for five seconds; Graph tries again.", _out_of_reach),
    Fault("Graph answers 503", "All of its API, while people launch; some seconds.", _api("status", 503)),
    Fault(
        "Microsoft's signing keys rotated",
        "Entra signs with a new key from now on; the one before stays published.",
        _keys_rotated,
    ),
)
