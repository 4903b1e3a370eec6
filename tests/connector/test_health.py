"""Ready: what a load balancer asks. The database and a stop have a say; broker and cache are named."""

import uuid
from functools import partial

import pytest
from django.db import InternalError, connection
from django.db.migrations.recorder import MigrationRecorder
from django.test import Client

from connector import health, stopping
from connector.models import Organization

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _asked_anew() -> None:
    health._seen = (0.0, {})


def ready() -> tuple[int, list[str]]:
    answer = Client().get("/health/ready")
    return answer.status_code, answer.content.decode().splitlines()


def test_everything_is_there() -> None:
    assert ready() == (200, ["database: ok", "broker: ok", "cache: ok", "process: ok"])


def test_a_database_that_lacks_a_migration_of_this_version_is_not_ready() -> None:
    newest = MigrationRecorder.Migration.objects.filter(app="visits").latest("pk")
    newest.delete()
    status, lines = ready()
    assert (status, lines[0]) == (503, "database: lacks 1 migrations: run manage.py migrate")


@pytest.mark.django_db(transaction=True)
def test_a_database_that_takes_no_writes_is_not_ready() -> None:
    """As every session of a standby is, and of a server that was made read-only."""
    with connection.cursor() as cursor:
        cursor.execute("SET default_transaction_read_only = on")
        try:
            with pytest.raises(InternalError):
                Organization.objects.create(tid=uuid.uuid4(), region="amer")
            status, lines = ready()
        finally:
            cursor.execute("SET default_transaction_read_only = off")
    assert (status, lines[0]) == (503, "database: takes no writes: it is a standby, or was made read-only")


def test_one_that_is_ahead_of_this_version_is_ready() -> None:
    MigrationRecorder.Migration.objects.create(app="visits", name="9999_of_tomorrow")
    assert ready()[0] == 200


def test_without_the_cache_people_are_still_served(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(health.PARTS, "cache", partial(health._redis, "redis://127.0.0.1:1/0"))
    assert ready() == (200, ["database: ok", "broker: ok", "cache: does not answer", "process: ok"])


def test_a_process_that_stops_takes_nobody_more() -> None:
    assert ready()[0] == 200
    stopping.begin()
    try:
        assert ready() == (503, ["database: ok", "broker: ok", "cache: ok", "process: is stopping"])
        assert Client().get("/health/live").status_code == 200
    finally:
        stopping._begun.clear()


def test_an_answer_holds_for_a_while(django_assert_num_queries: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "KEPT", 60)
    ready()
    with django_assert_num_queries(0):  # type: ignore[operator]
        ready()
