"""A mail server of the sandbox, and what is told, sent and left over by it."""

from datetime import timedelta
from pathlib import Path
from typing import Any

from aiosmtpd.controller import Controller

from connector import mail
from connector.models import Connection, Notice
from sandbox import faults
from sandbox.launcher.ports import free_port
from sandbox.mail import server
from sandbox.store import Document, Store

ADA, BEN = "ada@riverside.example", "ben@riverside.example"
PROBLEM = {"code": "ehr-unavailable", "path": "/status/"}


class Postbox:
    """A mail server and what came to it."""

    def __init__(self, folder: Path) -> None:
        self.store = Store(folder / "mail.sqlite3")
        self.port = free_port()
        self.running: list[Controller] = []

    def start(self, **options: Any) -> None:
        self.running.append(server.start(self.store, self.port, **options))

    def fail(self, kind: str, recipient: str = "", value: float | None = None, times: int = 0) -> None:
        faults.add(self.store, {"kind": kind, "path": recipient, "value": value, "times": times})

    def mend(self) -> None:
        self.store.table("faults").clear()

    @property
    def mails(self) -> list[Document]:
        return list(self.store.table("mails").values())

    @property
    def subjects(self) -> list[str]:
        return [one["subject"] for one in self.mails]


def tell(of: Connection, kind: str = "problem-found", to: str = ADA, subject: str = "ehr", **detail: str) -> None:
    mail.tell(of.organization, of, kind, [to], subject=subject, **(detail or PROBLEM))


def over(of: Connection) -> None:
    mail.over(of.organization, of, "problem-found", subject="ehr")


def later(by: timedelta) -> None:
    """Let this much time go by for every row."""
    for row in Notice.objects.all():
        row.next_at, row.created_at = row.next_at - by, row.created_at - by
        row.sent_at = row.sent_at and row.sent_at - by
        row.save()


def only() -> Notice:
    return Notice.objects.get()
