"""A disk that is full: the database's, on a mount of limited size that `make faults` makes where it may."""

import os
import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import psycopg
import redis

from tests.faults.breaking.shape import Fault, bites, patiently
from tests.faults.drive import Visit
from tests.faults.ward import Ward

FULL = "No space left on device"
CHUNK = bytes(1 << 20)


@contextmanager
def _full(ward: Ward, visits: Sequence[Visit]) -> Iterator[None]:
    ballast = ward.house.data / "ballast"
    _fill(ballast)
    try:
        with suppress(psycopg.Error):
            ward.execute("SELECT pg_switch_wal()")  # so that the next write needs room
        yield
        bites(lambda: FULL in ward.house.log("postgres") or not _answers(ward))
        time.sleep(3)
    finally:
        ballast.unlink()
    if not _answers(ward):
        ward.house.restart("postgres")
    patiently(lambda: ward.rows("SELECT 1"))
    ward.house.mend()
    with redis.Redis.from_url(ward.house.environment["REDIS_URL"]) as broker:
        broker.bgrewriteaof()  # what was cut off in its log would keep it from starting the next time


def _fill(ballast: Path) -> None:
    with ballast.open("wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(CHUNK)


def _answers(ward: Ward) -> bool:
    try:
        return bool(ward.rows("SELECT 1"))
    except psycopg.Error:
        return False


def _needs(ward: Ward) -> str:
    """Why it cannot be run here; empty where it can."""
    size = shutil.disk_usage(ward.house.data).total
    if os.path.ismount(ward.house.data.parent) and size < 1 << 30:
        return ""
    return "needs a mount of limited size, which root alone may make"


FAULTS = (
    Fault(
        "disk full",
        "The mount that holds PostgreSQL, the broker and the logs is filled to its end; emptied after some seconds, and"
        " PostgreSQL, which gives up where it cannot write its log, is started again.",
        _full,
        needs=_needs,
    ),
)
