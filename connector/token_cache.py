"""App-only access tokens, kept in the cache until they expire, sealed under a key that is never in the cache."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings
from django.core.cache import cache

from connector import crypto
from connector.cached import quietly

EARLY_SECONDS = 60  # renew this long before a token ends


@dataclass(frozen=True)
class Token:
    """An access token and the seconds it lives."""

    value: str
    expires_in: int


def cached(audience: str, obtain: Callable[[], Token]) -> str:
    """The cached token for an audience (any text that names client and server), else a new one. A broken cache costs a
    call."""
    name = _name(audience)
    if known := _open(name):
        return known
    token = obtain()
    kid, secret = _key()
    sealed = crypto.seal(token.value.encode(), kid=kid, secret=secret, place=("token", name))
    quietly(lambda: cache.set(name, sealed, max(1, token.expires_in - EARLY_SECONDS)))
    return token.value


def forget(audience: str) -> None:
    """Drop a token that was refused."""
    quietly(lambda: cache.delete(_name(audience)))


def _name(audience: str) -> str:
    return "token:" + hashlib.sha256(audience.encode()).hexdigest()


def _key() -> tuple[str, bytes]:
    kid, kek = next(iter(settings.KEY_ENCRYPTION_KEYS.items()))
    return kid, HKDF(SHA256(), 32, salt=None, info=b"token cache").derive(kek)


def _open(name: str) -> str:
    _, secret = _key()
    sealed = quietly(lambda: cache.get(name))
    try:
        return crypto.unseal(sealed, secret=secret, place=("token", name)).decode() if sealed else ""
    except crypto.Undecryptable:
        return ""
