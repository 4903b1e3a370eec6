"""The encrypted, signed content of a rich notification, and the two spellings its members come in."""

import base64
import hashlib
import hmac
import json
import os
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, padding
from cryptography.hazmat.primitives.asymmetric import padding as rsa_padding
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from sandbox.store import Document

# Graph wraps the key with OAEP over SHA-1 and names certificates by their SHA-1: both are its format, not a choice.
SHA1 = hashes.SHA1()  # noqa: S303
OAEP = rsa_padding.OAEP(mgf=rsa_padding.MGF1(SHA1), algorithm=SHA1, label=None)


def certificate_of(text: str) -> tuple[x509.Certificate, RSAPublicKey]:
    """The certificate in base64 of DER, and its RSA key of 2048 to 4096 bits. Raises ValueError."""
    certificate = x509.load_der_x509_certificate(base64.b64decode(text, validate=True))
    key = certificate.public_key()
    if not isinstance(key, RSAPublicKey) or not 2048 <= key.key_size <= 4096:
        raise ValueError("the certificate needs an RSA key of 2048 to 4096 bits")
    return certificate, key


def encrypted_content(payload: Document, certificate_text: str, certificate_id: str) -> Document:
    """The `encryptedContent` of a notification item: AES-256-CBC under a fresh key for the subscriber."""
    certificate, public_key = certificate_of(certificate_text)
    key = os.urandom(32)
    data = encrypted(json.dumps(payload).encode(), key)
    return {
        "data": text(data),
        "dataSignature": text(hmac.digest(key, data, hashlib.sha256)),
        "dataKey": text(public_key.encrypt(key, OAEP)),
        "encryptionCertificateId": certificate_id,
        "encryptionCertificateThumbprint": certificate.fingerprint(SHA1).hex().upper(),
    }


def encrypted(plain: bytes, key: bytes) -> bytes:
    padder = padding.PKCS7(128).padder()
    encryptor = Cipher(algorithms.AES256(key), modes.CBC(key[:16])).encryptor()
    return encryptor.update(padder.update(plain) + padder.finalize()) + encryptor.finalize()


def text(octets: bytes) -> str:
    return base64.b64encode(octets).decode()


def pascal_case(value: Any) -> Any:
    """The same document with every member's first letter in capitals; annotations such as @odata.id stay."""
    if isinstance(value, dict):
        return {name[:1].upper() + name[1:]: pascal_case(inner) for name, inner in value.items()}
    return [pascal_case(inner) for inner in value] if isinstance(value, list) else value
