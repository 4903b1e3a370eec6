"""Key material: wrapped in the database, unwrapped in a process that was given the key-encryption key."""

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

from django.utils import timezone

from connector.keys import wrapping
from connector.models import Key, Organization

Place = tuple[str, ...]
REMEMBERED_SECONDS = 3600  # a key that was destroyed is in no process's memory for longer


@dataclass(frozen=True)
class Material:
    """An unwrapped key: raw bytes for encryption and hashing, PEM for the asymmetric ones."""

    kid: str
    secret: bytes


def unwrap(key: Key) -> Material:
    """The material of a key row. Raises as `wrapping.unwrap` does."""
    return Material(key.kid, wrapping.unwrap(key))


def rewrap() -> int:
    """Wrap anew what is not wrapped as new keys are; returns how many keys. A key that was forgotten or changed
    meanwhile is left as it is."""
    older = [key for key in Key.objects.exclude(wrapped="") if not wrapping.is_newest(key.wrapped)]
    anew = [(key, wrapping.wrap(wrapping.scope_of(key.organization_id), key.kid, unwrap(key).secret)) for key in older]
    return sum(Key.objects.filter(pk=key.pk, wrapped=key.wrapped).update(wrapped=wrapped) for key, wrapped in anew)


def prepare(
    organization: Organization | None,
    purpose: Key.Purpose,
    secret: bytes,
    *,
    public: dict[str, Any] | None = None,
    environment: str = "",
    kid: str = "",
    not_before: datetime | None = None,
) -> Key:
    """New material as a row that is not saved yet. Its kid is random unless given; it is used from `not_before`, which
    is now unless given."""
    kid = kid or secrets.token_hex(6)
    return Key(
        organization=organization,
        purpose=purpose,
        environment=environment,
        kid=kid,
        wrapped=wrapping.wrap(wrapping.scope_of(organization and organization.pk), kid, secret),
        public=public or {},
        not_before=not_before or timezone.now(),
    )


def store(organization: Organization | None, purpose: Key.Purpose, secret: bytes, **kept: Any) -> Key:
    """Keep new material, as `prepare` makes it."""
    row = prepare(organization, purpose, secret, **kept)
    row.save(force_insert=True)
    return row


def destroy(organization: Organization) -> tuple[list[str], bool]:
    """Destroy every key of an organization: (their kids, whether beyond this database too). The rows are overwritten
    before they are deleted; older copies of them are the database's and its backups'. Raises Retry."""
    beyond = wrapping.destroy(wrapping.scope_of(organization.pk))
    kids = list(organization.keys.values_list("kid", flat=True))
    organization.keys.update(wrapped="")
    organization.keys.all().delete()
    _remembered.cache_clear()
    return kids, beyond


def by_kid(kid: str) -> Material:
    """The material of a kid. It never changes, so every process may remember it for a while."""
    return _remembered(int(time.monotonic() // REMEMBERED_SECONDS))(kid)


@lru_cache(maxsize=1)
def _remembered(_hour: int) -> Callable[[str], Material]:
    """A memory for one hour: the next one is another, and this one is gone."""
    return lru_cache(maxsize=512)(lambda kid: unwrap(Key.objects.get(kid=kid)))


@lru_cache(maxsize=64)
def of_row(row: Key) -> Material:
    """The material of a row that was read; without a second look, between which the key could be forgotten."""
    return unwrap(row)
