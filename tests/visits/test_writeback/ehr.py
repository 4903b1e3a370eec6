"""An EHR that is told about presence: a real server with discovery, a token endpoint and the status service."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from threading import Thread

from django.db import connection
from django.db.models import F
from django.utils import timezone

from connector.agreement import EPIC_STATUS_PATH
from connector.celery import app
from connector.models import Connection, Entry
from tests.servers import Reply, Request, Server, serving
from tests.visits import factories
from visits import writeback
from visits.models import Lane, Participant, Target, Visit, Writeback
from visits.writeback.outbox import LANES

STATUS = f"/Interconnect/{EPIC_STATUS_PATH}"
TOKEN = "/oauth2/token"
REPOSITORY = "/audit/R4"
AUDIT = f"{REPOSITORY}/AuditEvent"


class Ehr:
    """The server, the connection to it and its visit. Every status call succeeds until a test says otherwise."""

    def __init__(self, server: Server) -> None:
        self.server = server
        base = "/Interconnect/api/FHIR/R4"
        found = {"authorization_endpoint": f"{server.url}/oauth2/authorize", "token_endpoint": f"{server.url}{TOKEN}"}
        for address in (base, REPOSITORY):
            server.answer(f"{address}/.well-known/smart-configuration", Reply(found))
        server.answer(TOKEN, Reply({"access_token": "first", "expires_in": 3600}))
        server.answer(STATUS, Reply())
        self.connection: Connection = factories.connection(base_url=f"{server.url}{base}", target=False)
        self.connection.approved_hosts = [server.host]
        self.connection.save()
        factories.signing_key(self.connection.environment)
        self.visit: Visit = factories.visit(self.connection)

    @property
    def target(self) -> Target:
        return Target.objects.get(connection=self.connection)

    def answers(self, *replies: Reply) -> None:
        """What the status service answers from now on, in turn; the last one stays."""
        self.server.answer(STATUS, *replies)

    def told(self) -> list[Request]:
        """The status calls so far, in order."""
        return self.server.asked(STATUS)

    def statuses(self) -> list[str]:
        """The codes of the status calls so far, in order."""
        return [request.query["ConnectionStatus"] for request in self.told()]

    def person(self, external_id: str = factories.EXTERNAL_ID) -> Participant:
        return factories.participant(self.visit, external_id=external_id)

    def rows(self, presence: str, count: int) -> list[Writeback]:
        """One row each for this many people."""
        return [enqueue(self.person(f" {number}"), presence) for number in range(count)]

    def drain(self) -> None:
        """One worker goes once through every lane of every target."""
        for target in Target.objects.filter(connection=self.connection):
            for lane in range(LANES):
                writeback.drain(target.pk, lane)


@contextmanager
def running() -> Iterator[Ehr]:
    with serving() as server:
        yield Ehr(server)


def states() -> list[str]:
    """The state of every row, in the order in which they were written."""
    return list(Writeback.objects.order_by("id").values_list("state", flat=True))


def enqueue(participant: Participant, presence: str) -> Writeback:
    """What the fold does when it sees this presence."""
    [row] = writeback.enqueue(participant, presence, timezone.now())
    return row


def time_passes(**by: float) -> None:
    """Let all that is written down lie this much further back."""
    span = timedelta(**by)
    Writeback.objects.update(next_at=F("next_at") - span, created_at=F("created_at") - span)
    Target.objects.update(open_until=F("open_until") - span, failing_since=F("failing_since") - span)
    Lane.objects.update(leased_until=F("leased_until") - span)


def trail_of(participant: Participant | None) -> list[str]:
    assert participant is not None
    return list(Entry.objects.filter(participant=participant.pk).order_by("id").values_list("event", flat=True))


def woken() -> list[tuple[int, int]]:
    """The lanes that the broker has been asked to have drained since the last look."""
    found: list[tuple[int, int]] = []
    with app.connection_for_read() as broker, broker.SimpleQueue("celery") as queue, suppress(queue.Empty):
        while message := queue.get(block=False):
            message.ack()
            if message.headers["task"] == "visits.tasks.drain":
                found.append(tuple(message.payload[0]))
    return sorted(found)


def in_thread(act: Callable[[], object]) -> Thread:
    """Another worker: its own thread, its own database connection."""

    def work() -> None:
        try:
            act()
        finally:
            connection.close()

    thread = Thread(target=work)
    thread.start()
    return thread


def wait_until(true: Callable[[], object], *, seconds: float = 15) -> None:
    """Wait for something that another thread or process does."""
    until = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < until, "it did not happen in time"
        time.sleep(0.02)
