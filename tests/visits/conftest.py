"""One approved connection for all the flow tests of a module; each test begins without visits."""

from collections.abc import Iterator

import pytest
from pytest_django import Settings

from sandbox.launcher.house import House
from tests.conftest import first_day
from tests.visits import pressing, steps
from tests.visits.steps import Clinic
from tests.visits.test_writeback.ehr import Ehr


@pytest.fixture(scope="module")
def open_clinic(running_house: House) -> Iterator[Clinic]:
    """The house with a connection that was submitted, approved and pasted. Tests ask for `clinic`."""
    with steps.opened(first_day(running_house)) as clinic:
        yield clinic


@pytest.fixture
def clinic(open_clinic: Clinic) -> Clinic:
    """The clinic before its first visit: every process up, no fault, no switch, nothing cached."""
    open_clinic.tidy_up()
    return open_clinic


@pytest.fixture
def ehr(settings: Settings) -> Iterator[Ehr]:
    """An EHR of the tests from which people launch; it says what `tests.visits.pressing` lets it say."""
    with pressing.open_for_launches(settings) as made:
        yield made
