"""The mail stand-in: what its server takes stands on its page, and its faults are a mail server's."""

import smtplib
from email.message import EmailMessage
from typing import Any

import pytest
import requests
from bs4 import BeautifulSoup

from tests.sandbox.standins import Sandbox

ADA = "ada@riverside.example"


@pytest.fixture(scope="module")
def running(sandbox: Sandbox) -> Sandbox:
    sandbox.start("mail")
    return sandbox


@pytest.fixture
def mailbox(running: Sandbox) -> Sandbox:
    """The mail server as on its first day."""
    running.reset("mail")
    return running


def send(mailbox: Sandbox, to: str = ADA) -> None:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "connector@sandbox.example", to, "Zurückgegeben: Café"
    message.set_content("Was zu tun ist:\nhttps://connector.example/configure/\n<b>nicht fett</b>\n")
    with smtplib.SMTP("localhost", int(mailbox.environment["SANDBOX_SMTP_PORT"]), timeout=5) as server:
        server.send_message(message)


def fail(mailbox: Sandbox, kind: str, **rule: Any) -> None:
    answer = requests.post(mailbox.url("mail", "/sandbox/faults"), json={"kind": kind} | rule, timeout=5)
    answer.raise_for_status()


def mails(mailbox: Sandbox) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = requests.get(mailbox.url("mail", "/sandbox/mails"), timeout=5).json()
    return found


def test_a_mail_stands_on_the_page_as_it_was_written(mailbox: Sandbox) -> None:
    send(mailbox)
    (mail,) = mails(mailbox)
    assert (mail["recipients"], mail["subject"]) == ([ADA], "Zurückgegeben: Café")
    page = BeautifulSoup(requests.get(mailbox.url("mail", "/"), timeout=5).text, "html.parser")
    (shown,) = page.select("article")
    assert shown.h2
    assert shown.h2.text == "Zurückgegeben: Café"
    assert [link["href"] for link in shown.select("pre a")] == ["https://connector.example/configure/"]
    assert "<b>nicht fett</b>" in shown.text


def test_start_again_empties_the_page(mailbox: Sandbox) -> None:
    send(mailbox)
    page = requests.post(mailbox.url("mail", "/sandbox/start-again"), timeout=5)
    assert ("None yet." in page.text, mails(mailbox)) == (True, [])


def test_a_busy_server_says_451_and_takes_the_mail_afterwards(mailbox: Sandbox) -> None:
    fail(mailbox, "mail-busy", times=1)
    with pytest.raises(smtplib.SMTPDataError) as refused:
        send(mailbox)
    assert refused.value.smtp_code == 451
    send(mailbox)
    assert len(mails(mailbox)) == 1


def test_one_mailbox_can_be_unknown_while_others_are_not(mailbox: Sandbox) -> None:
    fail(mailbox, "mail-refused", path="ada@")
    with pytest.raises(smtplib.SMTPRecipientsRefused) as refused:
        send(mailbox)
    assert refused.value.recipients[ADA][0] == 550
    send(mailbox, "ben@riverside.example")
    assert [mail["recipients"] for mail in mails(mailbox)] == [["ben@riverside.example"]]


def test_a_server_that_hangs_up_takes_nothing(mailbox: Sandbox) -> None:
    fail(mailbox, "mail-closed")
    with pytest.raises((smtplib.SMTPServerDisconnected, ConnectionError)):
        send(mailbox)
    assert mails(mailbox) == []


def test_a_slow_server_takes_the_mail_in_the_end(mailbox: Sandbox) -> None:
    fail(mailbox, "mail-slow", value=0.3)
    send(mailbox)
    assert len(mails(mailbox)) == 1
