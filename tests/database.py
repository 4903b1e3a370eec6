"""What tests do to a database that workers of a running house use at the same time."""

from collections.abc import Callable

from psycopg.errors import DeadlockDetected

OBSERVER = "observer"  # what PostgreSQL calls a test's own connections, which are never cut


def insisting(act: Callable[[], object]) -> None:
    """Do it; again, as long as a worker that looks for something to do makes it a deadlock."""
    while True:
        try:
            act()
        except DeadlockDetected:
            continue
        return
