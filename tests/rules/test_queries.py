"""A list of thirty connections costs the database as many questions as a list of one."""

import uuid
from typing import Any

import pytest
from django.db import connection as database
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from connector import agreement
from connector.models import Administrator, Connection, Decision, Environment, Organization, Revision, User
from portal import services
from tests.visits.factories import organization

pytestmark = pytest.mark.django_db
BACKEND = "allauth.account.auth_backends.AuthenticationBackend"
STATES = ("waiting", "approved", "returned", "withdrawn", "suspended", "approved, changing")


def administrator(of: Organization) -> User:
    user = User.objects.create(tid=of.tid, oid=uuid.uuid4())
    kept = {"name": "Ada Lindqvist", "proof": Administrator.Proof.APP_ROLE, "confirmed_at": timezone.now()}
    Administrator.objects.create(organization=of, user=user, **kept)
    return user


def proposed(connection: Connection, user: User) -> Revision:
    """Another revision of a connection, which waits for this person."""
    connection.proposed = Revision.objects.create(
        connection=connection,
        number=connection.revisions.count() + 1,
        settings=agreement.dump(agreement.defaults("testing")),
        approver_oid=user.oid,
        approver_name="Ben Okafor",
        approver_upn="ben.okafor@riverside.example",
        submitted_by=user,
        submitted_by_name="Ada Lindqvist",
    )
    connection.save()
    return connection.proposed


def go_live(connection: Connection) -> None:
    connection.live, connection.proposed = connection.proposed, None
    connection.save()


def in_state(connection: Connection, state: str, user: User) -> None:
    """Bring a new connection there."""
    who: Any = {"actor": user, "actor_name": "Ben Okafor"}
    revision = proposed(connection, user)
    if state == "returned":
        services.return_(connection=connection, revision=revision, reason="Look again.", **who)
    elif state == "withdrawn":
        services.withdraw(connection=connection, reason="Not now.", **who)
    elif state != "waiting":
        go_live(connection)
        Decision.objects.create(connection=connection, revision=revision, kind=Decision.Kind.APPROVE, **who)
    if state == "suspended":
        services.suspend(connection=connection, reason="Maintenance.", **who)
    elif state == "approved, changing":
        proposed(connection, user)


def connections(of: Organization, user: User, state: str, count: int) -> None:
    for number in range(count):
        url = f"https://ehr-{state.split()[0].strip(',')}-{number}.example/api/FHIR/R4"
        made = Connection.objects.create(organization=of, base_url=url, environment=Environment.TESTING)
        in_state(made, state, user)


def questions(client: Client, path: str) -> int:
    with CaptureQueriesContext(database) as asked:
        assert client.get(path).status_code == 200
    return len(asked)


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("step", ["configure", "approve", "records"])
def test_the_pages_ask_the_database_no_more_for_thirty_than_for_one(client: Client, step: str, state: str) -> None:
    few, many = organization(), organization()
    asked = []
    for of, count in ((few, 1), (many, 30)):
        user = administrator(of)
        connections(of, user, state, count)
        client.force_login(user, BACKEND)
        asked.append(questions(client, reverse(step)))
    assert asked[0] == asked[1]
