"""A TLS handshake for looking at: which protocol a host speaks, until when its certificate is good, and what is wrong
with it. Nothing is sent over the connection."""

import socket
import ssl
from dataclasses import dataclass
from datetime import UTC, datetime

from cryptography import x509
from cryptography.x509.oid import ExtensionOID, NameOID

from connector.errors import Permanent, Retry
from connector.http import Deadline, is_allow_listed, resolve, trusted

# OpenSSL's X509_V_ERR_… (openssl-verification-options(1)): what a person has to mend.
UNTRUSTED = {
    9: "not-yet",
    10: "expired",
    18: "self-signed",
    19: "authority",
    20: "chain",
    21: "chain",
    62: "host",
    64: "host",
}
REFUSED = {
    "NO_PROTOCOLS_AVAILABLE": "version",
    "TLSV1_ALERT_PROTOCOL_VERSION": "version",
    "UNSUPPORTED_PROTOCOL": "version",
    "HTTP_REQUEST": "none",
    "WRONG_VERSION_NUMBER": "none",
}
MOST_NAMES = 3


@dataclass(frozen=True)
class Certificate:
    """What a server's certificate says of itself. Certificates are public."""

    names: tuple[str, ...]
    not_before: datetime
    not_after: datetime


@dataclass(frozen=True)
class Handshake:
    """How a handshake went. `fault` is empty when all is well, else one of `not-yet`, `expired`, `self-signed`,
    `authority`, `chain`, `host`, `untrusted`, `version`, `none` (no TLS at all), `handshake`."""

    protocol: str = ""
    certificate: Certificate | None = None
    fault: str = ""


def shake_hands(host: str, port: int, *, deadline: Deadline) -> Handshake:
    """Do what every call to this host begins with. Raises Retry when nobody answers, Permanent for an address that we
    may not reach."""
    try:
        return _attempt(host, port, deadline, verifying())
    except ssl.SSLCertVerificationError as error:
        fault = UNTRUSTED.get(error.verify_code, "untrusted")
        return Handshake(certificate=_untrusted_certificate(host, port, deadline), fault=fault)
    except ssl.SSLError as error:
        return Handshake(fault=REFUSED.get(error.reason or "", "handshake"))
    except TimeoutError as error:
        raise Retry("no-answer-in-time", host=host) from error
    except OSError as error:
        raise Retry("unreachable", host=host) from error
    except UnicodeError as error:
        raise Permanent("bad-address", host=host) from error


def verifying() -> ssl.SSLContext:
    """A context that trusts what our requests trust, and no protocol below TLS 1.2."""
    context = ssl.create_default_context(cafile=trusted())
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def _looking() -> ssl.SSLContext:
    context = verifying()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE  # only to read the certificate that has just been refused
    return context


def _attempt(host: str, port: int, deadline: Deadline, context: ssl.SSLContext) -> Handshake:
    left = deadline.remaining()
    address = resolve(host, port, seconds=left)
    # As in connector.http: an allow-listed name may have addresses on which nothing listens.
    target = host if is_allow_listed(host, port) else address
    with socket.create_connection((target, port), deadline.remaining()) as plain:
        plain.settimeout(deadline.remaining())
        with context.wrap_socket(plain, server_hostname=host) as secured:
            return Handshake(secured.version() or "", _certificate(secured.getpeercert(binary_form=True) or b""))


def _untrusted_certificate(host: str, port: int, deadline: Deadline) -> Certificate | None:
    try:
        return _attempt(host, port, deadline, _looking()).certificate
    except (OSError, Retry):
        return None


def _certificate(der: bytes) -> Certificate | None:
    try:
        found = x509.load_der_x509_certificate(der)
        return Certificate(_names(found), found.not_valid_before_utc, found.not_valid_after_utc)
    except (ValueError, x509.UnsupportedGeneralNameType, x509.DuplicateExtension):
        return None


def _names(found: x509.Certificate) -> tuple[str, ...]:
    try:
        extension = found.extensions.get_extension_for_oid(ExtensionOID.SUBJECT_ALTERNATIVE_NAME).value
    except x509.ExtensionNotFound:
        common = found.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
        return tuple(str(name.value) for name in common[:MOST_NAMES])
    names = extension.get_values_for_type(x509.DNSName) if isinstance(extension, x509.SubjectAlternativeName) else []
    return tuple(names[:MOST_NAMES])


def days_left(certificate: Certificate) -> int:
    """Whole days until a certificate ends; negative when it has."""
    return (certificate.not_after - datetime.now(UTC)).days
