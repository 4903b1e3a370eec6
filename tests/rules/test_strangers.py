"""A connection that is not one's own is not there, at no address: 404 for a stranger of another tenant, never 403."""

import uuid

import pytest
from django.test import Client
from django.urls import reverse

from connector.models import Administrator, Connection, User
from tests.rules.test_routes import CLOSED, ROUTES
from tests.visits import factories

pytestmark = pytest.mark.django_db
BACKEND = "allauth.account.auth_backends.AuthenticationBackend"
OWNED = [name for name in CLOSED if "ref" in ROUTES[name].pattern.converters]
OTHERS = {"number": 1, "visit": str(uuid.uuid4()), "side": "patient", "name": "help-lines", "slug": "clients"}


def administrator_of(connection: Connection) -> User:
    user = factories.user(connection.organization.tid)
    kept = {"name": "Ada Lindqvist", "proof": Administrator.Proof.APP_ROLE}
    Administrator.objects.create(
        organization=connection.organization, user=user, confirmed_at=connection.created_at, **kept
    )
    return user


def address(name: str, ref: str) -> str:
    wanted = ROUTES[name].pattern.converters
    return reverse(name, kwargs={key: ref if key == "ref" else OTHERS[key] for key in wanted})


@pytest.mark.parametrize("method", ["get", "post"])
@pytest.mark.parametrize("name", OWNED)
def test_a_stranger_of_another_tenant_finds_nothing(name: str, method: str) -> None:
    theirs = factories.connection()
    theirs.refresh_from_db()
    other = factories.connection()
    other.refresh_from_db()
    stranger = Client()
    stranger.force_login(administrator_of(other), backend=BACKEND)
    assert getattr(stranger, method)(address(name, theirs.ref)).status_code in {404, 405}


@pytest.mark.parametrize("name", OWNED)
def test_each_address_takes_a_get_or_a_post(name: str) -> None:
    other = factories.connection()
    other.refresh_from_db()
    stranger = Client()
    stranger.force_login(administrator_of(other), backend=BACKEND)
    answers = {getattr(stranger, method)(address(name, "0123456789abcdef")).status_code for method in ("get", "post")}
    assert 404 in answers
