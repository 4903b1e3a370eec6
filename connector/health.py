"""Health for supervisors and load balancers."""

import time
from collections.abc import Callable
from functools import cache, partial

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.db import Error
from django.db import connection as database
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder
from django.http import HttpRequest, HttpResponse
from redis.exceptions import RedisError

from connector import stopping, tally

KEPT = 1.0  # seconds for which an answer holds: many may ask

# What is wrong with a part, in words for the operator; None: nothing.
Wrong = str | None


@login_not_required
def live(request: HttpRequest) -> HttpResponse:
    """The process answers. Says nothing of the systems behind it, so that their outage restarts nobody."""
    return HttpResponse("live\n", content_type="text/plain")


@login_not_required
def ready(request: HttpRequest) -> HttpResponse:
    """Whether this process can serve people: 503 where the database is away, takes no writes or is not migrated, or the
    process is stopping. Broker and cache are named: without them pages are slower and writebacks later, and a load
    balancer that took every process away would make that an outage. EHR and Microsoft have no say."""
    found = parts() | {"process": "is stopping" if stopping.begun() else None}
    lines = [f"{name}: {wrong or 'ok'}\n" for name, wrong in found.items()]
    status = 503 if found["database"] or found["process"] else 200
    return HttpResponse("".join(lines), status=status, content_type="text/plain")


def parts() -> dict[str, Wrong]:
    """How the database, the broker and the cache are, asked at most once a second."""
    global _seen
    at, found = _seen
    if time.monotonic() >= at + KEPT or not found:
        found = {name: ask() for name, ask in PARTS.items()}
        _seen = time.monotonic(), found
    return found


_seen: tuple[float, dict[str, Wrong]] = (0.0, {})


def _database() -> Wrong:
    """A full disk is not seen here: PostgreSQL tells of it only to who writes (docs/operations.md, *DatabaseAway*)."""
    try:
        with database.cursor() as cursor:
            [read_only] = cursor.execute("SHOW transaction_read_only").fetchone()
        if read_only == "on":
            return "takes no writes: it is a standby, or was made read-only"
        applied = set(MigrationRecorder(database).migration_qs.values_list("app", "name"))
    except Error:
        return "does not answer"
    missing = _newest_migrations() - applied
    return f"lacks {len(missing)} migrations: run manage.py migrate" if missing else None


@cache
def _newest_migrations() -> frozenset[tuple[str, str]]:
    """The last migration of each app, as this version of the code knows it."""
    return frozenset(MigrationLoader(None).graph.leaf_nodes())


def _redis(url: str) -> Wrong:
    try:
        tally.client(url).ping()
    except (RedisError, OSError):
        return "does not answer"
    return None


PARTS: dict[str, Callable[[], Wrong]] = {
    "database": _database,
    "broker": partial(_redis, settings.CELERY_BROKER_URL),
    "cache": partial(_redis, settings.CACHE_LOCATION),
}
