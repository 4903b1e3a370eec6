"""What is in a notification, encrypted for a key of ours."""

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from django.utils import timezone

from connector import keys as connector_keys
from connector.errors import Permanent
from connector.models import Key
from connector.teams import notifications
from tests.connector.test_notifications.openssl import run
from tests.publisher import new_key


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a private and a public key, made by openssl."""
    folder = tmp_path_factory.mktemp("keys")
    run(folder, "openssl genpkey -quiet -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out private.pem")
    run(folder, "openssl pkey -in private.pem -pubout -out public.pem")
    return folder


def sealed(keys: Path, plain: bytes, secret_bytes: int = 32) -> dict[str, str]:
    """What openssl's own commands make of a text by Graph's recipe."""
    secret = run(keys, f"openssl rand {secret_bytes}")
    data = run(keys, f"openssl enc -aes-{8 * secret_bytes}-cbc -K {secret.hex()} -iv {secret[:16].hex()}", plain)
    signature = run(keys, f"openssl dgst -sha256 -mac HMAC -macopt hexkey:{secret.hex()} -binary", data)
    oaep = "-pkeyopt rsa_padding_mode:oaep -pkeyopt rsa_oaep_md:sha1 -pkeyopt rsa_mgf1_md:sha1"
    wrapped = run(keys, f"openssl pkeyutl -encrypt -pubin -inkey public.pem {oaep}", secret)
    parts = {"data": data, "dataSignature": signature, "dataKey": wrapped}
    return {name: base64.b64encode(octets).decode() for name, octets in parts.items()}


def opened(keys: Path, content: object) -> dict[str, Any]:
    return notifications.decrypt(content, (keys / "private.pem").read_bytes())


def test_what_openssl_encrypts_is_decrypted(keys: Path) -> None:
    document = {"eventType": "callStarted", "subject": "Überweisung 你好"}
    content = sealed(keys, json.dumps(document, ensure_ascii=False).encode())
    assert opened(keys, content) == document
    assert opened(keys, {name[:1].upper() + name[1:]: value for name, value in content.items()}) == document


def test_changed_content_is_refused_before_it_is_decrypted(keys: Path) -> None:
    content = sealed(keys, b"{}")
    other = sealed(keys, b'{"eventType": "callEnded"}')
    for name in ("data", "dataSignature"):
        with pytest.raises(Permanent, match="notification-signature"):
            opened(keys, content | {name: other[name]})


def test_content_for_another_key_is_refused(keys: Path) -> None:
    foreign = new_key().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    with pytest.raises(Permanent, match="notification-key"):
        notifications.decrypt(sealed(keys, b"{}"), foreign)
    with pytest.raises(Permanent, match="notification-key"):
        opened(keys, sealed(keys, b"{}") | {"dataKey": ""})


def test_a_key_of_another_length_than_graphs_is_refused(keys: Path) -> None:
    with pytest.raises(Permanent, match="notification-key"):
        opened(keys, sealed(keys, b"{}", secret_bytes=16))


@pytest.mark.parametrize("plain", [b"", b"[]", b"half a {", b"\xff\xfe", b"[" * 200_000])
def test_content_that_is_no_json_object_is_refused(keys: Path, plain: bytes) -> None:
    content = sealed(keys, plain)
    with pytest.raises(Permanent, match="notification-content"):
        opened(keys, content)


@pytest.mark.parametrize("junk", [None, [], {}, {"data": 7}, {"data": "not base64!"}, {"data": "é"}])
def test_content_that_is_none_is_refused(keys: Path, junk: object) -> None:
    with pytest.raises(Permanent):
        opened(keys, junk)


@pytest.mark.django_db
def test_the_notification_key_is_made_once_with_a_certificate_that_openssl_reads(tmp_path: Path) -> None:
    made = connector_keys.notification_key()
    assert connector_keys.notification_key() == made
    (tmp_path / "certificate.der").write_bytes(base64.b64decode(made.public["certificate"], validate=True))
    (tmp_path / "private.pem").write_bytes(connector_keys.notification_private(made.kid))
    of_certificate = run(tmp_path, "openssl x509 -inform DER -in certificate.der -noout -pubkey")
    assert of_certificate == run(tmp_path, "openssl pkey -in private.pem -pubout")
    assert b"Public-Key: (2048 bit)" in run(tmp_path, "openssl pkey -pubin -noout -text", of_certificate)
    run(tmp_path, "openssl x509 -inform DER -in certificate.der -out certificate.pem")
    run(tmp_path, "openssl verify -CAfile certificate.pem certificate.pem")


@pytest.mark.django_db
def test_a_retired_notification_key_is_replaced_and_still_found() -> None:
    old = connector_keys.notification_key()
    Key.objects.filter(pk=old.pk).update(retired=timezone.now())
    assert connector_keys.notification_key() != old
    assert connector_keys.notification_private(old.kid).startswith(b"-----BEGIN")


@pytest.mark.django_db
def test_keys_of_other_purposes_are_no_notification_keys() -> None:
    with pytest.raises(Key.DoesNotExist):
        connector_keys.notification_private(connector_keys.signing_key("testing").kid)
