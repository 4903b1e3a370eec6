"""Each organization's own keys: what they seal and hash in the database, and what takes their place.

A new field key seals from then on, and what older ones sealed is still opened until it is sealed anew. What was hashed
is not kept, so a new hash key hashes the hash: rows of before are brought over by what they hold, and nobody needs the
value again.
"""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from itertools import pairwise
from uuid import UUID

from django.db import connection, transaction
from django.db.models import QuerySet
from django.db.models.functions import Now
from django.utils import timezone

from connector import crypto
from connector.keys.material import Material, Place, by_kid, prepare, store
from connector.models import Key, Organization

FIELD, HASH = Key.Purpose.FIELD, Key.Purpose.HASH
AGAIN: Place = ("hash", "again")
KEY_BYTES = 32
# What is sealed for minutes only is not sealed anew: the verifier of a launch, a name until it is confirmed.
SEALED_FOR = timedelta(days=1)


def current(organization_id: UUID, purpose: Key.Purpose) -> Material:
    """The organization's newest symmetric key for a purpose, made when there is none. Keys change rarely and are cached
    by kid."""
    begun = _made(organization_id, purpose).filter(not_before__lte=timezone.now())
    return by_kid(begun.values_list("kid", flat=True).last() or _first(organization_id, purpose))


def _made(organization_id: UUID, purpose: Key.Purpose) -> QuerySet[Key]:
    """The keys of a purpose that are not retired, the oldest first."""
    keys = Key.objects.filter(organization_id=organization_id, purpose=purpose, retired=None)
    return keys.order_by("not_before")


def _first(organization_id: UUID, purpose: Key.Purpose) -> str:
    """The first key of a purpose, unless somebody else has made it: the organization's row is the lock. What wraps it
    is asked before."""
    made = prepare(Organization.objects.get(pk=organization_id), purpose, secrets.token_bytes(KEY_BYTES))
    with transaction.atomic():
        Organization.objects.select_for_update().get(pk=organization_id)
        row = _made(organization_id, purpose).first()
        if row is None:
            made.save(force_insert=True)
    return (row or made).kid


def encrypt(organization_id: UUID, value: str, place: Place) -> str:
    """Seal a text for (table, column, row) under the organization's field key."""
    key = current(organization_id, FIELD)
    return crypto.seal(value.encode(), kid=key.kid, secret=key.secret, place=place)


def decrypt(sealed: str, place: Place) -> str:
    """The text that `encrypt` sealed at the same place."""
    return crypto.unseal(sealed, secret=by_kid(crypto.kid_of(sealed)).secret, place=place).decode()


def hash_of(organization_id: UUID, value: str, place: Place, *, since: datetime | None = None) -> tuple[str, str]:
    """(hash, kid of the newest hash key): finds an id without keeping it. With `since`, as it was hashed then: for what
    is compared within one visit alone and is not brought over."""
    made = list(_made(organization_id, HASH).values_list("kid", "not_before"))
    kids = [kid for kid, begun in made if since is None or begun <= since] or [kid for kid, _begun in made[:1]]
    first, *later = kids or [_first(organization_id, HASH)]
    hashed = crypto.keyed_hash(value, secret=by_kid(first).secret, place=place)
    for kid in later:
        hashed = hash_again(hashed, kid)
    return hashed, (made[-1][0] if made else first)


def hash_again(hashed: str, kid: str) -> str:
    """The hash of a hash, by the key that came after."""
    return crypto.keyed_hash(hashed, secret=by_kid(kid).secret, place=AGAIN)


@contextmanager
def hashing(organization_id: UUID) -> Iterator[None]:
    """A transaction in which a hash that was made may be written: no key takes over meanwhile."""
    with transaction.atomic():
        _lock(organization_id, "pg_advisory_xact_lock_shared")
        yield


def _lock(organization_id: UUID, function: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {function}(hashtext(%s))", [f"hash keys {organization_id}"])


def follow_field(organization: Organization) -> Key:
    """A new field key, which seals from now on."""
    return store(organization, FIELD, secrets.token_bytes(KEY_BYTES))


@contextmanager
def follow_hash(organization: Organization) -> Iterator[Key]:
    """A new hash key. In the block, rows are brought over; while it runs nobody else hashes what he will write, and
    when it ends key and rows are seen together."""
    current(organization.pk, HASH)
    key = prepare(organization, HASH, secrets.token_bytes(KEY_BYTES))
    with transaction.atomic():
        _lock(organization.pk, "pg_advisory_xact_lock")
        key.save(force_insert=True)
        Key.objects.filter(pk=key.pk).update(not_before=Now())  # the clock that visits are created by
        yield key


def forget_field(organization: Organization) -> int:
    """Retire and forget the field keys that another followed a day ago; returns how many. Nothing that lasts may be
    sealed by them any more."""
    made = list(_made(organization.pk, FIELD))
    over = timezone.now() - SEALED_FOR
    gone = [key for key, after in pairwise(made) if after.not_before < over]
    for key in gone:
        key.retired, key.wrapped = timezone.now(), ""
        key.save(update_fields=["retired", "wrapped"])
    return len(gone)
