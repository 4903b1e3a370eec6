"""Making people arrive at once, for certain: nobody goes on until all of them wait at the same lock."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar
from uuid import UUID

from django.db import connection, transaction

from connector.models import Organization

T = TypeVar("T")


def at_once(organization_id: UUID, act: Callable[[], T], people: int = 3) -> list[T]:
    """What `act` returns to each of several threads that start while the organization's row is held."""

    def one() -> T:
        try:
            return act()
        finally:
            connection.close()

    with ThreadPoolExecutor(people) as pool:
        with transaction.atomic():
            Organization.objects.select_for_update().get(pk=organization_id)
            running = [pool.submit(one) for _ in range(people)]
            _wait_for_waiting(people)
        return [each.result() for each in running]


def _wait_for_waiting(people: int) -> None:
    deadline = time.monotonic() + 10
    while _waiting() < people:
        assert time.monotonic() < deadline, "somebody does not wait for the organization's row"
        time.sleep(0.02)


def _waiting() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_stat_clear_snapshot()")  # else a transaction sees what it saw first
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
        )
        (count,) = cursor.fetchone()
    return int(count)
