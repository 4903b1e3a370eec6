"""Making people arrive at once, for certain: nobody goes on until all of them wait at the same lock."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar
from uuid import UUID

from django.db import connection, transaction

from connector.models import Organization
from tests.database import waiting_for_locks

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
    while waiting_for_locks() < people:
        assert time.monotonic() < deadline, "somebody does not wait for the organization's row"
        time.sleep(0.02)
