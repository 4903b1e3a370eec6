"""Keys wrapped by the operator's own program, in the place of a key-encryption key."""

import sys
from pathlib import Path

import pytest
from pytest_django import Settings

from connector import keys
from connector.errors import Retry
from connector.keys import wrapping
from connector.models import Key, Organization
from tests.connector import key_service
from tests.visits import factories

PLACE = ("participant", "external_id", "1")


@pytest.fixture
def organization(db: None) -> Organization:
    return factories.organization()


@pytest.fixture
def service(settings: Settings, tmp_path: Path) -> Path:
    """The folder of a service that runs as a program of its own."""
    settings.KEY_WRAPPING_COMMAND = f"{sys.executable} {key_service.__file__} {tmp_path}"
    return tmp_path


def test_the_service_wraps_an_organizations_keys_and_opens_them_again(
    organization: Organization, service: Path
) -> None:
    sealed = keys.encrypt(organization.pk, "165790", PLACE)
    row = Key.objects.get()
    assert row.wrapped.startswith(wrapping.BY_COMMAND)
    assert (service / str(organization.pk)).exists()
    assert keys.unwrap(row).secret == keys.current(organization.pk, Key.Purpose.FIELD).secret
    assert keys.decrypt(sealed, PLACE) == "165790"


def test_the_deployments_own_keys_have_a_scope_of_their_own(db: None, service: Path) -> None:
    assert b"PRIVATE KEY" in keys.unwrap(Key.objects.get(kid=keys.signing_key("testing").kid)).secret
    assert [one.name for one in service.iterdir()] == [wrapping.DEPLOYMENT]


def test_a_key_that_was_wrapped_before_there_was_a_service_is_still_opened(
    organization: Organization, settings: Settings, tmp_path: Path
) -> None:
    before = keys.store(organization, Key.Purpose.SECRET, b"a secret")
    settings.KEY_WRAPPING_COMMAND = f"{sys.executable} {key_service.__file__} {tmp_path}"
    assert keys.unwrap(before).secret == b"a secret"


def test_what_the_service_has_destroyed_opens_no_copy_of_a_row(organization: Organization, service: Path) -> None:
    row, other = keys.store(organization, Key.Purpose.FIELD, b"1" * 32), factories.organization()
    kept = keys.store(other, Key.Purpose.FIELD, b"2" * 32)
    assert wrapping.destroy(str(organization.pk)) is True
    with pytest.raises(Retry):
        keys.unwrap(row)
    assert keys.unwrap(kept).secret == b"2" * 32


@pytest.mark.parametrize("command", ["/nowhere/at/all", "false", "sleep 30"])
def test_a_service_that_fails_or_hangs_is_asked_again_later(
    organization: Organization, settings: Settings, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    monkeypatch.setattr(wrapping, "SECONDS", 0.3)
    settings.KEY_WRAPPING_COMMAND = command
    with pytest.raises(Retry, match="key-service-unavailable"):
        keys.encrypt(organization.pk, "165790", PLACE)
    assert not Key.objects.exists()


def test_without_a_service_nothing_but_the_rows_can_be_destroyed(organization: Organization) -> None:
    assert wrapping.destroy(str(organization.pk)) is False
