"""A house that the tests of one module share; for those that go on to visits, a clinic."""

from collections.abc import Iterator

import psycopg
import pytest
from psycopg.rows import DictRow, dict_row
from pytest_django import Settings

from sandbox.launcher.house import House
from tests.conftest import first_day
from tests.portal.deciding import Directory, directory_of
from tests.portal.microsoft import Microsoft
from tests.servers import serving
from tests.visits.conftest import clinic, open_clinic

__all__ = ["clinic", "open_clinic", "shared_database", "shared_house"]


@pytest.fixture(scope="module")
def shared_house(running_house: House) -> House:
    """The house as on its first day, once a module: for tests that leave it as they found it."""
    return first_day(running_house)


@pytest.fixture(scope="module")
def shared_database(shared_house: House) -> Iterator[psycopg.Connection[DictRow]]:
    """A connection to the database of the shared house, each statement its own transaction, rows as dictionaries."""
    url = shared_house.environment["DATABASE_URL"]
    with psycopg.connect(url, autocommit=True, row_factory=dict_row) as connection:
        yield connection


@pytest.fixture
def microsoft(settings: Settings) -> Iterator[Microsoft]:
    """Microsoft, scripted, for the lines of *Getting ready*."""
    with serving() as server:
        settings.OUTGOING_ALLOWED_HOSTS = frozenset({server.host})
        yield Microsoft(server, settings)


@pytest.fixture
def directory(settings: Settings) -> Iterator[Directory]:
    """Entra and Graph, scripted, where no house is needed."""
    with directory_of(settings) as running:
        yield running
