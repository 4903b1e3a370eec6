"""What tests do to a database that workers of a running house use at the same time."""

from collections.abc import Callable

from django.db import connection
from psycopg.errors import DeadlockDetected

OBSERVER = "observer"  # what PostgreSQL calls a test's own connections, which are never cut
WAITING_FOR_LOCKS = "FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"


def insisting(act: Callable[[], object]) -> None:
    """Do it; again, as long as a worker that looks for something to do makes it a deadlock."""
    while True:
        try:
            act()
        except DeadlockDetected:
            continue
        return


def waiting_for_locks() -> int:
    """How many connections to Django's own database wait for a lock at this moment."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_stat_clear_snapshot()")  # within a transaction the view would stay as first seen
        cursor.execute(f"SELECT count(*) {WAITING_FOR_LOCKS}")
        row = cursor.fetchone()
    return int(row[0]) if row else 0
