"""What people are told by mail. A row is written with what it tells, and sent later: outside any transaction, once, and
again only where the server did not take it. Mails hold codes and business records, never anything of a patient."""

import logging
import re
import secrets
import time
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction
from django.db.models import Max, Q, QuerySet
from django.template.loader import render_to_string
from django.utils import timezone, translation
from django.utils.translation import gettext_lazy as _

from connector import problems, smtp, stopping, tally
from connector.errors import Permanent, Retry, WireError
from connector.models import Connection, Notice, Organization

log = logging.getLogger(__name__)

LEASE = timedelta(minutes=10)  # longer than all answers of one mail's server may take together
SHORTEST_PAUSE, LONGEST_PAUSE = timedelta(minutes=1), timedelta(hours=1)
GIVE_UP_AFTER = timedelta(days=1)
QUIET = timedelta(hours=1)  # a problem that comes and goes is told no oftener
MOST_AN_HOUR = 100  # of one organization: its people choose the mailboxes and type the reasons
KEPT = timedelta(days=90)
MAX_SECONDS = 60.0  # of one delivery


def _each_time() -> str:
    return secrets.token_hex(8)


def _once_a_day() -> str:
    return timezone.localdate().isoformat()


def _until_over() -> str:
    return ""


# What a mail is about when its teller does not say: the same subject is told to nobody twice while it is open.
KINDS: dict[str, Callable[[], str]] = {
    "proposal-waits": _each_time,  # by, path
    "edited": _each_time,  # by, path
    "returned": _each_time,  # by, reason, path
    "decided": _each_time,  # decision (Decision.Kind but for return), by, reason, path
    "approver-disabled": _once_a_day,  # approver, path
    "problem-found": _until_over,  # code (connector.problems), path; say which as `subject`
    "problem-over": _each_time,
    "ending-asked": _each_time,  # by, day, path
    "ending-off": _each_time,  # by, day, path
    "ended": _each_time,  # name_of, by, day, digest, signature, path: of an organization that is no more
    "key-rotated": _each_time,  # purpose (Key.Purpose: signing or notification), environment, path
}
WHEN_OVER = {"problem-found": "problem-over"}

REASONS = {
    "mail-busy": _("The mail server was busy."),
    "mail-unreachable": _("The mail server did not answer."),
    "mail-certificate": _("The mail server's certificate is not trusted."),
    "mail-not-offered": _("The mail server does not offer the security or the sign-in that is configured."),
    "mail-sign-in": _("The mail server does not accept the configured account."),
    "mail-sender-refused": _("The mail server does not accept the configured sender."),
    "mail-no-mailbox": _("The mail server knows no such mailbox."),
    "mail-refused": _("The mail server refused this mail."),
    "mail-address": _("This is not a mail address."),
    "unexpected": _("The connector could not write this mail."),
}


def is_on() -> bool:
    """Whether the operator has named a mail server. Without one nothing is kept to be sent, and pages say so."""
    return bool(settings.EMAIL_HOST)


def tell(
    organization: Organization | None,
    connection: Connection | None,
    kind: str,
    recipients: Iterable[str],
    *,
    subject: str = "",
    **detail: str,
) -> None:
    """Put a mail of KINDS for each recipient in the outbox. Call it within the transaction of what it tells.

    `subject` tells two problems of one kind apart. `detail` holds codes, names of business records, and `path`, the
    page to open. Where the same subject is open already, nobody is told again.
    """
    if not is_on():
        return
    subject, kept = subject or KINDS[kind](), {name: _plain(value) for name, value in detail.items()}
    rows = [
        Notice(organization=organization, connection=connection, kind=kind, subject=subject, recipient=one, detail=kept)
        for one in sorted({_plain(recipient)[:254] for recipient in recipients if recipient})
    ]
    Notice.objects.bulk_create([_scheduled(row) for row in rows], ignore_conflicts=True)


def _plain(text: str) -> str:
    """Without control characters but for line ends, in as many spaces as a person would type."""
    lines = ("".join(filter(str.isprintable, " ".join(line.split()))) for line in text.splitlines())
    return "\n".join(lines).strip()


def _scheduled(row: Notice) -> Notice:
    """A problem that was told a moment ago waits, and so does one mail too many of an hour; what is no address is kept
    to be seen, and never sent."""
    same = Notice.objects.filter(organization=row.organization, connection=row.connection, kind=row.kind)
    told = same.filter(subject=row.subject, recipient=row.recipient).aggregate(last=Max("sent_at"))["last"]
    row.next_at = max(timezone.now(), told + QUIET) if told else timezone.now()
    before = Notice.objects.filter(organization=row.organization).exclude(organization=None).order_by("-next_at")
    if first := before.values_list("next_at", flat=True)[MOST_AN_HOUR - 1 : MOST_AN_HOUR].first():
        row.next_at = max(row.next_at, first + timedelta(hours=1))
    try:
        validate_email(row.recipient)
    except ValidationError:
        row.given_up_at, row.code = row.next_at, "mail-address"
    return row


