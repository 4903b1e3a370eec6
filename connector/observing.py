"""Every outgoing call, seen: a line in the log, a number in the metrics, and, for test visits, whoever looks on."""

import logging
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from urllib.parse import urlsplit

from django.conf import settings

from connector import tally
from connector.errors import WireError

log = logging.getLogger("connector.http")  # whose calls they are

CALL_ID = "client-request-id"  # Microsoft's name for a call, which its support asks for


@dataclass(frozen=True)
class Call:
    """One outgoing call: no address beyond its host, nothing that was sent. `status` 0: no answer."""

    host: str
    method: str
    status: int
    milliseconds: int


_calls: ContextVar[list[Call] | None] = ContextVar("calls", default=None)


@contextmanager
def observed() -> Iterator[list[Call]]:
    """The calls that are made while the block runs, in order."""
    calls: list[Call] = []
    token = _calls.set(calls)
    try:
        yield calls
    finally:
        _calls.reset(token)


@contextmanager
def call(host: str, method: str, headers: Mapping[str, str] | None = None) -> Iterator[Callable[[int], None]]:
    """Note the call that the block makes to `host` (as `host` or `host:port`). The block tells the answer's status once
    it is read; what it raises instead says why there is none."""
    status, started, outcome = 0, time.monotonic(), "unreachable"

    def answered(code: int) -> None:
        nonlocal status, outcome
        status, outcome = code, str(code)

    try:
        yield answered
    except WireError as error:
        outcome = error.code
        raise
    finally:
        seconds = time.monotonic() - started
        _note(Call(host, method, status, round(seconds * 1000)), outcome, seconds, (headers or {}).get(CALL_ID))


def _note(made: Call, outcome: str, seconds: float, call_id: str | None) -> None:
    told: dict[str, object] = {
        "host": urlsplit(f"//{made.host}").hostname,
        "method": made.method,
        "status": made.status,
    }
    told |= {"seconds": round(seconds, 3), "code": outcome} | ({"call": call_id} if call_id else {})
    log.info("outgoing request", extra=told)
    tally.observe("outgoing_seconds", seconds, service=service(made.host), outcome=outcome)
    looking_on = _calls.get()
    if looking_on is not None:
        looking_on.append(made)


def service(host: str) -> str:
    """Whose host it is: Microsoft Graph's, Entra's, else the EHR's."""
    ours = {"graph": settings.GRAPH_URL, "entra": settings.ENTRA_AUTHORITY}
    return next((name for name, url in ours.items() if urlsplit(url).netloc == host), "ehr")
