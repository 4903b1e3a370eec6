"""The wire: TLS, sign-in, refusals and what each means. Over real SMTP."""

import smtplib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.smtp import AuthResult, LoginPassword
from pytest_django import Settings

from connector import mail, smtp
from connector.errors import Permanent, WireError
from tests.connector.test_mail.steps import ADA, Postbox
from tests.servers import certified


def test_a_header_cannot_be_smuggled_in(postbox: Postbox) -> None:
    with pytest.raises(Permanent, match="mail-address"):
        smtp.send(ADA, "Hello\nBcc: eve@elsewhere.example", "text", message_id="<1@here.example>")
    assert postbox.mails == []


@pytest.fixture
def secured(made: Postbox, tmp_path: Path, settings: Settings) -> str:
    """A server that wants TLS and a sign-in; the file of the authority behind its certificate."""
    context, authority = certified(tmp_path, "localhost")

    def authenticator(*arguments: Any) -> AuthResult:
        login: LoginPassword = arguments[-1]
        return AuthResult(success=login == LoginPassword(b"connector", b"right"), handled=False)

    made.start(tls_context=context, require_starttls=True, authenticator=authenticator, auth_required=True)
    settings.EMAIL_USE_TLS, settings.OUTGOING_CA_FILE = True, authority
    settings.EMAIL_HOST_USER, settings.EMAIL_HOST_PASSWORD = "connector", "right"
    return authority


def refusal(send: Callable[[], None]) -> str:
    with pytest.raises(WireError) as refused:
        send()
    return refused.value.code


def hello() -> None:
    smtp.send(ADA, "Hello", "text", message_id="<1@here.example>")


def test_starttls_and_a_sign_in_reach_a_server_that_wants_them(made: Postbox, secured: str) -> None:
    hello()
    assert made.subjects == ["Hello"]


def test_a_certificate_of_nobody_we_trust_is_refused(made: Postbox, secured: str, settings: Settings) -> None:
    settings.OUTGOING_CA_FILE = ""
    assert (refusal(hello), made.mails) == ("mail-certificate", [])


def test_a_wrong_password_is_told_as_such(made: Postbox, secured: str, settings: Settings) -> None:
    settings.EMAIL_HOST_PASSWORD = "wrong"
    assert (refusal(hello), made.mails) == ("mail-sign-in", [])


def test_a_server_without_starttls_gets_no_mail_where_it_is_wanted(postbox: Postbox, settings: Settings) -> None:
    settings.EMAIL_USE_TLS = True
    assert (refusal(hello), postbox.mails) == ("mail-not-offered", [])


@pytest.mark.parametrize("status", [452, 550])
def test_a_sender_who_is_not_accepted_can_be_mended_by_the_operator(status: int) -> None:
    found = smtp.meaning(smtplib.SMTPSenderRefused(status, b"no", "connector@hospital.example"))
    assert found.code == {452: "mail-busy", 550: "mail-sender-refused"}[status]


def test_every_reason_that_the_wire_names_has_its_words() -> None:
    codes = {code for _, code in (*smtp.REFUSALS.values(), *smtp.FAILURES.values())}
    assert codes | {"mail-busy", "unexpected"} == set(mail.REASONS)
