"""Without its cache the product is slower, never broken."""

import secrets
from collections.abc import Callable
from functools import partial, wraps
from typing import Any

from django.core.cache import cache
from django.db import transaction

from connector.dispensable import Dispensable

CACHE = Dispensable("cache unavailable")
STAMP, STAMP_SECONDS = "stamp:{}:{}", 86_400
ALONE, ALONE_SECONDS = "alone:{}.{}", 60  # longer than any sweep takes; after a crash it is missed for so long


def quietly(act: Callable[[], Any]) -> Any:
    """What a call to the cache returns, or None while the cache is away."""
    return CACHE.ask(act)


def counted(name: str, seconds: int, by: int = 1) -> int | None:
    """What a count comes to with this much more, of what was counted since it began; it ends by itself. None while the
    cache is away."""

    def count() -> int:
        cache.add(name, 0, seconds)
        try:
            return int(cache.incr(name, by))
        except ValueError:  # it ended between the two
            return by

    found: int | None = quietly(count)
    return found


def remembered(name: str, of: dict[str, Any], make: Callable[[], Any], seconds: int) -> Any:
    """What `make` gives, remembered for so long, or until something that it is made `of` (kind: id) is outdated.

    The stamps are read before `make` reads the database: what is made beside a change never passes for newer than it. A
    stamp that is missing is a new one, so a cache that forgets makes things again.
    """
    stamps = [STAMP.format(kind, number) for kind, number in of.items()]
    found = quietly(lambda: cache.get_many([name, *stamps]))
    if found is None:
        return make()
    now = [found.get(stamp) or _stamped(stamp) for stamp in stamps]
    stamped, value = found.get(name, (None, None))
    if stamped != now:
        value = make()
        quietly(lambda: cache.set(name, (now, value), seconds))
    return value


def alone(sweep: Callable[[], None]) -> Callable[[], None]:
    """A sweep that is left out while it still runs elsewhere: whoever hangs holds up one thread of a worker, not all.
    While the cache is away nobody can tell, and it runs; what it does may be done twice at once, as ever."""
    name = ALONE.format(sweep.__module__, sweep.__name__)

    @wraps(sweep)
    def guarded() -> None:
        if quietly(lambda: cache.add(name, True, ALONE_SECONDS)) is False:
            return
        try:
            sweep()
        finally:
            quietly(lambda: cache.delete(name))

    return guarded


def outdate(kind: str, number: object) -> None:
    """What was remembered of this holds no longer, as soon as the running transaction is committed."""
    transaction.on_commit(partial(_renew, STAMP.format(kind, number)))


def _stamped(stamp: str) -> str | None:
    """A stamp that is missing, made by whoever comes first."""
    made: str | None = quietly(lambda: cache.get_or_set(stamp, _new, STAMP_SECONDS))
    return made


def _renew(stamp: str) -> None:
    quietly(lambda: cache.set(stamp, _new(), STAMP_SECONDS))


def _new() -> str:
    return secrets.token_hex(8)
