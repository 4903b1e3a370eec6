"""What a call has and gives: one deadline, and an answer that was read whole."""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any

from django.utils import timezone

from connector.errors import Retry

LONGEST_WAIT = 86_400.0  # nobody is asked to wait longer, whatever Retry-After says


@dataclass(frozen=True)
class Deadline:
    """One point in time that all calls made for one request share."""

    at: float

    @classmethod
    def after(cls, seconds: float) -> "Deadline":
        return cls(time.monotonic() + seconds)

    def remaining(self) -> float:
        """Seconds left; raises Retry when none are."""
        left = self.at - time.monotonic()
        if left <= 0:
            raise Retry("deadline-over")
        return left

    def within(self, seconds: float) -> "Deadline":
        """This one, or so many seconds from now where that is sooner."""
        return Deadline(min(self.at, time.monotonic() + seconds))


def keepable(value: Any) -> Any:
    """A JSON value with texts that can be kept and sent on. JSON can name NUL, which PostgreSQL does not take, and
    halves of characters (a name that was cut off), which UTF-8 does not: each becomes U+FFFD."""
    if isinstance(value, str):
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace").replace("\0", "\ufffd")
    if isinstance(value, dict):
        return {keepable(name): keepable(inner) for name, inner in value.items()}
    return [keepable(inner) for inner in value] if isinstance(value, list) else value


@dataclass(frozen=True)
class Answer:
    """What came back: a status, lower-case header names, a body that was read whole."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    host: str

    @property
    def ok(self) -> bool:
        return 200 <= self.status < 300

    def json(self) -> dict[str, Any]:
        """The body as a JSON object; Retry when it is none (a login page, half an answer)."""
        try:
            document = json.loads(self.body)
            document = keepable(document) if b"\\u" in self.body else document
        except (ValueError, RecursionError):
            document = None
        if not isinstance(document, dict):
            raise Retry("not-json", host=self.host, status=self.status)
        return document

    def json_or_empty(self) -> dict[str, Any]:
        """The body as a JSON object, or an empty one where the sender sent something else: for reading errors."""
        try:
            return self.json()
        except Retry:
            return {}

    def retry_after(self) -> float | None:
        """Seconds named by Retry-After, given as seconds or as a date (RFC 9110 §10.2.3)."""
        value = self.headers.get("retry-after", "")
        try:
            seconds = (
                float(value) if value.isdecimal() else (parsedate_to_datetime(value) - timezone.now()).total_seconds()
            )
        except (ValueError, TypeError, OverflowError):
            return None
        return min(max(0.0, seconds), LONGEST_WAIT)
