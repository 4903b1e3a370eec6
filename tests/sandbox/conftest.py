"""Stand-ins for the tests of one module; those of Graph and Teams share theirs."""

from collections.abc import Iterator

import pytest
import requests

from tests.sandbox.graph_client import Subscriber, application, listening
from tests.sandbox.standins import Sandbox, stand_ins


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """Start the stand-ins a test module needs: `sandbox.start("entra", "graph")`. They end with the module."""
    with stand_ins(tmp_path_factory.mktemp("sandbox")) as started:
        yield started


@pytest.fixture(scope="module")
def microsoft(sandbox: Sandbox) -> Sandbox:
    """Entra, Graph and Teams, running."""
    sandbox.start("entra", "graph", "teams")
    return sandbox


@pytest.fixture
def fresh(microsoft: Sandbox) -> Sandbox:
    """Graph and Teams as on their first day."""
    microsoft.reset("graph", "teams")
    return microsoft


@pytest.fixture
def app(fresh: Sandbox) -> requests.Session:
    """An application that may do everything in Riverside."""
    return application(fresh)


@pytest.fixture
def subscriber() -> Iterator[Subscriber]:
    """Somebody who listens to notifications."""
    with listening(Subscriber()) as receiver:
        yield receiver
