"""The EHR that the preflight's tests change."""

from collections.abc import Iterator

import pytest
from pytest_django import Settings

from tests.connector.test_preflight.ehr import Ehr
from tests.servers import Server, serving


@pytest.fixture
def ehr(server: Server) -> Ehr:
    """A healthy EHR, over http."""
    healthy = Ehr(server)
    healthy.set_up()
    return healthy


@pytest.fixture
def neighbour(server: Server, settings: Settings) -> Iterator[Server]:
    """Another server, that may be called too."""
    with serving() as running:
        settings.OUTGOING_ALLOWED_HOSTS = settings.OUTGOING_ALLOWED_HOSTS | {running.host}
        yield running
