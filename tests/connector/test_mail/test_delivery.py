"""Delivery: sent once, tried again where the server did not take it, given up at last. Over real SMTP."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connection as database
from django.utils import timezone
from pytest_django import Settings

from connector import mail
from connector.models import Connection
from tests.connector.test_mail.steps import ADA, BEN, PROBLEM, Postbox, later, only, tell


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("fault", "code"), [("mail-closed", "mail-unreachable"), ("mail-busy", "mail-busy")], ids=["hung up", "451"]
)
def test_a_mail_that_is_not_taken_now_is_taken_later(
    fault: str, code: str, postbox: Postbox, riverside: Connection
) -> None:
    postbox.fail(fault)
    tell(riverside)
    mail.deliver()
    assert (only().code, list(mail.undelivered(riverside.organization))) == (code, [only()])
    postbox.mend()
    mail.deliver()
    assert postbox.mails == [], "its pause is not over"
    later(mail.backoff(1))
    mail.deliver()
    assert len(postbox.mails) == 1
    assert (only().code, only().attempts, mail.undelivered(riverside.organization).count()) == ("", 2, 0)


@pytest.mark.django_db
def test_where_nobody_listens_the_mail_waits(made: Postbox, riverside: Connection) -> None:
    tell(riverside)
    mail.deliver()
    assert (only().code, only().given_up_at) == ("mail-unreachable", None)


@pytest.mark.django_db
def test_a_server_that_is_too_slow_is_asked_again_with_the_same_message_id(
    postbox: Postbox, riverside: Connection, settings: Settings
) -> None:
    settings.EMAIL_TIMEOUT = 1
    postbox.fail("mail-slow", value=3, times=1)
    tell(riverside)
    mail.deliver()
    assert only().code == "mail-unreachable"
    settings.EMAIL_TIMEOUT = 30
    later(mail.backoff(1))
    mail.deliver()
    assert only().sent_at
    assert len({one["message_id"] for one in postbox.mails}) == 1


@pytest.mark.django_db
def test_a_mailbox_that_does_not_exist_is_given_up_at_once_and_holds_up_nobody(
    postbox: Postbox, riverside: Connection
) -> None:
    postbox.fail("mail-refused", ADA)
    tell(riverside)
    tell(riverside, to=BEN)
    mail.deliver()
    assert [one["recipients"] for one in postbox.mails] == [[BEN]]
    (row,) = mail.undelivered(riverside.organization)
    assert (row.recipient, row.code, row.given_up_at is None) == (ADA, "mail-no-mailbox", False)


@pytest.mark.django_db
def test_after_a_day_a_mail_is_given_up_and_stays_to_be_seen(made: Postbox, riverside: Connection) -> None:
    tell(riverside)
    mail.deliver()
    later(mail.GIVE_UP_AFTER)
    mail.deliver()
    assert (only().attempts, only().given_up_at is None) == (1, False)
    assert mail.undelivered(riverside.organization).get().code == "mail-unreachable"


@pytest.mark.django_db(transaction=True)
def test_two_workers_never_send_the_same_mail(postbox: Postbox, riverside: Connection) -> None:
    everybody = [f"person{number}@riverside.example" for number in range(12)]
    mail.tell(riverside.organization, riverside, "problem-found", everybody, subject="ehr", **PROBLEM)

    def work(_: int) -> None:
        mail.deliver()
        database.close()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, range(4)))
    assert sorted(one["recipients"][0] for one in postbox.mails) == sorted(everybody)


@pytest.mark.django_db
def test_a_worker_that_died_while_sending_is_followed_by_another_when_its_lease_is_over(
    postbox: Postbox, riverside: Connection
) -> None:
    tell(riverside)
    now = timezone.now()
    mail.due(now).update(attempts=1, next_at=now + mail.LEASE)  # leased, and then silence
    mail.deliver()
    assert postbox.mails == []
    later(mail.LEASE)
    mail.deliver()
    assert len(postbox.mails) == 1


@pytest.mark.parametrize("attempts", range(1, 40))
def test_pauses_grow_from_a_minute_to_an_hour(attempts: int) -> None:
    assert timedelta(minutes=1) <= mail.backoff(attempts) <= mail.backoff(attempts + 1) <= timedelta(hours=1)
