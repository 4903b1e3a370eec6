"""Servers that tests of the wire speak to."""

from collections.abc import Iterator

import pytest
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
