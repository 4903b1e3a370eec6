"""Whether this process was told to stop: then it begins nothing that somebody else can begin later."""

import signal
import threading
from types import FrameType

_begun = threading.Event()


def begin() -> None:
    """What runs goes on to its end; nothing new is begun."""
    _begun.set()


def begun() -> bool:
    return _begun.is_set()


def on_sigterm() -> None:
    """Notice SIGTERM, and leave it to whoever dealt with it before: the server finishes its requests."""
    served = signal.getsignal(signal.SIGTERM)

    def stop(number: int, frame: FrameType | None) -> None:
        begin()
        if callable(served):
            served(number, frame)

    if callable(served) and threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, stop)
