"""PostgreSQL: restarted, killed, away for longer, silent, its connections cut, none left, read-only."""

import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from functools import partial

import psycopg
import requests

from tests.faults.breaking.shape import Act, Fault, bites, dying, errors, patiently
from tests.faults.drive import Visit
from tests.faults.ward import Ward, connected

CUT = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid()
"""
FAIL_OVER_SECONDS, SILENT_SECONDS = 40, 15
READ_ONLY = "ALTER SYSTEM SET default_transaction_read_only = {}"
RELOAD = "SELECT pg_reload_conf()"


@contextmanager
def _restarted(ward: Ward, visits: Sequence[Visit]) -> Iterator[Act]:
    before = errors(ward)
    yield lambda: ward.house.restart("postgres")
    bites(lambda: errors(ward) > before)
    ward.leases_end()  # what was claimed as it ended


@contextmanager
def _killed(ward: Ward, visits: Sequence[Visit], seconds: float = 2) -> Iterator[Act]:
    before = errors(ward)
    yield dying(ward, "postgres", seconds)
    bites(lambda: errors(ward) > before)
    patiently(lambda: ward.rows("SELECT 1"))
    ward.leases_end()


@contextmanager
def _cut(ward: Ward, visits: Sequence[Visit]) -> Iterator[None]:
    ward.execute(CUT)
    yield
    for _ in range(3):
        ward.execute(CUT)
        time.sleep(0.7)
    ward.leases_end()


@contextmanager
def _none_left(ward: Ward, visits: Sequence[Visit]) -> Iterator[None]:
    """Somebody else has them all: first what is free, then what the product gives up by being cut."""
    with connected(ward.house) as own, ExitStack() as taken:
        url = ward.house.environment["DATABASE_URL"]
        until = time.monotonic() + 3
        while time.monotonic() < until:
            with suppress(psycopg.OperationalError):
                taken.enter_context(psycopg.connect(url, connect_timeout=2, application_name="taken"))
                continue
            own.execute(f"{CUT} AND application_name <> 'taken'")
            time.sleep(0.1)
        before = errors(ward)
        yield
        bites(lambda: errors(ward) > before)
        time.sleep(3)
    ward.leases_end()


@contextmanager
def _read_only(ward: Ward, visits: Sequence[Visit]) -> Iterator[None]:
    before = errors(ward)
    ward.execute(READ_ONLY.format("on"), RELOAD)
    try:
        yield
        bites(lambda: errors(ward) > before)
        time.sleep(3)
    finally:
        ward.execute(READ_ONLY.format("off"), RELOAD)
    ward.leases_end()


@contextmanager
def _silent(ward: Ward, visits: Sequence[Visit]) -> Iterator[None]:
    with ward.house.held("postgres"):
        yield
        bites(lambda: not _is_ready(ward))
        time.sleep(SILENT_SECONDS)
    ward.leases_end()


def _is_ready(ward: Ward) -> bool:
    try:
        return requests.get(f"{ward.house.urls['web']}/health/ready", timeout=2).ok
    except requests.Timeout:
        return False


FAULTS = (
    Fault(
        "PostgreSQL restarted",
        "While people come and go: its fast shutdown, which ends every transaction, and a start.",
        _restarted,
    ),
    Fault(
        "PostgreSQL killed",
        "SIGKILL to all of it while people come and go; started after two seconds, from its log.",
        _killed,
    ),
    Fault(
        "PostgreSQL away for forty seconds",
        "SIGKILL while people come and go, and another one, on the same data, as late as after a fail-over.",
        partial(_killed, seconds=FAIL_OVER_SECONDS),
    ),
    Fault(
        "PostgreSQL silent",
        "It is held (SIGSTOP), as on a disk that stalls: all who ask wait, and are answered once it runs again.",
        _silent,
    ),
    Fault("connections cut", "pg_terminate_backend of every connection, four times.", _cut),
    Fault("out of connections", "Another program takes every connection that there is, for some seconds.", _none_left),
    Fault(
        "PostgreSQL read-only",
        "default_transaction_read_only, as after a fail-over; off after some seconds.",
        _read_only,
    ),
)
