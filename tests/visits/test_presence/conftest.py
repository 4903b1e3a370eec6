"""A visit of an approved connection, with a patient and a clinician."""

import pytest

from tests.visits import factories
from tests.visits.test_presence.telling import begin_story
from visits.models import Participant, Visit


@pytest.fixture(autouse=True)
def _new_story() -> None:
    begin_story()


@pytest.fixture
def visit() -> Visit:
    return factories.visit()


@pytest.fixture
def patient(visit: Visit) -> Participant:
    return factories.participant(visit)


@pytest.fixture
def clinician(visit: Visit) -> Participant:
    return factories.participant(visit, "provider", external_id="")
