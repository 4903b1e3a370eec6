"""A key server, Graph as the publisher, and a subscription whose notifications it sends."""

from collections.abc import Iterator

import pytest
from pytest_django import Settings

from connector import keys
from tests.publisher import Publisher
from tests.servers import Server, serving
from tests.visits import factories
from visits.models import Subscription, Visit


@pytest.fixture
def entra(settings: Settings) -> Iterator[Server]:
    with serving() as running:
        settings.OUTGOING_ALLOWED_HOSTS = frozenset({running.host})
        settings.ENTRA_AUTHORITY = running.url
        yield running


@pytest.fixture
def publisher(entra: Server) -> Publisher:
    return Publisher(entra)


@pytest.fixture
def subscription() -> Subscription:
    return factories.subscription(factories.visit(), key_kid=keys.notification_key().kid)


@pytest.fixture
def visit(subscription: Subscription) -> Visit:
    return subscription.visit
