"""A list of thirty connections costs the database as many questions as a list of one, and so does a visit's page
whatever has happened in the visit."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection as database
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from connector.models import Connection, Decision, Environment, Organization, User
from portal import services
from portal.actors import Actor
from tests.portal.deciding import BACKEND
from tests.visits import factories
from tests.visits.factories import administrator, organization, proposed
from visits import browsers, facts, handles
from visits.models import Fact, Launch, Participant, Visit

pytestmark = pytest.mark.django_db
STATES = ("waiting", "approved", "returned", "withdrawn", "suspended", "approved, changing")


def go_live(connection: Connection) -> None:
    connection.live, connection.proposed = connection.proposed, None
    connection.save()


def in_state(connection: Connection, state: str, user: User) -> None:
    """Bring a new connection there."""
    actor = Actor(user, "Ben Okafor")
    revision = proposed(connection, user)
    if state == "returned":
        services.return_(connection=connection, revision=revision, reason="Look again.", actor=actor)
    elif state == "withdrawn":
        services.withdraw(connection=connection, reason="Not now.", actor=actor)
    elif state != "waiting":
        go_live(connection)
        Decision.objects.create(connection=connection, revision=revision, kind=Decision.Kind.APPROVE, actor=user)
    if state == "suspended":
        services.suspend(connection=connection, reason="Maintenance.", actor=actor)
    elif state == "approved, changing":
        proposed(connection, user)


def connections(of: Organization, user: User, state: str, count: int) -> None:
    for number in range(count):
        url = f"https://ehr-{state.split()[0].strip(',')}-{number}.example/api/FHIR/R4"
        made = Connection.objects.create(organization=of, base_url=url, environment=Environment.TESTING)
        in_state(made, state, user)


def questions(client: Client, path: str, headers: dict[str, str] | None = None) -> int:
    with CaptureQueriesContext(database) as asked:
        assert client.get(path, headers=headers).status_code == 200
    return len(asked)


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("step", ["configure", "approve", "records", "status"])
def test_the_pages_ask_the_database_no_more_for_thirty_than_for_one(client: Client, step: str, state: str) -> None:
    few, many = organization(), organization()
    asked = []
    for of, count in ((few, 1), (many, 30)):
        user = administrator(of)
        connections(of, user, state, count)
        client.force_login(user, BACKEND)
        asked.append(questions(client, reverse(step)))
    assert asked[0] == asked[1]


def visited(count: int) -> Visit:
    """An open visit of this many clinicians and as many patients, all of whom came, left and came again."""
    visit = factories.visit()
    visit.seal("join_url", "https://teams.microsoft.com/meet/1")
    visit.save()
    for number in range(count):
        happened(visit, factories.participant(visit), number)
        happened(visit, factories.participant(visit, "provider"), number)
    return visit


def happened(visit: Visit, person: Participant, number: int) -> None:
    oid = str(person.user.oid) if person.user else ""
    page: dict[str, Any] = {"participant_key": str(person.id), "source": facts.PAGE}
    call = {"participant_key": f"{person.role} {number}", "source": "subscription:1", "oid": oid}
    story = [(Fact.Kind.WAITING, page), (Fact.Kind.SENT, page)]
    story += [(kind, call) for kind in (Fact.Kind.CONNECTED, Fact.Kind.DISCONNECTED, Fact.Kind.CONNECTED)]
    for minute, (kind, where) in enumerate(story):
        at = timezone.now() - timedelta(minutes=30 - minute)
        assert facts.record(visit, kind=kind, at=at, event_id=f"{minute}", **where)


def page_of(visit: Visit, door: str) -> str:
    """The page of somebody in a visit who came through this door."""
    person = visit.participants.filter(role=door).latest("created_at")
    launch = Launch(connection=visit.connection, door=door, participant=person, redeemed_at=timezone.now())
    launch.state_hash = browsers.hash_of(str(launch.id))
    launch.save(force_insert=True)
    return reverse("visit", args=[handles.issue(launch)])


@pytest.mark.parametrize("headers", [{}, {"HX-Request": "true"}], ids=["page", "its inside"])
@pytest.mark.parametrize("door", ["provider", "patient"])
def test_a_page_of_a_visit_asks_the_database_no_more_for_twenty_of_each_than_for_one(
    client: Client, door: str, headers: dict[str, str]
) -> None:
    few, many = visited(1), visited(20)
    asked = [questions(client, page_of(visit, door), headers) for visit in (few, many)]
    assert asked[0] == asked[1]
