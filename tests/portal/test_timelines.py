"""Finding a visit, by day or by id, and reading its timeline."""

import logging
from datetime import timedelta

import pytest
from bs4 import BeautifulSoup
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from connector import keys, trail
from connector.models import Connection
from tests.portal.deciding import browser_of
from tests.portal.steps import words
from tests.visits import factories
from tests.visits.factories import administrator
from visits.models import Visit

pytestmark = pytest.mark.django_db


@pytest.fixture
def connection() -> Connection:
    return factories.connection()


@pytest.fixture
def ada(connection: Connection) -> Client:
    return browser_of(administrator(connection.organization))


def named(connection: Connection, session: str, kind: str = "context") -> Visit:
    """A visit that the EHR calls by this id, as a launch keeps it."""
    visit = factories.visit(connection, session=session)
    place = ("visit", "session", str(connection.id), kind)
    visit.session_hash, visit.hash_kid = keys.hash_of(connection.organization_id, session, place)
    visit.session_kind = kind
    visit.save()
    return visit


@pytest.mark.parametrize(
    ("session", "kind", "typed"),
    [
        (" 4711", "context", " 4711"),
        (" 4711", "context", "4711"),
        ("a-1", "appointment", "a-1 "),
        ("C7", "conference", "C7"),
    ],
)
def test_a_visit_is_found_by_the_id_that_the_ehr_gave(
    ada: Client, connection: Connection, session: str, kind: str, typed: str, caplog: pytest.LogCaptureFixture
) -> None:
    visit, path = named(connection, session, kind), reverse("visits", args=[connection.ref])
    with caplog.at_level(logging.DEBUG):
        answer = ada.post(path, {"session": typed})
    assert answer.headers["Location"] == reverse("visit_timeline", args=[connection.ref, visit.pk])
    assert typed.strip() not in caplog.text.replace(str(visit.pk), "")
    assert typed.strip() not in answer.headers["Location"].replace(str(visit.pk), "")


def test_another_connections_visit_is_not_found(ada: Client, connection: Connection) -> None:
    theirs = named(factories.connection(connection.organization), " 4711")
    answer = ada.post(reverse("visits", args=[connection.ref]), {"session": "4711"})
    assert (answer.status_code, "has this id" in answer.content.decode()) == (422, True)
    assert ada.get(reverse("visit_timeline", args=[connection.ref, theirs.pk])).status_code == 404


def test_visits_are_listed_by_the_readers_own_day(ada: Client, connection: Connection) -> None:
    visit, now = factories.visit(connection), timezone.now()
    Visit.objects.filter(pk=visit.pk).update(created_at=now.replace(hour=2) - timedelta(days=1))
    path = reverse("visits", args=[connection.ref])

    def listed(day: str, zone: str) -> bool:
        shown = BeautifulSoup(ada.get(path, {"day": day, "zone": zone}).content, "html.parser")
        return bool(shown.select(f'a[href="{reverse("visit_timeline", args=[connection.ref, visit.pk])}"]'))

    yesterday, before = (f"{now - timedelta(days=days):%Y-%m-%d}" for days in (1, 2))
    assert listed(yesterday, "UTC")
    assert listed(before, "America/Chicago"), "two in the morning in London is the evening before in Chicago"
    assert not listed(yesterday, "America/Chicago")
    assert not listed("no day", "UTC")
    assert not listed(yesterday, "Atlantis")
    assert "No visit began on this day" in ada.get(path).content.decode()


def test_the_timeline_of_a_visit_is_for_its_administrators(ada: Client, connection: Connection) -> None:
    visit = factories.visit(connection)
    path = reverse("visit_timeline", args=[connection.ref, visit.pk])
    assert "Nothing has happened yet" in ada.get(path).content.decode()
    trail.record(connection.organization, "outsider-lobby", visit=visit.pk)
    whole = BeautifulSoup(ada.get(path).content, "html.parser")
    shown = words(whole.main)
    assert "Configuration information" in words(whole), "the three steps stay beside it"
    assert "In the Teams lobby" in shown
    assert "Somebody else" in shown
    assert browser_of(administrator(factories.organization())).get(path).status_code == 404
