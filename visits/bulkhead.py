"""The bulkhead between hospitals: presses that wait for one EHR never take all threads of a process (docs/adr/0018).

An EHR that hangs holds each press until its deadline. What else a process serves, other hospitals, waiting pages, the
portal, goes on in the threads that no single EHR may have.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import BoundedSemaphore
from uuid import UUID

from django.conf import settings

from connector.models import Connection
from visits.trouble import CROWDED, Stop

PATIENCE_SECONDS = 1.0  # for a place: an EHR that answers gives it back within that time
AGAIN_SECONDS = 3

_places: dict[UUID, BoundedSemaphore] = {}


@contextmanager
def room(connection: Connection) -> Iterator[None]:
    """Have one of the places that this process keeps for presses of a connection. Raises Stop where all stay taken: the
    page tries again by itself."""
    if not settings.LAUNCHES_AT_ONCE:
        yield
        return
    places = _places.setdefault(connection.pk, BoundedSemaphore(settings.LAUNCHES_AT_ONCE))
    if not places.acquire(timeout=PATIENCE_SECONDS):
        raise Stop(CROWDED, wait=AGAIN_SECONDS)
    try:
        yield
    finally:
        places.release()
