"""A visit whose meeting is open, with a patient, its clinician, and a scripted Graph."""

from collections.abc import Iterator

import pytest
from pytest_django import Settings

from tests.servers import Reply, serving
from tests.visits import factories
from tests.visits.test_ending.graph import Graph, opened, path_of
from tests.visits.test_presence.telling import begin_story
from visits.models import Participant, Visit


@pytest.fixture(autouse=True)
def _new_story() -> None:
    begin_story()


@pytest.fixture
def visit() -> Visit:
    return opened(factories.visit())


@pytest.fixture
def patient(visit: Visit) -> Participant:
    return factories.participant(visit)


@pytest.fixture
def clinician(visit: Visit) -> Participant:
    return factories.participant(visit, "provider", linked=visit.organizer)


@pytest.fixture
def graph(visit: Visit, settings: Settings) -> Iterator[Graph]:
    """Everything is done as asked; no report is there yet."""
    with serving() as server:
        settings.OUTGOING_ALLOWED_HOSTS = frozenset({server.host})
        settings.ENTRA_AUTHORITY = settings.GRAPH_URL = server.url
        token = f"/{visit.connection.organization.tid}/oauth2/v2.0/token"
        server.answer(token, Reply({"access_token": "token", "expires_in": 3600}))
        found = Graph(server, path_of(visit))
        found.answer(Reply({"value": []}))
        yield found
