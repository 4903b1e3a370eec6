"""The deployment's own key pairs: one signs our client assertions in each environment, to another Microsoft Graph
encrypts its notifications, the third signs checkpoints of the audit trail."""

import base64
import secrets
from datetime import datetime, timedelta
from typing import Any, cast

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import NameOID
from django.db import connection, transaction
from django.db.models import QuerySet
from django.utils import timezone
from jwt.algorithms import RSAAlgorithm

from connector import verify
from connector.crypto import base64url
from connector.ehr.smart import SigningKey
from connector.keys.material import of_row, store
from connector.models import Key

ASSERTION_ALGORITHM = "RS384"  # every Epic release takes it; elliptic curves only where a JWKS URL is registered
RSA_BITS = 2048
CERTIFICATE_LIFETIME = timedelta(days=3650)
SIGNING, NOTIFICATION, AUDIT = Key.Purpose.SIGNING, Key.Purpose.NOTIFICATION, Key.Purpose.AUDIT
COMMON_NAMES = {SIGNING: "EHR Connector client assertions", NOTIFICATION: "EHR Connector notifications"}


def signing_key(environment: str) -> SigningKey:
    """The connector's key for client assertions in an environment; made when there is none."""
    row = in_use(SIGNING, environment)
    return SigningKey(row.kid, of_row(row).secret, ASSERTION_ALGORITHM)


def published_keys(environment: str) -> list[dict[str, Any]]:
    """The public JSON Web Keys of an environment that are not retired (RFC 7517), those that sign later among them."""
    in_use(SIGNING, environment)
    return [row.public for row in usable(SIGNING, environment).order_by("not_before", "kid")]


def signing_certificate(environment: str) -> str:
    """The certificate, as PEM, of the key that signs in an environment now: for an EHR that holds it in place of the
    JWKS URL."""
    return certificate_of(in_use(SIGNING, environment))


def certificate_of(key: Key) -> str:
    """The certificate of a key pair, as PEM. A signing key without one is given one."""
    encoded = key.public.get("certificate") or next(iter(key.public.get("x5c", ())), "") or _certify(key)
    return x509.load_der_x509_certificate(base64.b64decode(encoded)).public_bytes(Encoding.PEM).decode()


def _certify(key: Key) -> str:
    with transaction.atomic():
        row = Key.objects.select_for_update().get(pk=key.pk)
        if "x5c" not in row.public:
            private = cast(RSAPrivateKey, load_pem_private_key(of_row(row).secret, None))
            row.public["x5c"] = [_certificate(private, COMMON_NAMES[SIGNING])]
            row.save(update_fields=["public"])
    return str(row.public["x5c"][0])


def notification_key() -> Key:
    """The deployment's key for new subscriptions to change notifications, made when there is none. Graph is given its
    kid and `public["certificate"]` (base64 of DER)."""
    return in_use(NOTIFICATION)


def notification_private(kid: str) -> bytes:
    """The private key, as PEM, of a notification key; an old one still opens what was sent for it, until it is
    forgotten. Raises Key.DoesNotExist."""
    return of_row(Key.objects.exclude(wrapped="").get(kid=kid, purpose=NOTIFICATION)).secret


def audit_key() -> Key:
    """The key that signs checkpoints of the audit trail now, made when there is none."""
    return in_use(AUDIT)


def audit_sign(key: Key, text: str) -> str:
    """The Ed25519 signature of a text, base64url without padding."""
    return base64url(_audit_private(key).sign(text.encode()))


def audit_keys() -> list[dict[str, Any]]:
    """The public JSON Web Key (RFC 8037) of every audit key there ever was: old checkpoints stay readable."""
    rows = Key.objects.filter(organization=None, purpose=AUDIT).order_by("not_before", "kid")
    return [row.public for row in rows]


def trusted_audit_keys() -> dict[str, str]:
    """The audit keys that we know for our own, kid to `x`: the one whose private half we hold, and those that rotations
    join to it. A row that somebody put into the database is not among them."""
    held = newest(AUDIT)
    return verify.trusted(audit_keys(), [_audit_jwk(_audit_private(held), held.kid)] if held else [])


