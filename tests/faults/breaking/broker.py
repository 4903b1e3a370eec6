"""The broker and the cache, which are one Valkey here: emptied, away, silent, killed."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import redis

from tests.faults.breaking.shape import Act, Fault, bites, dying, missed
from tests.faults.drive import Visit
from tests.faults.ward import Ward

SILENT_SECONDS = 15  # longer than a server that has been silent is left alone
NEW = "SELECT 1 FROM visits_receipt WHERE state = 'new'"


@contextmanager
def _emptied(ward: Ward, visits: Sequence[Visit]) -> Iterator[None]:
    _flush(ward)
    yield
    bites(lambda: ward.rows(NEW))
    _flush(ward)


def _flush(ward: Ward) -> None:
    with redis.Redis.from_url(ward.house.environment["REDIS_URL"]) as broker:
        broker.flushall()


@contextmanager
def _stopped(ward: Ward, visits: Sequence[Visit]) -> Iterator[None]:
    ward.house.stop("valkey")
    yield
    bites(lambda: ward.rows(NEW))
    time.sleep(5)
    ward.house.start("valkey")
    ward.house.mend()  # as systemd does: Celery gives up, now and then, when its broker dies


@contextmanager
def _killed(ward: Ward, visits: Sequence[Visit]) -> Iterator[Act]:
    before = missed(ward)
    yield dying(ward, "valkey")
    bites(lambda: missed(ward) > before)


@contextmanager
def _silent(ward: Ward, visits: Sequence[Visit]) -> Iterator[None]:
    before = missed(ward)
    with ward.house.held("valkey"):
        yield
        bites(lambda: missed(ward) > before)
        time.sleep(SILENT_SECONDS)


FAULTS = (
    Fault("Redis emptied", "FLUSHALL of broker and cache, twice, with notifications under way.", _emptied),
    Fault(
        "Redis stopped",
        "Broker and cache end, and come back once notifications have waited for five seconds.",
        _stopped,
    ),
    Fault(
        "Redis silent",
        "Broker and cache are held (SIGSTOP): who asks is connected and gets no answer, for as long as people come.",
        _silent,
    ),
    Fault("Redis killed", "SIGKILL while people come and go; after two seconds another on the same data.", _killed),
)
