"""Authenticated encryption of single values and keyed hashes. Knows keys as bytes, not where they are kept
(connector.keys)."""

import base64
import hashlib
import hmac
import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

VERSION = "v1"
NONCE_BYTES = 12


class Undecryptable(Exception):
    """The text was not sealed with this key for this place."""


def base64url(data: bytes) -> str:
    """Base64url without padding (RFC 7515 §2), as tokens and keys are written."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _decode(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def bind(place: tuple[str, ...]) -> bytes:
    """The additional data that ties a ciphertext to its place, such as (table, column, row)."""
    return "\x1f".join(place).encode()


def seal(plain: bytes, *, kid: str, secret: bytes, place: tuple[str, ...]) -> str:
    """`v1.kid.nonce.ciphertext` (AES-256-GCM, base64url without padding), good only at `place`."""
    nonce = os.urandom(NONCE_BYTES)
    sealed = AESGCM(secret).encrypt(nonce, plain, bind(place))
    return f"{VERSION}.{kid}.{base64url(nonce)}.{base64url(sealed)}"


def kid_of(text: str) -> str:
    """Which key sealed the text."""
    parts = text.split(".")
    if len(parts) != 4 or parts[0] != VERSION:
        raise Undecryptable("unknown format")
    return parts[1]


def unseal(text: str, *, secret: bytes, place: tuple[str, ...]) -> bytes:
    """The plain bytes; raises Undecryptable for another key, another place or a changed text."""
    kid_of(text)
    _, _, nonce, sealed = text.split(".")
    try:
        return AESGCM(secret).decrypt(_decode(nonce), _decode(sealed), bind(place))
    except (InvalidTag, ValueError) as error:
        raise Undecryptable("wrong key, wrong place or changed text") from error


def keyed_hash(value: str, *, secret: bytes, place: tuple[str, ...]) -> str:
    """HMAC-SHA256 as hex: finds a value without keeping it. The same value hashes differently at another place."""
    return hmac.new(secret, bind((*place, value)), hashlib.sha256).hexdigest()
