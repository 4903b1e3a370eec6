"""Counted in every process, kept for all of them in the cache (docs/adr/0017). Counting touches memory alone: a thread
carries it on each second, so that a cache that is away neither stops nor slows anybody. A cache that was emptied begins
at nothing, which Prometheus takes for a restart."""

import atexit
import json
import logging
import os
import threading
import time
from bisect import bisect_left
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Literal

import redis
from django.conf import settings
from redis.exceptions import RedisError

log = logging.getLogger(__name__)

COUNTED, MARKED = "metrics:counted", "metrics:marked"
EVERY = 1.0  # seconds between two carryings
BUCKETS = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 8.0, 15.0, 30.0)  # seconds; launches end at 8, writebacks at 15
BOUNDS = (*map(str, BUCKETS), "+Inf")
SUM = "sum"  # stands in a bound's place


@dataclass(frozen=True)
class Family:
    """One metric: what it tells, and the names of its labels. No label holds a name, an address or an id of anybody: a
    connection is its `ref`."""

    kind: Literal["counter", "gauge", "histogram"]
    tells: str
    labels: tuple[str, ...] = ()


FAMILIES: dict[str, Family] = {  # visits add theirs (visits.apps)
    "requests": Family("counter", "Requests answered, by route and status.", ("route", "status")),
    "problems": Family(
        "counter", "Error pages that people saw, by code, route and connection.", ("code", "route", "connection")
    ),
    "outgoing_seconds": Family(
        "histogram", "Calls to others: their status, or why there was none.", ("service", "outcome")
    ),
    "mails": Family("counter", "Tries to send a mail, by what they came to.", ("code",)),
    "tasks": Family("counter", "Tasks that workers have ended.", ("task", "outcome")),
    "task_last_success_timestamp_seconds": Family("gauge", "When a worker last ended this task well.", ("task",)),
    "task_interval_seconds": Family("gauge", "How often the scheduler wakes this task.", ("task",)),
    "items_failed": Family("counter", "Things that failed in a task that went on with the others.", ("task",)),
    "scheduler_last_sent_timestamp_seconds": Family("gauge", "When the scheduler last sent a task to the broker."),
    "levels_known": Family(
        "gauge", "Whether PostgreSQL answered this scrape; where not, what it would tell is absent."
    ),
    "up": Family("gauge", "Whether the database, the broker and the cache answer.", ("part",)),
    "mail_waiting_seconds": Family("gauge", "Age of the oldest mail that is due and not sent."),
    "trail_unsealed_seconds": Family("gauge", "Age of the oldest entry of the trail that is not sealed yet."),
    "trails_broken": Family("gauge", "Organizations whose trail was found not to hold when it was last verified."),
}

Read = dict[tuple[str, ...], float]

_lock = threading.Lock()
_carrying = threading.Lock()  # held by whoever carries, so that nobody reads between the taking and the bringing
_counted: Counter[str] = Counter()
_marked: dict[str, float] = {}
_carrier: threading.Thread | None = None


def count(name: str, amount: float = 1, **labels: str) -> None:
    """Add to a counter."""
    _add({_field(name, labels): amount})


def observe(name: str, seconds: float, **labels: str) -> None:
    """Add one duration to a histogram."""
    bound = BOUNDS[bisect_left(BUCKETS, seconds)]
    _add({_field(name, labels, bound): 1, _field(name, labels, SUM): seconds})


def mark(name: str, **labels: str) -> None:
    """Keep that something happened now."""
    with _lock:
        _marked[_field(name, labels)] = time.time()
    _awake()


def _field(name: str, labels: dict[str, str], *more: str) -> str:
    return json.dumps([name, *(labels[label] for label in FAMILIES[name].labels), *more])


def _add(amounts: dict[str, float]) -> None:
    with _lock:
        _counted.update(amounts)
    _awake()


def _awake() -> None:
    global _carrier
    if _carrier is None or not _carrier.is_alive():
        _carrier = threading.Thread(target=_carry, name="tally", daemon=True)
        _carrier.start()


def _carry() -> None:
    while True:
        time.sleep(EVERY)
        flush()


def flush() -> None:
    """Carry what was counted here to the cache; where it is away, keep it for the next time."""
    with _carrying:
        _flush()


def _flush() -> None:
    global _counted, _marked
    with _lock:
        counted, marked = _counted, _marked
        _counted, _marked = Counter(), {}
    if not counted and not marked:
        return
    try:
        _send(counted, marked)
    except (RedisError, OSError):
        with _lock:
            _counted.update(counted)
            _marked = marked | _marked


def _send(counted: Counter[str], marked: dict[str, float]) -> None:
    with client(settings.CACHE_LOCATION).pipeline() as together:  # MULTI: all of it or nothing
        for field, amount in counted.items():
            together.hincrbyfloat(COUNTED, field, amount)
        for field, at in marked.items():
            together.hset(MARKED, field, repr(at))
        together.execute()


def read() -> tuple[Read, Read]:
    """(what was counted, when what was marked happened), of all processes, by (name, labels…). Raises RedisError or
    OSError."""
    flush()
    reader = client(settings.CACHE_LOCATION)
    counted, marked = _read(reader.hgetall(COUNTED)), _read(reader.hgetall(MARKED))
    return counted, marked


def _read(found: Mapping[bytes | str, bytes | str]) -> Read:
    """Only what this version knows: another one may run beside it, or have run before."""
    series = {tuple(json.loads(field)): float(value) for field, value in found.items()}
    return {key: value for key, value in series.items() if key[0] in FAMILIES and len(key) == _length(key[0])}


def _length(name: str) -> int:
    family = FAMILIES[name]
    return 1 + len(family.labels) + (family.kind == "histogram")


@cache
def client(url: str) -> redis.Redis:
    """A client of a Redis that waits for no one long."""
    return redis.Redis.from_url(url, **settings.REDIS_OPTIONS)


def _begin_anew() -> None:
    """In a forked process: what was counted before is the parent's to tell, and its thread is not here."""
    global _lock, _carrying, _counted, _marked, _carrier
    _lock, _carrying, _counted, _marked, _carrier = threading.Lock(), threading.Lock(), Counter(), {}, None


os.register_at_fork(after_in_child=_begin_anew)
atexit.register(flush)
