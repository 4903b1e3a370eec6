"""Servers that the product does without while they are away: pages are slower then, or others later, nobody is stopped.

One that says nothing costs whoever asks it his time. After a wait in vain nobody in this process asks it for some
seconds; then one does, for all.
"""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from kombu.exceptions import KombuError
from redis.exceptions import RedisError

log = logging.getLogger(__name__)

T = TypeVar("T")
AWAY = (KombuError, RedisError, OSError)
IN_VAIN = 0.5  # seconds: a server that refuses does so at once
REST_SECONDS = 10.0


@dataclass
class Dispensable:
    """`unavailable`: the line of the log that says so."""

    unavailable: str
    rest: float = REST_SECONDS
    _until: float = 0.0

    def ask(self, act: Callable[[], T]) -> T | None:
        """What it answers, or None while it is away."""
        began = time.monotonic()
        if began < self._until:
            return None
        if self._until:
            self._until = began + self.rest  # the others need not wait to learn whether it is back
        try:
            found = act()
        except AWAY:
            ended = time.monotonic()
            self._until = ended + self.rest if ended - began > IN_VAIN else 0.0
            log.warning(self.unavailable)
            return None
        self._until = 0.0
        return found
