import pytest

from connector.models import Connection
from tests.visits import factories


@pytest.fixture
def connection() -> Connection:
    return factories.connection()
