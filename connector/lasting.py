"""What others publish and seldom change: kept for an hour, and for a day in case they are away."""

from collections.abc import Callable
from typing import Any

from django.core.cache import cache

from connector.cached import quietly
from connector.errors import WireError
from connector.http import Deadline

FRESH_SECONDS = 3600
STALE_SECONDS = 86_400
PATIENCE_SECONDS = 2.0  # with whom there is a copy of: the rest of the deadline belongs to other calls
AWAY_SECONDS = 60  # for which nobody asks again


def lasting(name: str, ask: Callable[[Deadline], Any], deadline: Deadline, *, anew: bool = False) -> Any:
    """The document of this name: what `ask` gave within the last hour, else what it gives now; where it fails, what it
    gave within the last day. `anew`: what it gives now, and nothing else. Raises what `ask` raises."""
    before = f"{name}:stale"
    kept = {} if anew else quietly(lambda: cache.get_many([name, before])) or {}
    if name in kept:
        return kept[name]
    try:
        found = ask(deadline.within(PATIENCE_SECONDS) if before in kept else deadline)
    except WireError:
        if before not in kept:
            raise
        quietly(lambda: cache.set(name, kept[before], AWAY_SECONDS))
        return kept[before]
    quietly(lambda: cache.set(name, found, FRESH_SECONDS))
    quietly(lambda: cache.set(before, found, STALE_SECONDS))
    return found
