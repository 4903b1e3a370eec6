"""A product that the operator lists is needed to approve production, and nothing else."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client
from pytest_django import Settings

from connector.models import Connection, Environment
from tests.portal.deciding import BACKEND
from tests.portal.microsoft import Microsoft, sku
from tests.servers import serving
from tests.visits.factories import proposed

pytestmark = pytest.mark.django_db


@pytest.fixture
def microsoft(settings: Settings) -> Iterator[Microsoft]:
    settings.LICENCE_SKUS = frozenset({"health"})
    with serving() as server:
        settings.OUTGOING_ALLOWED_HOSTS = frozenset({server.host})
        yield Microsoft(server, settings)


def approved(client: Client, microsoft: Microsoft, environment: str) -> tuple[bool, str]:
    """Whether the administrator, who is the approver too, can approve; and what the page then says."""
    user = microsoft.administrator.user
    base: dict[str, Any] = {"organization": microsoft.organization, "base_url": "https://ehr.example/api/FHIR/R4"}
    connection = Connection.objects.create(**base, environment=environment)
    revision = proposed(connection, user)
    revision.sign_ins.create(user=user, proof={"hosts": ["ehr.example"]})
    client.force_login(user, BACKEND)
    sent = {"action": "approve", "revision": str(revision.pk)}
    page = client.post(f"/approve/{connection.ref}/decision/", sent, follow=True)
    connection.refresh_from_db()
    return connection.live_id is not None, page.content.decode()


def test_testing_is_approved_without(client: Client, microsoft: Microsoft) -> None:
    assert approved(client, microsoft, Environment.TESTING)[0]


def test_production_is_approved_with(client: Client, microsoft: Microsoft) -> None:
    microsoft.licence(True, [sku("HEALTH")])
    assert approved(client, microsoft, Environment.PRODUCTION)[0]


def test_production_is_not_approved_without_and_the_page_says_why(client: Client, microsoft: Microsoft) -> None:
    done, page = approved(client, microsoft, Environment.PRODUCTION)
    assert not done
    assert "Production needs a product licence" in page


def test_production_waits_while_microsoft_does_not_tell(client: Client, microsoft: Microsoft) -> None:
    microsoft.down("subscribedSkus")
    done, page = approved(client, microsoft, Environment.PRODUCTION)
    assert not done
    assert "Microsoft 365 did not tell" in page
