"""Whether Microsoft Graph really called our notification addresses for one very subscription: their URLs carry a mark
of one use, and the addresses note it when Graph shakes hands there."""

import hashlib
import secrets

from django.core.cache import cache
from django.core.signing import BadSignature, TimestampSigner

from connector.cached import quietly

PARAMETER = "proof"
SECONDS = 600
_signer = TimestampSigner(salt="connector.handshakes")


def new_mark() -> str:
    """A mark that only Graph will learn. It is ours alone to make, so a stranger's fills no cache."""
    return _signer.sign(secrets.token_urlsafe(16))


def note(mark: str | None, kind: str) -> None:
    """Keep that the address for `event` or `lifecycle` was called with this mark. Marks of others, and none, are
    nothing."""
    if not mark:
        return
    try:
        _signer.unsign(mark, max_age=SECONDS)
    except BadSignature:
        return
    quietly(lambda: cache.set(_name(mark, kind), True, SECONDS))


def seen(mark: str, kind: str) -> bool:
    """Whether the address of this kind was called with the mark."""
    return bool(quietly(lambda: cache.get(_name(mark, kind))))


def _name(mark: str, kind: str) -> str:
    return f"handshake:{kind}:" + hashlib.sha256(mark.encode()).hexdigest()
