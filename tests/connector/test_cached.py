"""What is remembered holds until what it is made of is outdated, whoever comes when; without a cache nothing is."""

import secrets
from collections.abc import Callable, Iterator
from itertools import count

import pytest
from django.core.cache import cache
from django.db import transaction
from pytest_django import Settings

from connector.cached import outdate, remembered

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
