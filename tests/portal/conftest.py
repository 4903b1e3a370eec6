"""A house that the tests of one module share."""

import pytest

from sandbox.launcher.house import House
from tests.conftest import first_day


@pytest.fixture(scope="module")
def shared_house(running_house: House) -> House:
    """The house as on its first day, once a module: for tests that leave it as they found it."""
    return first_day(running_house)
