"""A house over https: a certificate authority made for one run, and one certificate for all its servers."""

import hashlib
from base64 import b64encode
from dataclasses import dataclass
from pathlib import Path

import trustme
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from sandbox.launcher.place import private_file

HOSTS = ("localhost", "127.0.0.1")  # the stand-ins and the connector: two sites to a browser


@dataclass(frozen=True)
class Papers:
    """Files of one run: `authority` for whoever asks, `chain` and `key` for whoever answers. `fingerprint` names the
    servers' public key as Chromium wants it (base64 of the SHA-256 of its SubjectPublicKeyInfo)."""

    authority: Path
    chain: Path
    key: Path
    fingerprint: str


def issue(folder: Path) -> Papers:
    """Make an authority and the certificate that it gives to every server of the house."""
    authority = trustme.CA()
    issued = authority.issue_cert(*HOSTS)
    chain = b"".join(blob.bytes() for blob in issued.cert_chain_pems)
    return Papers(
        private_file(folder / "authority.pem", authority.cert_pem.bytes().decode()),
        private_file(folder / "servers.pem", chain.decode()),
        private_file(folder / "servers.key", issued.private_key_pem.bytes().decode()),
        fingerprint_of(chain),
    )


def fingerprint_of(chain: bytes) -> str:
    """The name of a certificate's public key: the first one's of a chain in PEM."""
    public = x509.load_pem_x509_certificate(chain).public_key()
    return b64encode(
        hashlib.sha256(public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).digest()
    ).decode()


def trusting(papers: Papers) -> dict[str, str]:
    """What tells every process of the house whom to trust, and the stand-ins what to show."""
    return {
        "OUTGOING_CA_FILE": str(papers.authority),
        "REQUESTS_CA_BUNDLE": str(papers.authority),  # what requests reads; the next, OpenSSL
        "SSL_CERT_FILE": str(papers.authority),
        "SANDBOX_TLS_CHAIN": str(papers.chain),
        "SANDBOX_TLS_KEY": str(papers.key),
    }
