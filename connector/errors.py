"""Errors of the wire. Each says what to do next; `code` names what happened for pages, logs and the trail, never a
vendor's text."""

from collections.abc import Iterator
from contextlib import contextmanager

SILENCE = {"unreachable", "no-answer-in-time", "deadline-over", "not-json", "token-answer", "keys-unavailable"}


class WireError(Exception):
    """Something another system said or failed to say. Raised as one of the four kinds below. `reason` is the OAuth
    error code of a refused token request (RFC 6749 §5.2), where it is one that we know."""

    def __init__(self, code: str, *, host: str = "", status: int | None = None, reason: str = "") -> None:
        super().__init__(code)
        self.code, self.host, self.status, self.reason = code, host, status, reason


class Retry(WireError):
    """It may work later: the other side was down, slow, busy or talked nonsense. `after` = seconds it asked us to
    wait."""

    def __init__(self, code: str, *, after: float | None = None, host: str = "", status: int | None = None) -> None:
        super().__init__(code, host=host, status=status)
        self.after = after


class Permanent(WireError):
    """It will not work by itself: somebody has to change something."""


class NeedsConsent(WireError):
    """An administrator has to grant a permission first."""


class AlreadyDone(WireError):
    """It was done before: a success for whoever asked."""


@contextmanager
def asking(service: str) -> Iterator[None]:
    """Name who failed to answer (`graph`, `entra`, `ehr`) in what is raised: on the wire all silence is alike."""
    try:
        yield
    except Retry as error:
        if error.code not in SILENCE:
            raise
        code = f"{service}-unavailable"
        raise Retry(code, after=error.after, host=error.host, status=error.status) from error
