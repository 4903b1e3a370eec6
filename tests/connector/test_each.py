"""Many items, one after the other: one that fails is logged and holds up none of the others."""

import logging

import pytest
from celery import shared_task
from django.core.cache import cache
from django.db import InterfaceError, InternalError, OperationalError
from psycopg.errors import DeadlockDetected

from connector import tally
from connector.each import MOST_AWAY, each, in_time


def done_of(items: list[str], caplog: pytest.LogCaptureFixture) -> tuple[int, list[int], list[logging.LogRecord]]:
    """Read words as numbers: (how many there were, the numbers, what was logged)."""
    numbers: list[int] = []
    with caplog.at_level(logging.INFO, "connector.each"):
        count = each(iter(items), lambda word: numbers.append(int(word)))
    return count, numbers, [record for record in caplog.records if record.name == "connector.each"]


def test_one_that_fails_stops_none_of_the_others_and_is_counted(caplog: pytest.LogCaptureFixture) -> None:
    count, numbers, _ = done_of(["1", "two", "3", "four", "5"], caplog)
    assert (count, numbers) == (5, [1, 3, 5])


def test_each_failure_is_logged_with_its_error(caplog: pytest.LogCaptureFixture) -> None:
    _, _, logged = done_of(["1", "two", "3", "four"], caplog)
    assert [(record.levelname, record.exc_info and record.exc_info[0]) for record in logged] == [
        ("ERROR", ValueError)
    ] * 2


@shared_task
def half_of_it() -> None:
    each([1, 0, 2, 0], lambda number: 1 / number)


def test_a_task_that_ends_well_over_failures_has_them_counted() -> None:
    tally.flush()
    cache.clear()
    assert half_of_it.apply().successful()
    assert tally.read()[0]["items_failed", "half_of_it"] == 2


def test_without_a_failure_nothing_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    assert done_of(["1", "2"], caplog) == (2, [1, 2], [])


@pytest.mark.parametrize("error", [OperationalError, InterfaceError, InternalError])
def test_where_the_database_is_away_nobody_goes_on_through_thousands(
    error: type[Exception], caplog: pytest.LogCaptureFixture
) -> None:
    def act(number: int) -> None:
        if number > 10:
            raise error

    assert each(range(1000), act) == 10 + MOST_AWAY + 1
    assert [record.message for record in caplog.records] == ["one of many failed"] * MOST_AWAY + ["database away"]


def test_one_that_others_hold_in_the_database_is_no_reason_to_stop(caplog: pytest.LogCaptureFixture) -> None:
    def act(_: int) -> None:
        raise OperationalError from DeadlockDetected()

    assert each(range(100), act) == 100


def test_whoever_stops_the_process_stops_them_all() -> None:
    def interrupt(_: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        each([1, 2], interrupt)


def test_what_is_not_begun_in_time_is_left_alone() -> None:
    left = iter("abc")
    assert list(in_time(left, 0)) == []
    assert list(in_time("abc", 60)) == ["a", "b", "c"]
