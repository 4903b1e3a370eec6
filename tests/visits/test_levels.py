"""How visits stand, in numbers: each from the rows that it is about, and cheap beside many that are not."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection as database
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from connector import metrics
from connector.models import Connection, Downtime, Entry, Notice
from tests.visits import factories
from visits import levels
from visits.models import Participant, Receipt, Subscription, Target, Visit, Writeback

pytestmark = pytest.mark.django_db


@pytest.fixture
def connection() -> Connection:
    return factories.connection()


def visit(connection: Connection, number: int = 0, **values: Any) -> Visit:
    kept = {"session_kind": "context", "session_hash": f"h{number}", "hash_kid": "k", "session_sealed": "s"} | values
    return Visit.objects.create(connection=connection, **kept)


def writeback(connection: Connection, minutes: int, state: str = "waiting", **values: Any) -> Writeback:
    of = visit(connection, Visit.objects.count(), **values)
    who = Participant.objects.create(visit=of, role="patient", ehr_user_hash="u", hash_kid="k")
    row = Writeback.objects.create(
        target=Target.objects.get(connection=connection),
        organization=connection.organization,
        visit=of,
        participant=who,
        sequence=1,
        lane=0,
        presence="waiting",
        happened_at=timezone.now(),
        state=state,
    )
    Writeback.objects.filter(pk=row.pk).update(created_at=ago(minutes))
    return row


NOW = timezone.now()


def ago(minutes: float) -> datetime:
    return NOW - timedelta(minutes=minutes)


def level(name: str, *labels: str) -> float:
    return levels.measure(NOW)[name].get(labels, 0.0)


def test_nothing_is_told_where_nothing_waits(connection: Connection) -> None:
    found = levels.measure(timezone.now())
    assert set(found) == {name for name, family in levels.FAMILIES.items() if family.kind == "gauge"}
    assert {value for samples in found.values() for value in samples.values()} == {0.0}


def test_the_oldest_undelivered_state_of_each_connection(connection: Connection) -> None:
    other = factories.connection()
    writeback(connection, 20)
    writeback(connection, 40)
    writeback(connection, 60, "delivered")
    writeback(other, 5)
    assert level("writeback_waiting_seconds", connection.ref) == 2400
    assert level("writeback_waiting_seconds", other.ref) == 300


def test_what_an_announced_downtime_holds_wakes_nobody(connection: Connection) -> None:
    writeback(connection, 40)
    downtime = Downtime.objects.create(
        connection=connection,
        begins_at=ago(60),
        ends_at=ago(-60),
        announced_by=factories.user(),
        announced_by_name="Ada Lindqvist",
    )
    assert level("writeback_waiting_seconds", connection.ref) == 0
    Downtime.objects.filter(pk=downtime.pk).update(ends_at=ago(1))
    assert level("writeback_waiting_seconds", connection.ref) == 2400


def test_what_was_given_up_but_for_test_visits(connection: Connection) -> None:
    writeback(connection, 1, "dead")
    writeback(connection, 1, "dead", test=True)
    assert level("writebacks_dead", connection.ref, "status") == 1
    assert level("writebacks_dead", connection.ref, "audit") == 0


@pytest.mark.parametrize(("until", "off", "rests"), [(-5, False, 1), (5, False, 0), (None, True, 1), (None, False, 0)])
def test_a_target_that_rests_or_is_off(connection: Connection, until: int | None, off: bool, rests: int) -> None:
    Target.objects.update(
        open_until=None if until is None else ago(until), off_under=connection.live_id if off else None
    )
    assert level("target_resting", connection.ref, "status") == rests


@pytest.mark.parametrize(
    ("subscription", "running", "gap"),
    [
        ({"graph_id": "g", "expires_at": 60}, True, 0),
        ({"graph_id": "g", "expires_at": -1}, True, 1),
        ({"graph_id": "", "expires_at": None}, True, 1),
        ({"graph_id": "g", "expires_at": 60, "generation": 1}, True, 1),
        ({"graph_id": "", "expires_at": None}, False, 0),
    ],
    ids=["live", "ran out", "refused", "of an earlier meeting", "ended"],
)
def test_a_running_visit_that_no_subscription_watches(
    connection: Connection, subscription: dict[str, Any], running: bool, gap: int
) -> None:
    of = visit(connection, generation=2, look_at=ago(0), ended_at=None if running else ago(0))
    until = subscription["expires_at"]
    kept = {"generation": 2} | subscription | {"expires_at": None if until is None else ago(-until)}
    Subscription.objects.create(visit=of, key_kid="k", **kept)
    assert level("visits_unwatched", connection.ref) == gap


def test_the_oldest_notification_that_nobody_has_understood(connection: Connection) -> None:
    subscription = Subscription.objects.create(visit=visit(connection), generation=1, key_kid="k")
    for minutes, state in ((30, "understood"), (20, "refused"), (10, "new"), (1, "new")):
        row = Receipt.objects.create(subscription=subscription, item={}, state=state)
        Receipt.objects.filter(pk=row.pk).update(received_at=ago(minutes))
    assert level("receipt_waiting_seconds") == 600


MANY = 1000


def many_that_are_over(connection: Connection) -> None:
    """Visits with all that belongs to them, none of which waits or runs."""
    plain = {"session_kind": "context", "hash_kid": "k", "session_sealed": "s", "ended_at": timezone.now()}
    visits = Visit.objects.bulk_create(Visit(connection=connection, session_hash=f"m{n}", **plain) for n in range(MANY))
    subscriptions = Subscription.objects.bulk_create(
        Subscription(visit=one, generation=1, key_kid="k") for one in visits
    )
    Receipt.objects.bulk_create(Receipt(subscription=one, item={}, state="understood") for one in subscriptions)
    told = {"organization": connection.organization, "target": Target.objects.get(connection=connection), "lane": 0}
    told |= {"sequence": 1, "presence": "waiting", "happened_at": timezone.now(), "state": "delivered"}
    Writeback.objects.bulk_create(Writeback(visit=one, **told) for one in visits)
    Entry.objects.bulk_create(
        Entry(organization=connection.organization, event="launched", at=timezone.now(), sequence=n)
        for n in range(MANY)
    )
    Notice.objects.bulk_create(
        Notice(organization=connection.organization, kind="edited", subject=str(n), sent_at=timezone.now())
        for n in range(MANY)
    )
    with database.cursor() as cursor:
        cursor.execute(f"ANALYZE {', '.join(LARGE)}")


LARGE = (
    *("visits_visit", "visits_subscription", "visits_receipt", "visits_writeback"),
    *("connector_entry", "connector_notice"),
)


def plans(found: CaptureQueriesContext) -> list[str]:
    """How PostgreSQL answers each of these questions."""
    told = []
    with database.cursor() as cursor:
        for query in found.captured_queries:
            cursor.execute(f"EXPLAIN {query['sql']}")
            told.append("\n".join(line for (line,) in cursor.fetchall()))
    return told


def test_many_visits_that_are_over_cost_nothing(connection: Connection) -> None:
    writeback(connection, 20)
    many_that_are_over(connection)
    with CaptureQueriesContext(database) as found:
        for measure in metrics.measures:
            measure(timezone.now())
    assert len(found) <= 9
    read_whole = [(table, plan) for plan in plans(found) for table in LARGE if f"Seq Scan on {table}" in plan]
    assert read_whole == []
