"""Mail on the wire: one message to one recipient over SMTP (RFC 5321), and what its failure means."""

import smtplib
import ssl
from contextlib import suppress

from django.conf import settings
from django.core.mail import EmailMessage
from django.core.mail.backends.smtp import EmailBackend
from django.utils.functional import cached_property

from connector.errors import Permanent, Retry, WireError

# What the server answered to, and the codes when it said "never" (5xx). "Not now" (4xx) is always mail-busy.
REFUSALS: dict[type[Exception], tuple[type[WireError], str]] = {
    smtplib.SMTPRecipientsRefused: (Permanent, "mail-no-mailbox"),
    smtplib.SMTPDataError: (Permanent, "mail-refused"),
    # The operator can mend these, and then the mail goes after all.
    smtplib.SMTPAuthenticationError: (Retry, "mail-sign-in"),
    smtplib.SMTPSenderRefused: (Retry, "mail-sender-refused"),
}
FAILURES: dict[type[Exception], tuple[type[WireError], str]] = {
    smtplib.SMTPNotSupportedError: (Retry, "mail-not-offered"),
    ssl.SSLError: (Retry, "mail-certificate"),
    smtplib.SMTPException: (Retry, "mail-unreachable"),
    OSError: (Retry, "mail-unreachable"),
    ValueError: (Permanent, "mail-address"),  # Django refuses what would add a header
}


class Backend(EmailBackend):
    """Django's SMTP with the operator's own certificate authorities."""

    @cached_property
    def ssl_context(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=settings.OUTGOING_CA_FILE or None)


def send(recipient: str, subject: str, text: str, *, message_id: str) -> None:
    """Hand one mail to the server of the settings. Each of its answers may take EMAIL_TIMEOUT seconds.

    Raises Retry (it may work later, or once the operator has mended something) or Permanent. `message_id` is the same
    for every try, so that a mail which came through although its answer was lost is known again.
    """
    backend = Backend()
    headers = {"Message-ID": message_id, "Auto-Submitted": "auto-generated"}
    message = EmailMessage(subject, text, settings.EMAIL_FROM, [recipient], headers=headers, connection=backend)
    try:
        backend.open()
        message.send()
    except tuple(FAILURES) as error:
        raise meaning(error) from error
    finally:
        with suppress(smtplib.SMTPException, OSError):  # the mail is there already, or never will be
            backend.close()


def meaning(error: Exception) -> WireError:
    for kind, (raised, code) in REFUSALS.items():
        if isinstance(error, kind):
            return raised(code) if _status(error) >= 500 else Retry("mail-busy")
    return next(raised(code) for kind, (raised, code) in FAILURES.items() if isinstance(error, kind))


def _status(error: Exception) -> int:
    """The server's answer: of a mail to one recipient there is one."""
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        return min(status for status, _ in error.recipients.values())
    return int(getattr(error, "smtp_code", 0))
