"""The page of a preflight: what was found, gravest first; again when somebody asks; daily for what is approved."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from bs4 import BeautifulSoup
from django.conf import LazySettings
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from connector.http import Deadline
from connector.models import Connection, Preflight
from portal import preflight
from tests.portal.deciding import browser_of
from tests.portal.steps import words
from tests.servers import Reply, Server, serving
from tests.visits import factories
from tests.visits.factories import administrator

pytestmark = pytest.mark.django_db(transaction=True)
BASE = "/Interconnect/api/FHIR/R4"
FOUND = "Findings of the check"
STATEMENT = {
    "resourceType": "CapabilityStatement",
    "fhirVersion": "4.0.1",
    "software": {"name": "Epic", "version": "May 2026"},
    "rest": [{"mode": "server"}],
}


@pytest.fixture
def ehr(settings: LazySettings) -> Iterator[Server]:
    with serving() as server:
        settings.OUTGOING_ALLOWED_HOSTS = {server.host}
        server.answer(f"{BASE}/metadata", Reply(STATEMENT))
        yield server


@pytest.fixture
def connection(ehr: Server) -> Connection:
    return factories.connection(base_url=f"{ehr.url}{BASE}")


@pytest.fixture
def ada(connection: Connection) -> Client:
    return browser_of(administrator(connection.organization))


def test_a_connection_that_was_never_checked_says_so(ada: Client, connection: Connection) -> None:
    answer = ada.get(reverse("preflight", args=[connection.ref]))
    assert "Not checked yet." in words(BeautifulSoup(answer.content, "html.parser").main)


def test_checked_again_it_shows_each_finding_with_the_gravest_first(ada: Client, connection: Connection) -> None:
    answer = ada.post(reverse("preflight", args=[connection.ref]), follow=True)
    page = BeautifulSoup(answer.content, "html.parser")
    rows = [words(row.td) for row in page.select("tbody tr")]
    assert len(rows) > 5
    row = Preflight.objects.get()
    assert (row.trigger, row.blocks) == ("again", True)  # this EHR names no sign-in
    levels = [line.finding.level for line in preflight.lines_of(row)]
    assert levels == sorted(levels, key=preflight.GRAVEST_FIRST.index)
    assert "Something stops visits" in words(page.main)


def test_the_daily_check_looks_at_every_approved_connection_and_goes_on_after_one_that_is_down(
    ehr: Server, connection: Connection
) -> None:
    gone = factories.connection(base_url="http://localhost:9/api/FHIR/R4")
    preflight.check_due(timezone.now())
    assert set(Preflight.objects.values_list("connection", "trigger")) == {
        (connection.pk, "daily"),
        (gone.pk, "daily"),
    }


def test_an_address_that_anybody_checked_today_is_left_alone_and_the_longest_unchecked_comes_first(
    connection: Connection,
) -> None:
    now, never = timezone.now(), factories.connection()
    lately, long_ago = factories.connection(), factories.connection()
    for one, hours in ((connection, 24), (lately, 22), (long_ago, 50)):
        row = Preflight.objects.create(connection=one, trigger="again", report={})
        Preflight.objects.filter(pk=row.pk).update(at=now - timedelta(hours=hours))
    assert [one.pk for one in preflight.due(now)] == [never.pk, long_ago.pk, connection.pk]


def test_what_only_informs_is_folded_away_on_the_approvers_page_and_what_warns_is_not(connection: Connection) -> None:
    ben = factories.user(connection.organization.tid)
    factories.proposed(connection, ben)
    preflight.check(connection, Preflight.Trigger.AGAIN, Deadline.after(10))
    page = BeautifulSoup(browser_of(ben).get(reverse("approve_one", args=[connection.ref])).content, "html.parser")
    found = preflight.lines_of(Preflight.objects.get())
    rows = [
        row for table in page.find_all("table") if words(table.caption) == FOUND for row in table.select("tbody tr")
    ]
    folded = {words(row.td): row.find_parent("details") is not None for row in rows}
    wanted = {str(line.explanation.title): line.finding.level == "info" for line in found if line.finding.level != "ok"}
    assert folded == wanted
    assert {*folded.values()} == {True, False}


def test_the_check_never_writes(ada: Client, ehr: Server, connection: Connection) -> None:
    ada.post(reverse("preflight", args=[connection.ref]))
    asked = {(request.method, request.path) for request in ehr.requests}
    assert ("GET", f"{BASE}/metadata") in asked
    assert {method for method, _ in asked} <= {"GET", "HEAD", "OPTIONS", "POST"}
    assert all("ConferenceID" not in request.query for request in ehr.requests)
    assert all(path.endswith("token") for method, path in asked if method == "POST")
