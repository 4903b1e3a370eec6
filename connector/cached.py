"""Without its cache the product is slower, never broken."""

import logging
from collections.abc import Callable
from typing import Any

from redis.exceptions import RedisError

log = logging.getLogger(__name__)


def quietly(act: Callable[[], Any]) -> Any:
    """What a call to the cache returns, or None while the cache is away."""
    try:
        return act()
    except (RedisError, OSError):
        log.warning("cache unavailable")
        return None
