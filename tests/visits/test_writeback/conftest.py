"""An EHR for each test, reachable and not yet told anything."""

from collections.abc import Callable, Iterator

import pytest
from pytest_django import Settings

from tests.visits.test_writeback.ehr import Ehr, running, woken


@pytest.fixture
def reachable(settings: Settings) -> Callable[[Ehr], Ehr]:
    """Let the operator allow-list an EHR's host. Nobody is woken at the start."""
    woken()

    def allow(ehr: Ehr) -> Ehr:
        settings.OUTGOING_ALLOWED_HOSTS = settings.OUTGOING_ALLOWED_HOSTS | {ehr.server.host}
        return ehr

    return allow


@pytest.fixture
def ehr(reachable: Callable[[Ehr], Ehr]) -> Iterator[Ehr]:
    """An EHR that says yes to everything until a test says otherwise."""
    with running() as made:
        yield reachable(made)
