"""Servers that tests of the wire speak to."""

from collections.abc import Iterator

import pytest
from django.core.cache import cache
from pytest_django import Settings

from connector.http import Deadline
from tests.servers import Server, serving


@pytest.fixture
def server(settings: Settings) -> Iterator[Server]:
    """An http server that the operator has allow-listed."""
    with serving() as running:
        settings.OUTGOING_ALLOWED_HOSTS = frozenset({running.host})
        yield running


@pytest.fixture
def deadline() -> Deadline:
    """Time enough for anything that is not slow on purpose."""
    return Deadline.after(10)


@pytest.fixture(autouse=True)
def empty_cache() -> None:
    """Servers come and go on ports that are given out again: nothing of an earlier one is remembered."""
    cache.clear()