def _audit_private(key: Key) -> Ed25519PrivateKey:
    return cast(Ed25519PrivateKey, load_pem_private_key(of_row(key).secret, None))


def _audit_jwk(private: Ed25519PrivateKey, kid: str) -> dict[str, Any]:
    x = base64url(private.public_key().public_bytes_raw())
    return {"kty": "OKP", "crv": "Ed25519", "x": x, "kid": kid, "use": "sig", "alg": "EdDSA"}


def in_use(purpose: Key.Purpose, environment: str = "") -> Key:
    """The key pair of a purpose that is used now, made when there is none."""
    if row := newest(purpose, environment):
        return row
    with transaction.atomic():
        lock(purpose, environment)
        return newest(purpose, environment) or make(purpose, environment)


def newest(purpose: Key.Purpose, environment: str = "") -> Key | None:
    """The key pair of a purpose that is used now; None before its first use."""
    return usable(purpose, environment).filter(not_before__lte=timezone.now()).order_by("-not_before").first()


def usable(purpose: Key.Purpose, environment: str = "") -> QuerySet[Key]:
    """The key pairs of a purpose that are not retired."""
    return Key.objects.filter(organization=None, purpose=purpose, environment=environment, retired=None)


def make(purpose: Key.Purpose, environment: str = "", not_before: datetime | None = None) -> Key:
    """A new key pair, used from `not_before`."""
    if purpose == AUDIT:
        return _make_audit(not_before)
    private, kid = generate_private_key(public_exponent=65537, key_size=RSA_BITS), secrets.token_hex(6)
    certificate = _certificate(private, COMMON_NAMES[purpose])
    public = _jwk(private, kid, certificate) if purpose == SIGNING else {"certificate": certificate}
    pem = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return store(None, purpose, pem, public=public, environment=environment, kid=kid, not_before=not_before)


def _make_audit(not_before: datetime | None) -> Key:
    """A new audit key; it and the one in use both sign that it follows."""
    private, kid, used = Ed25519PrivateKey.generate(), secrets.token_hex(6), newest(AUDIT)
    public = _audit_jwk(private, kid)
    if used:
        told = verify.takes_over(used.public, public).encode()
        signatures = [base64url(key.sign(told)) for key in (_audit_private(used), private)]
        public["follows"] = {"kid": used.kid, "signatures": signatures}
    pem = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return store(None, AUDIT, pem, public=public, kid=kid, not_before=not_before)


def _jwk(private: RSAPrivateKey, kid: str, certificate: str) -> dict[str, Any]:
    """The public JSON Web Key, with its certificate as RFC 7517 §4.7 has it (base64 of DER, not base64url)."""
    jwk: dict[str, Any] = RSAAlgorithm.to_jwk(private.public_key(), as_dict=True)
    named = {"kty": jwk["kty"], "n": jwk["n"], "e": jwk["e"], "kid": kid, "use": "sig", "alg": ASSERTION_ALGORITHM}
    return named | {"x5c": [certificate]}


def _certificate(private: RSAPrivateKey, common_name: str) -> str:
    """A self-signed certificate of a key, base64 of DER."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
    builder = x509.CertificateBuilder(name, name, private.public_key(), x509.random_serial_number())
    # A day early: the reader's clock may be behind ours. Its end is no expiry of the key, which is retired by rotation.
    builder = builder.not_valid_before(timezone.now() - timedelta(days=1))
    certificate = builder.not_valid_after(timezone.now() + CERTIFICATE_LIFETIME).sign(private, SHA256())
    return base64.b64encode(certificate.public_bytes(Encoding.DER)).decode()


def lock(purpose: Key.Purpose, environment: str = "") -> None:
    """Hold a lock of the database until the transaction ends: there may be no row to lock yet."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext(%s))", [f"{purpose} key {environment}"])
