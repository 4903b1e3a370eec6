"""A mail server that the settings name, and a connection to tell about."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from pytest_django import Settings

from connector.models import Connection
from tests.connector.test_mail.steps import Postbox
from tests.visits import factories


@pytest.fixture
def made(tmp_path: Path, settings: Settings) -> Iterator[Postbox]:
    """A mail server that the settings name and that does not listen yet."""
    box = Postbox(tmp_path)
    settings.EMAIL_HOST, settings.EMAIL_PORT = "localhost", box.port
    settings.EMAIL_HOST_USER = settings.EMAIL_HOST_PASSWORD = ""
    settings.EMAIL_USE_TLS = settings.EMAIL_USE_SSL = False
    yield box
    for controller in box.running:
        controller.stop()


@pytest.fixture
def postbox(made: Postbox) -> Postbox:
    """A mail server that listens."""
    made.start()
    return made


@pytest.fixture
def riverside() -> Connection:
    made = factories.connection()
    made.label = "Riverside Cardiology"
    made.save()
    return made
