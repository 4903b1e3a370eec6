"""The bulkhead between EHRs: presses that wait for one never take all threads of a process (docs/adr/0018).

An EHR that hangs holds each press until its deadline. What else a process serves, other hospitals, waiting pages, the
portal, goes on in the threads that no single EHR may have.
"""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from threading import BoundedSemaphore
from urllib.parse import urlsplit

from django.conf import settings

from connector.models import Connection
from visits.trouble import CROWDED, Stop

WAITING = 2  # more would hold the threads that are kept free
PATIENCE_SECONDS = 1.0
AGAIN_SECONDS = range(5, 10)  # not all at once

_hosts: dict[str, tuple[BoundedSemaphore, BoundedSemaphore]] = {}


@contextmanager
def room(connection: Connection, *, again: bool) -> Iterator[None]:
    """Have one of the places that this process keeps for presses of an EHR. Raises Stop where all stay taken; `again`:
    the same address may be asked for once more, and the page does so by itself."""
    if not settings.LAUNCHES_AT_ONCE:
        yield
        return
    host = urlsplit(connection.base_url).netloc
    made = BoundedSemaphore(settings.LAUNCHES_AT_ONCE), BoundedSemaphore(WAITING)
    places, queue = _hosts.setdefault(host, made)
    if not _enter(places, queue):
        raise Stop(CROWDED, wait=secrets.choice(AGAIN_SECONDS) if again else 0)
    try:
        yield
    finally:
        places.release()


def _enter(places: BoundedSemaphore, queue: BoundedSemaphore) -> bool:
    """Whether there is a place, now or within the patience of the few who may wait for one."""
    if places.acquire(blocking=False):
        return True
    if not queue.acquire(blocking=False):
        return False
    try:
        return places.acquire(timeout=PATIENCE_SECONDS)
    finally:
        queue.release()
