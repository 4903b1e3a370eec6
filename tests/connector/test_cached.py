"""What is remembered holds until what it is made of is outdated, whoever comes when; without a cache nothing is."""

import secrets
from collections.abc import Callable, Iterator
from itertools import count

import pytest
from django.core.cache import cache
from django.db import transaction
from pytest_django import Settings

from connector import cached
from connector.cached import alone, outdate, remembered
from tests.visits.test_writeback.ehr import wait_until

pytestmark = pytest.mark.django_db(transaction=True)
Read = Callable[[], int]


@pytest.fixture
def number() -> str:
    return secrets.token_hex(4)


@pytest.fixture
def makings() -> Iterator[int]:
    return count(1)


@pytest.fixture
def read(number: str, makings: Iterator[int]) -> Read:
    """Reads something made of a visit and a connection: how often it has been made."""
    of = {"visit": number, "connection": f"of-{number}"}
    return lambda: int(remembered(f"test:{number}", of, lambda: next(makings), 60))


def test_it_is_made_once(read: Read) -> None:
    assert [read(), read(), read()] == [1, 1, 1]


@pytest.mark.parametrize("kind", ["visit", "connection"])
def test_it_is_made_anew_after_anything_it_is_made_of_has_changed(read: Read, number: str, kind: str) -> None:
    assert read() == 1
    outdate(kind, number if kind == "visit" else f"of-{number}")
    assert [read(), read()] == [2, 2]


def test_another_visit_changes_nothing(read: Read) -> None:
    assert read() == 1
    outdate("visit", "another")
    assert read() == 1


def test_a_change_counts_once_it_is_committed(read: Read, number: str) -> None:
    with transaction.atomic():
        outdate("visit", number)
        assert read() == 1
    assert read() == 2


def test_what_was_made_beside_a_change_is_not_taken_for_newer_than_it(number: str, makings: Iterator[int]) -> None:
    def make() -> int:
        outdate("visit", number)  # somebody commits after the rows were read
        return next(makings)

    assert [remembered(f"test:{number}", {"visit": number}, make, 60) for _ in range(2)] == [1, 2]


def test_a_cache_that_forgets_makes_it_anew(read: Read) -> None:
    assert read() == 1
    cache.clear()
    assert [read(), read()] == [2, 2]


def test_without_a_cache_it_is_made_each_time(read: Read, number: str, settings: Settings) -> None:
    settings.CACHES = {"default": settings.CACHES["default"] | {"LOCATION": "redis://127.0.0.1:1/0"}}
    outdate("visit", number)
    assert [read(), read()] == [1, 2]


def test_a_sweep_is_left_out_while_it_still_runs(number: str) -> None:
    ran: list[str] = []

    def sweep() -> None:
        ran.append("begun")
        guarded()  # what another thread or process does at this moment
        ran.append("done")

    sweep.__name__ = number
    guarded = alone(sweep)
    guarded()
    guarded()
    assert ran == ["begun", "done"] * 2


def test_a_sweep_that_fails_holds_up_no_later_one(number: str) -> None:
    ran: list[int] = []

    def sweep() -> None:
        ran.append(len(ran))
        raise LookupError

    sweep.__name__ = number
    for _ in range(2):
        with pytest.raises(LookupError):
            alone(sweep)()
    assert ran == [0, 1]


def test_after_a_crash_a_sweep_runs_again_within_minutes(number: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cached, "ALONE_SECONDS", 1)
    ran: list[str] = []

    def sweep() -> None:
        ran.append("again")

    sweep.__name__ = number
    name = cached.ALONE.format(sweep.__module__, number)
    cache.add(name, True, 1)  # left by a worker that was killed
    alone(sweep)()
    assert ran == []
    wait_until(lambda: cache.get(name) is None)
    alone(sweep)()
    assert ran == ["again"]


def test_without_a_cache_a_sweep_runs(number: str, settings: Settings) -> None:
    settings.CACHES = {"default": settings.CACHES["default"] | {"LOCATION": "redis://127.0.0.1:1/0"}}
    ran: list[str] = []

    def sweep() -> None:
        ran.append("run")

    alone(sweep)()
    assert ran == ["run"]
