"""Each organization's own keys: what they seal and hash in the database."""

import secrets
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from connector import crypto
from connector.keys.material import Material, Place, by_kid, prepare
from connector.models import Key, Organization


def current(organization_id: UUID, purpose: Key.Purpose) -> Material:
    """The organization's newest symmetric key for a purpose, made when there is none. Keys change rarely and are cached
    by kid."""
    row = _newest(organization_id, purpose)
    if row is None:
        organization = Organization.objects.get(pk=organization_id)
        row = _first(organization, prepare(organization, purpose, secrets.token_bytes(32)))
    return by_kid(row.kid)


@transaction.atomic
def _first(organization: Organization, made: Key) -> Key:
    """Keep a first key, unless somebody else has: the organization's row is the lock. What wraps it was asked
    before."""
    Organization.objects.select_for_update().get(pk=organization.pk)
    row = _newest(organization.pk, Key.Purpose(made.purpose))
    if row is None:
        made.save(force_insert=True)
    return row or made


def _newest(organization_id: UUID, purpose: Key.Purpose) -> Key | None:
    keys = Key.objects.filter(organization_id=organization_id, purpose=purpose, retired=None)
    return keys.filter(not_before__lte=timezone.now()).order_by("-not_before").first()


def encrypt(organization_id: UUID, value: str, place: Place) -> str:
    """Seal a text for (table, column, row) under the organization's field key."""
    key = current(organization_id, Key.Purpose.FIELD)
    return crypto.seal(value.encode(), kid=key.kid, secret=key.secret, place=place)


def decrypt(sealed: str, place: Place) -> str:
    """The text that `encrypt` sealed at the same place."""
    return crypto.unseal(sealed, secret=by_kid(crypto.kid_of(sealed)).secret, place=place).decode()


def hash_of(organization_id: UUID, value: str, place: Place) -> tuple[str, str]:
    """(hash, kid of the hash key): finds an id without keeping it."""
    key = current(organization_id, Key.Purpose.HASH)
    return crypto.keyed_hash(value, secret=key.secret, place=place), key.kid
