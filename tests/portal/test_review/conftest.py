"""An approved connection and its administrator."""

import pytest
from django.test import Client

from connector.models import Connection
from tests.portal.deciding import browser_of
from tests.portal.test_review.steps import approved
from tests.visits.factories import administrator


@pytest.fixture
def connection() -> Connection:
    return approved()


@pytest.fixture
def ada(connection: Connection) -> Client:
    return browser_of(administrator(connection.organization))
