"""Looking on: what the calls within a block asked of whom, what came, and how long it took. For test visits alone."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass


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


def note(host: str, method: str, status: int, seconds: float) -> None:
    """Tell whoever looks on; nobody does as a rule."""
    calls = _calls.get()
    if calls is not None:
        calls.append(Call(host, method, status, round(seconds * 1000)))
