"""Keys in PostgreSQL: made once, wrapped, found again after the key that wraps them has changed."""

import uuid
from base64 import b64encode
from datetime import timedelta

import pytest
from django.utils import timezone
from pytest_django import Settings

from connector import crypto, keys
from connector.models import Key, Organization
from tests.connector.races import at_once

OLD, NEW = {"old": bytes(range(32))}, {"new": bytes(range(32, 64))}
PLACE = ("participant", "external_id", "1")


@pytest.fixture
def organization(db: None) -> Organization:
    return Organization.objects.create(tid=uuid.uuid4(), region="amer")


@pytest.mark.django_db(transaction=True)
def test_first_users_at_once_make_one_key() -> None:
    organization = Organization.objects.create(tid=uuid.uuid4(), region="amer")
    used = at_once(organization.id, lambda: keys.current(organization.id, Key.Purpose.FIELD).kid)
    assert set(used) == set(Key.objects.values_list("kid", flat=True))
    assert len(set(used)) == 1


def test_each_organization_and_purpose_has_a_key_of_its_own(organization: Organization) -> None:
    other = Organization.objects.create(tid=uuid.uuid4(), region="amer")
    pairs = [(one.id, purpose) for one in (organization, other) for purpose in (Key.Purpose.FIELD, Key.Purpose.HASH)]
    assert len({keys.current(*pair).secret for pair in pairs}) == 4
    assert [keys.current(*pair).kid for pair in pairs] == [keys.current(*pair).kid for pair in pairs]


def test_a_key_at_rest_does_not_show_its_secret(organization: Organization) -> None:
    row = keys.store(organization, Key.Purpose.SECRET, b"a client secret that an EHR gave out")
    row.refresh_from_db()
    for form in (b"client secret", b64encode(b"a client secret that an EHR"), b"a client secret".hex().encode()):
        assert form not in row.wrapped.encode()
    assert keys.unwrap(row).secret == b"a client secret that an EHR gave out"


def test_an_old_key_is_unwrapped_after_the_wrapping_key_has_changed(
    organization: Organization, settings: Settings
) -> None:
    settings.KEY_ENCRYPTION_KEYS = OLD
    before = keys.store(organization, Key.Purpose.FIELD, b"1" * 32)
    settings.KEY_ENCRYPTION_KEYS = NEW | OLD
    after = keys.store(organization, Key.Purpose.FIELD, b"2" * 32)
    assert [crypto.kid_of(key.wrapped) for key in (before, after)] == ["old", "new"]
    assert [keys.unwrap(key).secret for key in (before, after)] == [b"1" * 32, b"2" * 32]


def test_a_wrapping_key_that_this_process_was_not_given_is_named(
    organization: Organization, settings: Settings
) -> None:
    settings.KEY_ENCRYPTION_KEYS = OLD
    row = keys.store(organization, Key.Purpose.FIELD, b"1" * 32)
    settings.KEY_ENCRYPTION_KEYS = NEW
    with pytest.raises(KeyError, match="old"):
        keys.unwrap(row)


def test_wrapped_material_cannot_be_moved_to_another_key(organization: Organization) -> None:
    one, other = (keys.store(organization, Key.Purpose.FIELD, secret * 32) for secret in (b"1", b"2"))
    one.wrapped = other.wrapped
    with pytest.raises(crypto.Undecryptable):
        keys.unwrap(one)


def test_a_newer_key_seals_and_the_older_one_still_opens(organization: Organization) -> None:
    sealed = keys.encrypt(organization.id, " 165790", PLACE)
    newer = keys.store(organization, Key.Purpose.FIELD, b"n" * 32)
    assert crypto.kid_of(keys.encrypt(organization.id, " 165790", PLACE)) == newer.kid != crypto.kid_of(sealed)
    assert keys.decrypt(sealed, PLACE) == " 165790"


def test_a_retired_key_and_one_of_tomorrow_seal_nothing(organization: Organization) -> None:
    kid = keys.current(organization.id, Key.Purpose.FIELD).kid
    keys.store(organization, Key.Purpose.FIELD, b"r" * 32)
    Key.objects.exclude(kid=kid).update(retired=timezone.now())
    tomorrow = keys.store(organization, Key.Purpose.FIELD, b"t" * 32)
    Key.objects.filter(kid=tomorrow.kid).update(not_before=timezone.now() + timedelta(days=1))
    assert keys.current(organization.id, Key.Purpose.FIELD).kid == kid


def test_a_hash_names_its_key_and_finds_the_value_again(organization: Organization) -> None:
    first, again = (keys.hash_of(organization.id, "e63wRTbP", ("visit", "session")) for _ in range(2))
    assert first == again
    assert first[1] == keys.current(organization.id, Key.Purpose.HASH).kid
    other = Organization.objects.create(tid=uuid.uuid4(), region="amer")
    assert keys.hash_of(other.id, "e63wRTbP", ("visit", "session"))[0] != first[0]
