"""A visit of an approved connection, with a patient and a clinician."""

import pytest
from django.core.cache import cache
from django.utils import timezone

from tests.visits import factories
from tests.visits.test_presence.telling import CLOCK
from visits.models import Participant, Visit


@pytest.fixture(autouse=True)
def _new_story() -> None:
    CLOCK.now = timezone.now()
    cache.clear()


@pytest.fixture
def visit() -> Visit:
    return factories.visit()


@pytest.fixture
def patient(visit: Visit) -> Participant:
    return factories.participant(visit)


@pytest.fixture
def clinician(visit: Visit) -> Participant:
    return factories.participant(visit, "provider", external_id="")
