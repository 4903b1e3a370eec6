"""Key material: wrapped in the database, unwrapped in a process that was given the key-encryption key."""

import secrets
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

from django.conf import settings
from django.utils import timezone

from connector import crypto
from connector.models import Key, Organization

Place = tuple[str, ...]


@dataclass(frozen=True)
class Material:
    """An unwrapped key: raw bytes for encryption and hashing, PEM for the asymmetric ones."""

    kid: str
    secret: bytes


def wrap(kid: str, secret: bytes) -> str:
    """Seal key material under the newest key-encryption key, bound to the kid."""
    kek_id, kek = next(iter(settings.KEY_ENCRYPTION_KEYS.items()))
    return crypto.seal(secret, kid=kek_id, secret=kek, place=("key", kid))


def unwrap(key: Key) -> Material:
    """The material of a key row. KeyError names a key-encryption key that this process was not given."""
    kek = settings.KEY_ENCRYPTION_KEYS[crypto.kid_of(key.wrapped)]
    return Material(key.kid, crypto.unseal(key.wrapped, secret=kek, place=("key", key.kid)))


def rewrap() -> int:
    """Seal anew what an older key-encryption key sealed; returns how many keys. A key that was forgotten or changed
    meanwhile is left as it is."""
    newest = next(iter(settings.KEY_ENCRYPTION_KEYS))
    older = [key for key in Key.objects.exclude(wrapped="") if crypto.kid_of(key.wrapped) != newest]
    sealed = [(key, wrap(key.kid, unwrap(key).secret)) for key in older]
    return sum(Key.objects.filter(pk=key.pk, wrapped=key.wrapped).update(wrapped=anew) for key, anew in sealed)


def store(
    organization: Organization | None,
    purpose: Key.Purpose,
    secret: bytes,
    *,
    public: dict[str, Any] | None = None,
    environment: str = "",
    kid: str = "",
    not_before: datetime | None = None,
) -> Key:
    """Keep new material. Its kid is random unless given; it is used from `not_before`, which is now unless given."""
    kid = kid or secrets.token_hex(6)
    return Key.objects.create(
        organization=organization,
        purpose=purpose,
        environment=environment,
        kid=kid,
        wrapped=wrap(kid, secret),
        public=public or {},
        not_before=not_before or timezone.now(),
    )


@lru_cache(maxsize=512)
def by_kid(kid: str) -> Material:
    """The material of a kid. A kid's material never changes, so every process may remember it."""
    return unwrap(Key.objects.get(kid=kid))


@lru_cache(maxsize=64)
def of_row(row: Key) -> Material:
    """The material of a row that was read; without a second look, between which the key could be forgotten."""
    return unwrap(row)
