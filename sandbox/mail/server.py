"""The SMTP side: takes every mail for everybody, unless a fault says otherwise."""

import asyncio
import secrets
from datetime import UTC, datetime
from email import message_from_bytes, policy
from typing import Any, cast

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from sandbox import faults
from sandbox.store import Document, Store

BUSY = "451 4.3.2 The sandbox was told to be busy"
REFUSED = "550 5.1.1 The sandbox was told to know no such mailbox"
TAKEN = "250 2.0.0 Taken"


def start(store: Store, port: int, **options: Any) -> Controller:
    """Listen on 127.0.0.1 from a thread of its own until the process ends or `stop` of what is returned.

    `options` are aiosmtpd's: `tls_context` offers STARTTLS, `authenticator` with `auth_required` wants a sign-in.
    """
    controller = _Listener(Mailbox(store), hostname="127.0.0.1", port=port, **options)
    controller.start()
    return controller


class Mailbox:
    """aiosmtpd's handler: one row of the table "mails" for each mail."""

    def __init__(self, store: Store) -> None:
        self.store = store

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if faults.take(self.store, "mail-refused", address) is not None:
            return REFUSED
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        to = " ".join(envelope.rcpt_tos)
        if (seconds := faults.take(self.store, "mail-slow", to)) is not None:
            await asyncio.sleep(seconds)
        if faults.take(self.store, "mail-busy", to) is not None:
            return BUSY
        mail = _read(envelope)
        self.store.table("mails")[str(mail["id"])] = mail
        return TAKEN


def _read(envelope: Envelope) -> Document:
    message = message_from_bytes(cast(bytes, envelope.content), policy=policy.default)
    body = message.get_body(("plain", "html"))
    return {
        "id": secrets.token_hex(4),
        "sender": envelope.mail_from,
        "recipients": envelope.rcpt_tos,
        "from": str(message["From"]),
        "subject": str(message["Subject"]),
        "text": body.get_content().replace("\r\n", "\n") if body else "",
        "message_id": str(message["Message-ID"]),
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
    }


class _HangsUp(asyncio.Protocol):
    """Whoever connects is cut off before a word is said."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        cast(asyncio.Transport, transport).abort()


class _Listener(Controller):
    started = False  # aiosmtpd calls itself once before it is

    def start(self) -> None:
        super().start()
        self.started = True

    def factory(self) -> Any:
        closed = self.started and faults.take(self.handler.store, "mail-closed") is not None
        return _HangsUp() if closed else super().factory()  # type: ignore[no-untyped-call]
