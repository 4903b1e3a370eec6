"""My open visits, as rows: whose visits are listed, and who he is in a visit that a patient opened in his name."""

from datetime import timedelta
from typing import Any

import pytest
from bs4 import BeautifulSoup
from django.core import signing
from django.db import connection as database
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from connector.models import Connection, User
from tests.visits import factories
from visits import browsers
from visits.models import Browser, EhrUserLink, Participant, Visit

pytestmark = pytest.mark.django_db
BROWSER = "browser-1"


@pytest.fixture
def connection() -> Connection:
    return factories.connection()


@pytest.fixture
def carla(connection: Connection) -> User:
    """A clinician who is linked, and has signed in for her list."""
    user = factories.user(connection.organization.tid)
    linked(connection, user, "carla")
    list_until = timezone.now() + timedelta(minutes=15)
    Browser.objects.create(id_hash=browsers.hash_of(BROWSER), user=user, list_until=list_until)
    return user


@pytest.fixture
def browser() -> Client:
    client = Client()
    client.cookies[browsers.COOKIE] = signing.dumps(BROWSER, salt=browsers.SALT)
    return client


def linked(connection: Connection, user: User, ehr_user: str) -> None:
    EhrUserLink.objects.create(connection=connection, ehr_user_hash=ehr_user, hash_kid="k1", user=user)


def opened_for(connection: Connection, organizer: User, session: str = " 1", **more: Any) -> Visit:
    """A visit whose meeting a patient's press has opened in somebody's name."""
    visit = factories.visit(connection, session=session)
    visit.organizer, visit.opened_at = organizer, timezone.now()
    visit.seal("join_url", "https://teams.example/l/meetup-join/1")
    for name, value in more.items():
        setattr(visit, name, value)
    visit.save()
    return visit


def listed(browser: Client) -> int:
    page = browser.get(reverse("open_visits"))
    assert page.status_code == 200
    return len(BeautifulSoup(page.content, "html.parser").select(".visits__one"))


def entered(browser: Client, visit: Visit) -> Any:
    return browser.post(reverse("open_visit", args=[visit.pk]), follow=True)


def test_a_visit_that_a_patient_opened_in_her_name_is_listed_and_entered(
    connection: Connection, carla: User, browser: Client
) -> None:
    visit = opened_for(connection, carla)
    factories.participant(visit)
    assert listed(browser) == 1
    assert entered(browser, visit).status_code == 200
    [she] = Participant.objects.filter(visit=visit, role="provider")
    assert (she.ehr_user_hash, she.user) == ("carla", carla)  # the same person as when she presses in the EHR
    assert entered(browser, visit).status_code == 200
    assert Participant.objects.filter(visit=visit, role="provider").count() == 1


def test_of_two_ehr_users_with_her_account_she_is_the_one_whom_the_record_named(
    connection: Connection, carla: User, browser: Client
) -> None:
    linked(connection, carla, "carla-too")
    visit = opened_for(connection, carla, clinician_hash="carla-too")
    entered(browser, visit)
    assert Participant.objects.get(visit=visit).ehr_user_hash == "carla-too"


def test_who_unlinked_since_and_somebody_elses_visit_are_not_hers(
    connection: Connection, carla: User, browser: Client
) -> None:
    others = opened_for(connection, factories.user(connection.organization.tid), " 2")
    visit = opened_for(connection, carla)
    EhrUserLink.objects.filter(user=carla).delete()
    assert listed(browser) == 0
    assert [entered(browser, one).status_code for one in (visit, others)] == [410, 410]
    assert not Participant.objects.exists()


def test_a_visit_that_she_came_to_and_organizes_is_listed_once_and_many_cost_no_more(
    connection: Connection, carla: User, browser: Client
) -> None:
    def costs() -> int:
        with CaptureQueriesContext(database) as asked:
            listed(browser)
        return len(asked)

    visit = opened_for(connection, carla)
    factories.participant(visit, "provider", linked=carla)
    assert listed(browser) == 1
    one = costs()
    for number in range(3, 8):
        factories.participant(opened_for(connection, carla, f" {number}"))
    assert (listed(browser), costs()) == (6, one)
