"""Mails that could not be sent are seen by administrators, who can have them tried again."""

from datetime import timedelta

import pytest
from bs4 import BeautifulSoup
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import Settings

from connector import mail
from connector.models import Change, Connection, Notice
from tests.portal.deciding import Directory, browser_of
from tests.portal.steps import words
from tests.visits import factories
from tests.visits.factories import administrator

pytestmark = pytest.mark.django_db
MAILBOX = "ehr-team@riverside.example"


@pytest.fixture(autouse=True)
def mailing(settings: Settings) -> None:
    settings.EMAIL_HOST = "mail.riverside.example"


@pytest.fixture
def connection() -> Connection:
    return factories.connection(mail=MAILBOX)


@pytest.fixture
def ada(connection: Connection, directory: Directory) -> Client:
    return browser_of(directory.knows(administrator(connection.organization)))


def refused(connection: Connection, code: str = "mail-no-mailbox", *, given_up: bool = True, ago: int = 0) -> Notice:
    """A mail of this connection that came to nothing, written this many hours ago."""
    mail.tell(connection.organization, connection, "edited", [MAILBOX], by="Ben Okafor", path="/configure/")
    row = Notice.objects.latest("pk")
    when = timezone.now() - timedelta(hours=ago)
    kept = {"code": code, "attempts": 3, "created_at": when, "next_at": timezone.now() + timedelta(minutes=40)}
    Notice.objects.filter(pk=row.pk).update(**kept, given_up_at=when if given_up else None)
    return row


def rows(client: Client) -> list[list[str]]:
    page = BeautifulSoup(client.get(reverse("mails")).content, "html.parser")
    return [[words(cell) for cell in row.find_all("td")] for row in page.select("tbody tr")]


def test_what_could_not_be_sent_is_shown_with_its_reason_and_what_comes_next(
    ada: Client, connection: Connection
) -> None:
    assert rows(ada) == []
    refused(connection, "mail-busy", given_up=False)
    refused(connection, ago=2)
    waits, gone = rows(ada)
    assert waits[0].startswith("Changed by the approver: ")
    assert (waits[1], waits[3], waits[4].startswith("Tried again")) == (MAILBOX, "The mail server was busy.", True)
    assert gone[3:] == ["The mail server knows no such mailbox.", "Given up"]
    listed = words(BeautifulSoup(ada.get(reverse("status")).content, "html.parser").main)
    assert "2 mails could not be sent" in listed


def test_what_was_given_up_is_tried_once_more_and_what_is_no_address_is_not(
    ada: Client, connection: Connection
) -> None:
    old, wrong = refused(connection, ago=30), refused(connection, "mail-address")
    answer = ada.post(reverse("mails_again"), follow=True)
    assert "1 mail is tried again now." in words(BeautifulSoup(answer.content, "html.parser").main)
    assert [row.pk for row in mail.due(timezone.now())] == [old.pk]
    assert (Change.objects.get().kind, Change.objects.get().detail) == ("mailed-again", {"count": 1})
    ada.post(reverse("mails_again"))
    assert Change.objects.count() == 1
    wrong.refresh_from_db()
    assert wrong.given_up_at


@pytest.mark.parametrize("name", ["mails", "mails_again"])
def test_only_administrators_see_and_send_and_only_their_own(name: str, connection: Connection) -> None:
    refused(connection)
    approver, stranger = factories.user(connection.organization.tid), administrator(factories.organization())
    act = "get" if name == "mails" else "post"
    assert getattr(browser_of(approver), act)(reverse(name)).status_code == 404
    assert "edited" not in str(getattr(browser_of(stranger), act)(reverse(name), follow=True).content)
    assert rows(browser_of(stranger)) == []
    assert not mail.due(timezone.now()).exists()
