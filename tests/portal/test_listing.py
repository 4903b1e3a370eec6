"""The list of FHIR base URLs: grouped by state, found again, and no slower for thousands of them."""

import pytest
from bs4 import BeautifulSoup
from django.db import connection as database
from django.test import Client
from django.urls import reverse

from connector.models import Check, Connection, Environment, Organization
from portal.configure.listing import GROUPS, listing, ranked
from tests.portal.deciding import browser_of
from tests.portal.steps import words
from tests.rules.test_queries import connections, questions
from tests.visits import factories
from tests.visits.factories import administrator

pytestmark = pytest.mark.django_db
STATES = ("waiting", "approved", "returned", "withdrawn", "suspended")


def page(client: Client, step: str = "configure", **query: str) -> BeautifulSoup:
    return BeautifulSoup(client.get(reverse(step), query).content, "html.parser")


def of_every_state(count: int) -> Organization:
    of = factories.organization()
    user = administrator(of)
    for state in STATES:
        connections(of, user, state, count)
    return of


def client_of(of: Organization) -> Client:
    known = of.administrators.first()
    assert known
    return browser_of(known.user)


def test_the_database_ranks_a_connection_by_the_state_that_its_page_shows() -> None:
    of = of_every_state(1)
    assert {one.base_url: GROUPS[one.rank] for one in ranked(of, "")} == {
        one.base_url: one.state for one in of.connections.all()
    }


def test_the_groups_stand_in_the_order_in_which_they_want_something_and_say_how_many_they_are() -> None:
    heads = [words(one) for one in page(client_of(of_every_state(2))).select("tr.group")]
    assert heads == ["Needs approval (2)", "Approved (2)", "Returned (2)", "Suspended (2)", "Withdrawn (2)"]


def test_a_page_holds_fifty_and_counts_all() -> None:
    of = of_every_state(12)
    first, second = listing(of, "", "1"), listing(of, "", "2")
    assert [sum(len(group.connections) for group in one.groups) for one in (first, second)] == [50, 10]
    assert [(str(group.state.label), group.count) for group in second.groups] == [("Withdrawn", 12)]


def test_a_page_that_does_not_exist_is_the_nearest_one() -> None:
    assert [listing(of_every_state(1), "", number).page.number for number in ("0", "x", "99")] == [1, 1, 1]


def test_connections_are_found_by_url_and_by_label() -> None:
    of = of_every_state(2)
    of.connections.filter(base_url__contains="waiting-1").update(label="Cardiology")
    assert [one.connections[0].label for one in listing(of, "cardio", "1").groups] == ["Cardiology"]
    assert listing(of, "ehr-suspended-1", "1").total == 1
    for text in ("nothing", "no\0thing"):
        assert "No URL and no label holds “nothing”" in page(client_of(of), q=text).text


def test_two_thousand_cost_no_more_questions_than_fifty() -> None:
    few, many = of_every_state(11), of_every_state(11)
    rows = [
        Connection(organization=many, base_url=f"https://ehr-{number}.example/R4", environment=Environment.TESTING)
        for number in range(2_000)
    ]
    Connection.objects.bulk_create(rows)
    live = many.connections.exclude(live=None).first()
    assert live
    many.connections.filter(pk__in=[row.pk for row in rows]).update(live=live.live)
    with database.cursor() as cursor:
        cursor.execute("ANALYZE connector_connection")  # as PostgreSQL does by itself, once rows are committed
    ada, bea = client_of(few), client_of(many)
    for step in ("configure", "approve", "records", "status", "ready"):
        assert questions(ada, reverse(step)) == questions(bea, reverse(step)), step
        assert len(page(bea, step).select("tbody tr, section.line")) < 100, step


def test_a_disabled_approver_is_flagged_in_the_list_and_on_the_page() -> None:
    made = factories.connection()
    client = browser_of(administrator(made.organization))
    Check.objects.create(
        organization=made.organization, connection=made, name="approver", state=Check.State.WRONG, code="account-gone"
    )
    text = "The approver's account is disabled: name another"
    assert text in page(client).text
    assert text in client.get(reverse("connection", args=[made.ref])).content.decode().replace("&#x27;", "'")


def test_a_connection_that_tells_nobody_says_so_until_a_mail_is_entered() -> None:
    made = factories.connection()
    client = browser_of(administrator(made.organization))
    assert "Nobody is told of problems" in page(client).text
    Connection.objects.update(notification_mail="ehr-team@riverside.example")
    assert "Nobody is told of problems" not in page(client).text