@transaction.atomic
def over(organization: Organization, connection: Connection | None, kind: str, *, subject: str = "") -> None:
    """End a problem: who was told of it is told so, who was not yet never is, and it may be told again."""
    same = Notice.objects.filter(organization=organization, connection=connection, kind=kind, subject=subject)
    rows = list(same.filter(ended_at=None).select_for_update())
    same.filter(pk__in=[row.pk for row in rows]).update(ended_at=timezone.now())
    for row in rows:
        if row.sent_at and kind in WHEN_OVER:
            tell(organization, connection, WHEN_OVER[kind], [row.recipient], **row.detail)


def undelivered(organization: Organization) -> QuerySet[Notice]:
    """The mails that could not be sent so far, or were given up; `code` says why (REASONS)."""
    return organization.notices.filter(sent_at=None, ended_at=None).exclude(code="").order_by("-created_at")


def send_again(organization: Organization) -> int:
    """Try what was given up once more, now; returns how many. What waits is tried by itself; what is no address never
    is."""
    given_up = undelivered(organization).exclude(given_up_at=None).exclude(code="mail-address")
    return given_up.update(given_up_at=None, attempts=0, next_at=timezone.now())


def due(now: datetime) -> QuerySet[Notice]:
    """What waits to be sent."""
    return Notice.objects.filter(sent_at=None, given_up_at=None, ended_at=None, next_at__lte=now)


def deliver() -> None:
    """Send what is due, one mail after the other, until the server asks for patience. Any number of workers may."""
    now, until = timezone.now(), time.monotonic() + MAX_SECONDS
    due(now).filter(attempts__gt=0, created_at__lt=now - GIVE_UP_AFTER).update(given_up_at=now)
    error: WireError | None = None
    while not isinstance(error, Retry) and _goes_on(until) and (row := _claim()):
        error = _try(row)
        _finish(row, error)


def _goes_on(until: float) -> bool:
    return time.monotonic() < until and not stopping.begun()


def _claim() -> Notice | None:
    """The next mail, leased: until LEASE is over no other worker finds it due."""
    while row := due(timezone.now()).select_related("organization", "connection").order_by("next_at", "pk").first():
        now, tries = timezone.now(), row.attempts + 1
        if due(now).filter(pk=row.pk, attempts=row.attempts).update(attempts=tries, next_at=now + LEASE):
            row.attempts = tries
            return row
    return None


def _try(row: Notice) -> WireError | None:
    try:
        subject, text = render(row)
        host = urlsplit(settings.PUBLIC_URL).hostname
        smtp.send(row.recipient, subject, text, message_id=f"<notice-{row.pk}-{row.created_at.timestamp():.0f}@{host}>")
    except WireError as error:
        log.warning("mail not sent", extra={"kind": row.kind, "code": error.code, "attempt": row.attempts})
        return error
    except Exception:
        log.exception("mail not written", extra={"kind": row.kind})
        return Permanent("unexpected")
    log.info("mail sent", extra={"kind": row.kind, "attempt": row.attempts})
    return None


def _finish(row: Notice, error: WireError | None) -> None:
    """Write down what came of a try, unless the lease was over and somebody else tries already."""
    now = timezone.now()
    ours = Notice.objects.filter(pk=row.pk, attempts=row.attempts, sent_at=None)
    tally.count("mails", code=error.code if error else "sent")
    if error is None:
        ours.update(sent_at=now, code="")
    elif isinstance(error, Retry):
        ours.update(next_at=now + backoff(row.attempts), code=error.code)
    else:
        ours.update(given_up_at=now, code=error.code)


def backoff(attempts: int) -> timedelta:
    """How long to wait after so many tries: a minute at first, doubled each time up to an hour."""
    return min(LONGEST_PAUSE, SHORTEST_PAUSE * int(2 ** min(attempts - 1, 10)))


def render(row: Notice) -> tuple[str, str]:
    """(subject, text) of a mail: the first line of templates/mail/<kind>.txt or <kind>-<variant>.txt, and the rest."""
    variant = row.detail.get("decision") or row.detail.get("purpose")
    with translation.override(settings.LANGUAGE_CODE):
        written = render_to_string(f"mail/{row.kind}{f'-{variant}' if variant else ''}.txt", _context(row))
    subject, _end, text = written.strip().partition("\n")
    return subject, re.sub(r"\n{3,}", "\n\n", text).strip() + "\n"


def _context(row: Notice) -> dict[str, Any]:
    connection, detail = row.connection, row.detail
    organization = row.organization or detail.get("name_of", "")
    return {
        **detail,
        "organization": organization,
        "connection": connection,
        "name": " ".join((connection.label or connection.host if connection else str(organization)).split()),
        "problem": problems.find(detail.get("code", "")),
        "link": settings.PUBLIC_URL + detail.get("path", "/"),
        "public_url": settings.PUBLIC_URL,
        "help_line": (connection.help_line if connection else "") or settings.HELP_LINE,
    }


def forget() -> None:
    """Drop mails that were sent or given up long ago. A problem that is still open stays, so that it is not told
    twice."""
    long_ago = timezone.now() - KEPT
    settled = Notice.objects.filter(Q(sent_at__lt=long_ago) | Q(given_up_at__lt=long_ago) | Q(ended_at__lt=long_ago))
    settled.exclude(kind__in=WHEN_OVER, ended_at=None).delete()
