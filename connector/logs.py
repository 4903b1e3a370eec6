"""Structured logs: one JSON object a line, allow-listed keys only, so that nothing clinical or secret can slip in."""

import logging
import secrets
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

reference: ContextVar[str] = ContextVar("reference", default="")
"""The reference number of the request or task at hand: on its error page, in the log, and sent to whom we call."""
origin: ContextVar[str] = ContextVar("origin", default="")
"""Of a task: the reference number of what set it going, a request as a rule."""

FRAMES = 12
# How gunicorn begins a line that goes on with what it could not read of a request, or with its address -> our line.
OF_REQUESTS = {"Invalid request": "request not read", "Error handling": "request not served"}
ALLOWED = frozenset(
    {"event", "level", "timestamp", "logger", "reference", "code", "connection", "visit", "door", "status", "host"}
    | {"method", "seconds", "attempt", "task", "count", "kind", "region", "receipt", "subscription", "lane", "target"}
    | {"reason", "exception_type", "where", "checkpoint", "origin", "route", "call"}
    | {"_record", "_from_structlog"}  # structlog's own, taken off before the line is written
)


def new_reference() -> str:
    """A number that is short enough to be read out on the telephone."""
    return secrets.token_hex(4).upper()


def onward() -> dict[str, str]:
    """The header that puts the number into the log of whom we call: FHIR R4 (RESTful API) names it."""
    return {"X-Request-ID": reference.get()} if reference.get() else {}


@contextmanager
def step(number: int) -> Iterator[None]:
    """A reference number of its own for one of many things that a task does: what it logs and sends is told apart."""
    token = reference.set(f"{reference.get()}-{number}".lstrip("-"))
    try:
        yield
    finally:
        reference.reset(token)


def keep_allowed(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """Drop every key that is not on the list, add the reference numbers."""
    kept = {key: value for key, value in event.items() if key in ALLOWED}
    numbers = {"reference": reference.get(), "origin": origin.get()}
    return kept | {name: number for name, number in numbers.items() if number}


def quiet_celery(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """Celery writes the message of a task's error into its own line; the error's type and place say enough."""
    if event.get("logger") == "celery.app.trace":
        event["event"] = "task failed"
    return event


def quiet_gunicorn(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """Of a request that gunicorn could not read or serve, that alone."""
    if event.get("logger") == "gunicorn.error":
        said = str(event["event"]).split("\n", 1)[0]  # what follows is a stack trace
        event["event"] = next((ours for theirs, ours in OF_REQUESTS.items() if said.startswith(theirs)), said)
    return event


def name_the_warning(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """Python warns as `file:line: Class: text`, and the text may hold what it warns of."""
    if event.get("logger") == "py.warnings":
        place, kind, *_rest = [*str(event["event"]).split(": ", 2), ""]
        event.update(event="warning", where=[place], exception_type=kind)
    return event


def name_the_error(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """Replace a traceback by the error's type and the places it passed: messages and locals may hold what must not be
    kept."""
    if info := event.pop("exc_info", None):
        kind, _error, trace = info if isinstance(info, tuple) else sys.exc_info()
        event["exception_type"] = kind.__name__ if kind else ""
        event["where"] = [f"{frame.filename}:{frame.lineno}" for frame in traceback.extract_tb(trace)[-FRAMES:]]
    return event


def name_the_refusal(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """Django's words for a request that it refuses hold what it refuses: a Host header, a file's name. Its class
    says enough (DisallowedHost: the name is not in PUBLIC_URL or NOTIFICATION_URL)."""
    if (logger := str(event.get("logger", ""))).startswith("django.security."):
        event["event"], event["code"] = "request refused", logger.rpartition(".")[2]
    return event


SHARED: list[Processor] = [
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.stdlib.ExtraAdder(),
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    quiet_celery,
    quiet_gunicorn,
    name_the_warning,
    name_the_refusal,
    name_the_error,
    keep_allowed,
]


def handler() -> logging.Handler:
    """Writes lines to standard error as JSON."""
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=SHARED,
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, structlog.processors.JSONRenderer()],
    )
    made = logging.StreamHandler(sys.stderr)
    made.setFormatter(formatter)
    return made


def configure(options: dict[str, str]) -> None:
    """Send every logger's lines to standard error as JSON. `options["level"]` is the lowest level written."""
    logging.root.handlers = [handler()]
    logging.root.setLevel(options["level"])
    logging.captureWarnings(True)
    # Several lines a second of tasks that were sent, received and done: metrics count them.
    logging.getLogger("celery").setLevel(max(logging.WARNING, logging.root.level))
    # The log is where checkpoints of the audit trail are out of the database's reach: written at every level.
    logging.getLogger("connector.trail.checkpoints").setLevel(logging.INFO)
    # Libraries that would write addresses with codes and tokens in them. A form without its token is a line of ours.
    for noisy in ("urllib3", "requests", "fhirclient", "mozilla_django_oidc", "django.request", "django.security.csrf"):
        logging.getLogger(noisy).setLevel(logging.CRITICAL)
