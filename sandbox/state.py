"""The tables of the running stand-in, and time as Microsoft writes it."""

from datetime import UTC, datetime, timedelta
from typing import cast

from flask import current_app

from sandbox.store import Store, Table


def store() -> Store:
    """The store of the app which answers this request."""
    return cast(Store, current_app.extensions["store"])


def table(kind: str) -> Table:
    """One table of that store."""
    return store().table(kind)


_clock = {"ahead": timedelta(0)}  # of this process, until it is set right or ends


def set_clock(seconds: float) -> None:
    """Let the stand-in's clock be so many seconds ahead; behind, where they are negative."""
    _clock["ahead"] = timedelta(seconds=seconds)


def now() -> datetime:
    """This moment by the stand-in's clock, in UTC."""
    return datetime.now(UTC) + _clock["ahead"]


def stamp(moment: datetime) -> str:
    """A moment with seven decimals, as .NET services write it."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f0Z")


def moment(text: str) -> datetime:
    """The moment a text names, UTC when it names no zone. Raises ValueError."""
    parsed = datetime.fromisoformat(text)
    return parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)
