"""A visit with a patient and a clinician, and the patient's page."""

from collections.abc import Callable

import pytest
from pytest_django import DjangoCaptureOnCommitCallbacks

from tests.visits import factories
from tests.visits.test_waiting_page.happenings import Committed
from tests.visits.waiting_pages import Phone
from visits.models import Participant, Visit


@pytest.fixture
def committed(django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks) -> Committed:
    """Do something as a request of its own does it: what waits for the commit happens."""

    def act(*what: Callable[[], object]) -> None:
        with django_capture_on_commit_callbacks(execute=True):
            for one in what:
                one()

    return act


@pytest.fixture
def visit() -> Visit:
    return factories.visit()


@pytest.fixture
def pia(visit: Visit) -> Participant:
    return factories.participant(visit)


@pytest.fixture
def carla(visit: Visit) -> Participant:
    return factories.participant(visit, "provider")


@pytest.fixture
def phone(pia: Participant, committed: Committed) -> Phone:
    """Pia's page, just opened."""
    phone = Phone()
    committed(lambda: phone.press(pia))
    return phone
