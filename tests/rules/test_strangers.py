"""A connection that is not one's own is not there, at no address: 404 for a stranger of another tenant, never 403."""

import uuid
from dataclasses import dataclass, field
from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from connector.models import Connection, EhrSignIn, Revision, User
from tests.portal.deciding import PROOF, browser_of, waiting
from tests.rules.test_routes import CLOSED, ROUTES
from tests.visits import factories
from tests.visits.factories import administrator
from visits import services as visits

pytestmark = pytest.mark.django_db
OWNED = [name for name in CLOSED if "ref" in ROUTES[name].pattern.converters]
FORMS = {
    "decide": {"action": "return", "reason": "No."},
    "act": {"action": "withdraw", "reason": "No."},
    "history_one_export": {"format": "csv"},
}


@dataclass
class Owned:
    """A connection with everything that an address of it may name, and its administrator, who is its approver too."""

    user: User = field(init=False)
    connection: Connection = field(init=False)
    named: dict[str, object] = field(init=False)

    def __post_init__(self) -> None:
        self.connection = factories.connection(factories.organization(), base_url="https://localhost:9/api/FHIR/R4")
        self.user = administrator(self.connection.organization)
        settings = self.connection.shown.settings | {"authentication": "certificate"}
        Revision.objects.update(settings=settings, approver_oid=self.user.oid)
        assert self.connection.live
        EhrSignIn.objects.create(revision=self.connection.live, user=self.user, proof=PROOF)
        self.named = {
            "ref": self.connection.ref,
            "name": "keys",
            "slug": "client-records",
            "side": "patient",
            "visit": self._test_visit(),
            "number": self._downtime(),
        }
        self.revision = waiting(self.connection, self.user)
        Revision.objects.update(settings=settings)

    def _test_visit(self) -> uuid.UUID:
        sides = {side: visits.Ids(" 1", "CSN") for side in ("provider", "patient")}
        return visits.begin_test(self.connection, self.user, "770011", sides).pk

    def _downtime(self) -> int:
        begins, ends = (timezone.now() + timedelta(hours=hours) for hours in (1, 2))
        named = {"announced_by": self.user, "announced_by_name": "Ada Lindqvist"}
        return self.connection.downtimes.create(begins_at=begins, ends_at=ends, **named).pk

    def address(self, name: str) -> str:
        wanted = ROUTES[name].pattern.converters
        return reverse(name, kwargs={key: value for key, value in self.named.items() if key in wanted})

    def asked_by(self, user: User, name: str) -> dict[str, int]:
        """How each method is answered, by its name; one that the address does not take is left out."""
        client, sent = browser_of(user), FORMS.get(name, {}) | {"revision": str(self.revision.pk)}
        address = self.address(name)
        answers = {"get": client.get(address).status_code, "post": client.post(address, sent).status_code}
        return {method: status for method, status in answers.items() if status != 405}


@pytest.fixture
def theirs() -> Owned:
    return Owned()


def test_a_stranger_of_another_tenant_finds_nothing_at_any_address(theirs: Owned) -> None:
    stranger = administrator(factories.organization())
    found = {name: set(theirs.asked_by(stranger, name).values()) for name in OWNED}
    assert {name: answers for name, answers in found.items() if answers != {404}} == {}


def test_a_colleague_whom_nothing_names_finds_nothing_either(theirs: Owned) -> None:
    colleague = factories.user(theirs.connection.organization.tid)
    found = {name: set(theirs.asked_by(colleague, name).values()) for name in OWNED}
    assert {name: answers for name, answers in found.items() if answers != {404}} == {}


@pytest.mark.parametrize("name", OWNED)
def test_at_each_of_them_its_own_administrator_finds_something(name: str, theirs: Owned) -> None:
    assert 404 not in theirs.asked_by(theirs.user, name).values()
