"""Keys: made when first needed, wrapped at rest by a key-encryption key, found by kid, one current per purpose."""

import base64
import secrets
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache
from uuid import UUID

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone
from jwt.algorithms import RSAAlgorithm

from connector import crypto
from connector.ehr.smart import SigningKey
from connector.models import Key, Organization

ASSERTION_ALGORITHM = "RS384"  # every Epic release takes it; elliptic curves only where a JWKS URL is registered
RSA_BITS = 2048
CERTIFICATE_LIFETIME = timedelta(days=3650)

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


def store(
    organization: Organization | None,
    purpose: Key.Purpose,
    secret: bytes,
    *,
    public: dict[str, str] | None = None,
    environment: str = "",
    kid: str = "",
) -> Key:
    """Keep new material. Its kid is random unless given."""
    kid = kid or secrets.token_hex(6)
    return Key.objects.create(
        organization=organization,
        purpose=purpose,
        environment=environment,
        kid=kid,
        wrapped=wrap(kid, secret),
        public=public or {},
        not_before=timezone.now(),
    )


def current(organization_id: UUID, purpose: Key.Purpose) -> Material:
    """The organization's newest symmetric key for a purpose, made when there is none. Keys change rarely and are cached
    by kid."""
    row = _newest(organization_id, purpose)
    if row is None:
        # The organization's row is the lock: two first users make one key.
        with transaction.atomic():
            organization = Organization.objects.select_for_update().get(pk=organization_id)
            row = _newest(organization_id, purpose) or store(organization, purpose, secrets.token_bytes(32))
    return _material(row.kid)


def _newest(organization_id: UUID, purpose: Key.Purpose) -> Key | None:
    keys = Key.objects.filter(organization_id=organization_id, purpose=purpose, retired=None)
    return keys.filter(not_before__lte=timezone.now()).order_by("-not_before").first()


@lru_cache(maxsize=512)
def _material(kid: str) -> Material:
    return unwrap(Key.objects.get(kid=kid))


def encrypt(organization_id: UUID, value: str, place: Place) -> str:
    """Seal a text for (table, column, row) under the organization's field key."""
    key = current(organization_id, Key.Purpose.FIELD)
    return crypto.seal(value.encode(), kid=key.kid, secret=key.secret, place=place)


def decrypt(sealed: str, place: Place) -> str:
    """The text that `encrypt` sealed at the same place."""
    return crypto.unseal(sealed, secret=_material(crypto.kid_of(sealed)).secret, place=place).decode()


def hash_of(organization_id: UUID, value: str, place: Place) -> tuple[str, str]:
    """(hash, kid of the hash key): finds an id without keeping it."""
    key = current(organization_id, Key.Purpose.HASH)
    return crypto.keyed_hash(value, secret=key.secret, place=place), key.kid


def signing_key(environment: str) -> SigningKey:
    """The connector's newest key for client assertions in an environment; made when there is none."""
    row = _newest_of(Key.Purpose.SIGNING, environment)
    if row is None:
        with transaction.atomic():
            _lock(f"signing key {environment}")
            row = _newest_of(Key.Purpose.SIGNING, environment) or _new_signing_key(environment)
    return SigningKey(row.kid, _material(row.kid).secret, ASSERTION_ALGORITHM)


def signing_key_row(environment: str) -> Key | None:
    """The row of the key that signs in an environment now; None before its first use."""
    return _newest_of(Key.Purpose.SIGNING, environment)


def published_keys(environment: str) -> list[dict[str, str]]:
    """The public JSON Web Keys of an environment that are not retired (RFC 7517)."""
    signing_key(environment)
    rows = Key.objects.filter(purpose=Key.Purpose.SIGNING, environment=environment, retired=None)
    return [row.public for row in rows.order_by("not_before")]


def _newest_of(purpose: Key.Purpose, environment: str = "") -> Key | None:
    rows = Key.objects.filter(organization=None, purpose=purpose, environment=environment, retired=None)
    return rows.filter(not_before__lte=timezone.now()).order_by("-not_before").first()


def _new_signing_key(environment: str) -> Key:
    private = rsa.generate_private_key(public_exponent=65537, key_size=RSA_BITS)
    kid = secrets.token_hex(6)
    jwk: dict[str, str] = RSAAlgorithm.to_jwk(private.public_key(), as_dict=True)
    public = {"kty": jwk["kty"], "n": jwk["n"], "e": jwk["e"], "kid": kid, "use": "sig", "alg": ASSERTION_ALGORITHM}
    pem = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return store(None, Key.Purpose.SIGNING, pem, public=public, environment=environment, kid=kid)


def _lock(name: str) -> None:
    """Hold a lock of the database until the transaction ends, for what has no row to lock."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext(%s))", [name])


def notification_key() -> Key:
    """The deployment's newest key for change notifications, made when there is none. Graph is given its kid and
    `public["certificate"]` (base64 of DER)."""
    row = _newest_of(Key.Purpose.NOTIFICATION)
    if row is None:
        with transaction.atomic():
            _lock("notification key")
            row = _newest_of(Key.Purpose.NOTIFICATION) or _new_notification_key()
    return row


def notification_private(kid: str) -> bytes:
    """The private key, as PEM, of a notification key; retired ones still open what was sent before. Raises
    Key.DoesNotExist."""
    return _material(Key.objects.get(kid=kid, purpose=Key.Purpose.NOTIFICATION).kid).secret


def _new_notification_key() -> Key:
    private = rsa.generate_private_key(public_exponent=65537, key_size=RSA_BITS)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "EHR Connector notifications")])
    builder = x509.CertificateBuilder(name, name, private.public_key(), x509.random_serial_number())
    # A day early: Graph's clock may be behind ours. Its end is no expiry of the key, which is retired by rotation.
    builder = builder.not_valid_before(timezone.now() - timedelta(days=1))
    certificate = builder.not_valid_after(timezone.now() + CERTIFICATE_LIFETIME).sign(private, SHA256())
    public = {"certificate": base64.b64encode(certificate.public_bytes(Encoding.DER)).decode()}
    pem = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return store(None, Key.Purpose.NOTIFICATION, pem, public=public)
