"""Counting: for all processes together, and never at the cost of who counts."""

import os
import socket
import time

import pytest
from django.core.cache import cache
from pytest_django import Settings

from connector import tally


@pytest.fixture(autouse=True)
def _nothing_counted() -> None:
    tally.flush()
    cache.clear()


def counted(*key: str) -> float:
    return tally.read()[0].get(key, 0.0)


def test_what_two_processes_count_is_one_number() -> None:
    tally.count("mails", code="sent")
    child = os.fork()
    if child == 0:  # begins with nothing of its parent's
        tally.count("mails", 2, code="sent")
        tally.flush()
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    assert counted("mails", "sent") == 3


def test_it_is_carried_to_the_cache_by_itself() -> None:
    tally.count("mails", code="sent")
    reader, until = tally.client(os.environ["CACHE_URL"].replace("valkey://", "redis://")), time.monotonic() + 10
    while not reader.exists(tally.COUNTED):
        assert time.monotonic() < until
        time.sleep(0.05)


def test_a_duration_falls_into_the_first_bound_that_holds_it() -> None:
    for seconds in (0.05, 0.3, 31.0):
        tally.observe("outgoing_seconds", seconds, service="ehr", outcome="200")
    found = {key[3]: value for key, value in tally.read()[0].items()}
    assert found == {"0.05": 1, "0.5": 1, "+Inf": 1, "sum": pytest.approx(31.35)}


def test_a_label_that_a_metric_does_not_have_is_a_mistake() -> None:
    with pytest.raises(KeyError):
        tally.count("mails", reason="sent")


def test_without_the_cache_nobody_waits_and_nothing_is_lost(settings: Settings) -> None:
    here = settings.CACHE_LOCATION
    with socket.socket() as deaf:  # takes connections and never answers, which is worse than refusing them
        deaf.bind(("127.0.0.1", 0))
        deaf.listen()
        settings.CACHE_LOCATION = f"redis://127.0.0.1:{deaf.getsockname()[1]}"
        began = time.monotonic()
        for _ in range(1000):
            tally.count("mails", code="sent")
        assert time.monotonic() - began < 1
        tally.flush()
    settings.CACHE_LOCATION = here
    until = time.monotonic() + 10
    while counted("mails", "sent") != 1000:  # a carrying that had begun gives back what it could not bring
        assert time.monotonic() < until
        time.sleep(0.05)


def test_what_another_version_counted_is_passed_over(settings: Settings) -> None:
    reader = tally.client(settings.CACHE_LOCATION)
    reader.hset(tally.COUNTED, '["of-tomorrow", "x"]', 1)
    reader.hset(tally.COUNTED, '["mails", "sent", "more"]', 1)
    tally.count("mails", code="sent")
    assert tally.read()[0] == {("mails", "sent"): 1}
