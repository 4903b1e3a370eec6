"""One after the other, whatever becomes of each."""

import logging
import time
from collections.abc import Callable, Iterable, Iterator
from itertools import takewhile
from typing import TypeVar

from celery import current_task

from connector import stopping, tally
from connector.database import is_away

log = logging.getLogger(__name__)
T = TypeVar("T")
MOST_AWAY = 3  # failures in a row that the database has to do with: then it is not about these items


def in_time(items: Iterable[T], seconds: float) -> Iterator[T]:
    """The items that are begun within some seconds, and before the process was told to stop: the rest is due at the
    next sweep."""
    until = time.monotonic() + seconds
    return takewhile(lambda _: time.monotonic() < until and not stopping.begun(), items)


def each(items: Iterable[T], act: Callable[[T], object]) -> int:
    """Do something for every item; returns how many there were. One that fails is logged and counted, and stops none of
    the others: it is tried again by the next sweep. Where the database is away all wait for that."""
    count = away = 0
    for item in items:
        count += 1
        try:
            act(item)
            away = 0
        except Exception as error:
            log.exception("one of many failed")
            tally.count("items_failed", task=current_task.name.rpartition(".")[2] if current_task else "")
            away = away + 1 if is_away(error) else 0
        if away == MOST_AWAY:
            log.error("database away")
            break
    return count
