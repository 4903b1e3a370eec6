"""A connection that is not one's own is not there, at no address: 404 for a stranger of another tenant, never 403."""

import uuid

import pytest
from django.urls import reverse

from tests.portal.deciding import browser_of
from tests.rules.test_routes import CLOSED, ROUTES
from tests.visits import factories
from tests.visits.factories import administrator

pytestmark = pytest.mark.django_db
OWNED = [name for name in CLOSED if "ref" in ROUTES[name].pattern.converters]
OTHERS = {"number": 1, "visit": str(uuid.uuid4()), "side": "patient", "name": "help-lines", "slug": "clients"}


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
    stranger = browser_of(administrator(other.organization))
    assert getattr(stranger, method)(address(name, theirs.ref)).status_code in {404, 405}


@pytest.mark.parametrize("name", OWNED)
def test_each_address_takes_a_get_or_a_post(name: str) -> None:
    other = factories.connection()
    other.refresh_from_db()
    stranger = browser_of(administrator(other.organization))
    answers = {getattr(stranger, method)(address(name, "0123456789abcdef")).status_code for method in ("get", "post")}
    assert 404 in answers
