"""Change notifications of Microsoft Graph: whose they are, who sent them, what is in them, what happened.

Microsoft Graph: "Change notifications that include resource data" (tokens, encryption) and "Get change notifications
for Microsoft Teams meeting call event updates" (content, in all the spellings it has had). Members are read whatever
their case.
"""

import base64
import hashlib
import hmac
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from cryptography.hazmat.primitives import hashes, padding
from cryptography.hazmat.primitives.asymmetric import padding as rsa_padding
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from django.conf import settings
from django.utils.dateparse import parse_datetime

from connector import jwks
from connector.errors import Permanent, Retry
from connector.http import Deadline
from connector.teams import entra

SECRET_BYTES = 32
_SHA1 = hashes.SHA1()  # noqa: S303 - Graph wraps its keys so
_OAEP = rsa_padding.OAEP(mgf=rsa_padding.MGF1(_SHA1), algorithm=_SHA1, label=None)

_CALL_KINDS = {"callstarted": "call-started", "callended": "call-ended"}
_ROSTER_EVENTS = {"rosterupdated", "callrosterupdate", "callrosterupdated"}
_ROSTERS = {"participants@delta", "participants", "activeparticipants@joined", "activeparticipants@delta"}
_DEPARTURES = {"activeparticipants@exited", "activeparticipants@remove"}
# In this order: a set normally holds one of them.
_IDENTITIES = (
    "user",
    "guest",
    "azureCommunicationServicesUser",
    "phone",
    "applicationInstance",
    "application",
    "encrypted",
    "onPremises",
    "assertedIdentity",
    "device",
)


@dataclass(frozen=True)
class Identity:
    """Who somebody in a roster is said to be; each part may be empty. Names are left where they are."""

    kind: str = ""
    id: str = ""
    tenant_id: str = ""


@dataclass(frozen=True)
class RosterChange:
    """Somebody is in the lobby, is connected, or is gone from either. `roster_id` names him within this call."""

    kind: str  # lobby, connected, disconnected
    at: datetime
    event_id: str
    roster_id: str
    identity: Identity


@dataclass(frozen=True)
class CallChange:
    """The call as a whole started or ended."""

    kind: str  # call-started, call-ended
    at: datetime
    event_id: str


def client_state(subscription_id: str, secret: bytes) -> str:
    """What Graph sends back with each notification of a subscription: our id of it and a MAC, 101 characters."""
    return f"{subscription_id}.{hmac.new(secret, subscription_id.encode(), hashlib.sha256).hexdigest()}"


def verify_client_state(text: object, secret: bytes) -> str | None:
    """The subscription id in a client state made with this secret; None for any other text."""
    if not isinstance(text, str) or not text.isascii():
        return None
    subscription_id = text.partition(".")[0]
    return subscription_id if hmac.compare_digest(text, client_state(subscription_id, secret)) else None


def validate_tokens(tokens: Iterable[str], *, tenants: Iterable[str], deadline: Deadline, age: int = 0) -> None:
    """Return when every token of a batch is Graph's, is for us, and together they cover every tenant in the batch.

    `age` = seconds since the batch came in: times must have held then. Raises Permanent("validation-token-…"), or Retry
    when keys cannot be had.
    """
    covered = {_tenant_of(token, deadline, age) for token in set(tokens)}
    if not {tenant.lower() for tenant in tenants} <= covered:
        raise Permanent("validation-token-tenant")


def _tenant_of(token: str, deadline: Deadline, age: int) -> str:
    claims = _claims_of(token, deadline, age)
    tid = str(claims["tid"]).lower()
    if claims["iss"] not in {f"https://sts.windows.net/{tid}/", f"{settings.ENTRA_AUTHORITY}/{tid}/v2.0"}:
        raise Permanent("validation-token-issuer")
    publishers = {str(claims[name]).lower() for name in ("appid", "azp") if name in claims}
    if not publishers or not publishers <= settings.NOTIFICATION_PUBLISHERS:
        raise Permanent("validation-token-publisher")
    return tid


def _claims_of(token: str, deadline: Deadline, age: int) -> dict[str, Any]:
    try:
        return jwks.verified_claims(
            token,
            jwks_uri=entra.keys_url("common"),
            algorithms=entra.ALGORITHMS,
            audience=settings.ENTRA_CLIENT_ID,
            required=["exp", "nbf", "iss", "aud", "tid"],
            deadline=deadline,
            leeway=entra.CLOCK_SKEW_SECONDS + age,
        )
    except Permanent as error:
        code = error.code.replace("id-token-", "validation-token-")
        # A key that is not published may be a new one, fetched by somebody else at this moment.
        if code == error.code or code == "validation-token-key":
            raise Retry(code, host=error.host, status=error.status) from error
        raise Permanent(code) from error


def decrypt(encrypted_content: object, private_pem: bytes) -> dict[str, Any]:
    """The content of a notification, once its signature holds.

    Raises Permanent: "notification-key" (wrapped for another key), "notification-signature", "notification-content".
    """
    data = _octets(encrypted_content, "data")
    secret = _unwrapped(_octets(encrypted_content, "dataKey"), private_pem)
    if not hmac.compare_digest(hmac.digest(secret, data, "sha256"), _octets(encrypted_content, "dataSignature")):
        raise Permanent("notification-signature")
    try:
        document = json.loads(_plain(data, secret))
    except (ValueError, RecursionError) as error:
        raise Permanent("notification-content") from error
    if not isinstance(document, dict):
        raise Permanent("notification-content")
    return document


def _octets(content: object, name: str) -> bytes:
    try:
        return base64.b64decode(text_of(member(content, name)), validate=True)
    except ValueError as error:
        raise Permanent("notification-content") from error


def _unwrapped(wrapped: bytes, private_pem: bytes) -> bytes:
    # The key is our own: checking its primes each time would take longer than all the rest.
    private = load_pem_private_key(private_pem, None, unsafe_skip_rsa_key_validation=True)
    try:
        secret = private.decrypt(wrapped, _OAEP) if isinstance(private, RSAPrivateKey) else b""
    except ValueError as error:
        raise Permanent("notification-key") from error
    if len(secret) != SECRET_BYTES:
        raise Permanent("notification-key")
    return secret


def _plain(data: bytes, secret: bytes) -> bytes:
    decryptor = Cipher(algorithms.AES256(secret), modes.CBC(secret[:16])).decryptor()
    unpadder = padding.PKCS7(128).unpadder()
    return unpadder.update(decryptor.update(data) + decryptor.finalize()) + unpadder.finalize()


def events_of(document: object) -> list[RosterChange | CallChange]:
    """What a decrypted notification tells, in its order. Other event types and entries that cannot be read tell
    nothing."""
    name = text_of(member(document, "eventType")) or text_of(member(document, "callEventType"))
    name = name.rpartition(".")[2].lower()
    at = moment(member(document, "eventDateTime"))
    if at is None:
        return []
    if name in _CALL_KINDS:
        return [CallChange(_CALL_KINDS[name], at, _event_id(document, at, "call"))]
    return list(_roster_changes(document, at)) if name in _ROSTER_EVENTS else []


def _roster_changes(document: object, at: datetime) -> Iterator[RosterChange]:
    for name, entries in document.items() if isinstance(document, dict) else ():
        roster = str(name).lower()
        if roster not in _ROSTERS | _DEPARTURES or not isinstance(entries, list):
            continue
        for entry in entries:
            identity = _identity(entry)
            if roster_id := text_of(member(entry, "id")) or identity.id:
                kind = "disconnected" if roster in _DEPARTURES else _kind(entry)
                yield RosterChange(kind, at, _event_id(document, at, roster_id), roster_id, identity)


def _kind(entry: object) -> str:
    if member(entry, "removedState") is not None:
        return "disconnected"
    return "lobby" if member(entry, "isInLobby") in (True, "true", "True") else "connected"


def _identity(entry: object) -> Identity:
    """The older forms have the identity beside the id, the present one within `info`."""
    identities = member(member(entry, "info"), "identity") or member(entry, "identity")
    for kind in _IDENTITIES:
        found = member(identities, kind)
        if isinstance(found, dict):
            return Identity(kind, text_of(member(found, "id")), text_of(member(found, "tenantId")).lower())
    return Identity()


def _event_id(document: object, at: datetime, roster_id: str) -> str:
    """The same for the same event told twice. The document's own id does not suffice: Microsoft's examples have the
    meeting's address there, alike for all its events and holding the passcode."""
    parts = (text_of(member(document, "id")), at.isoformat(), roster_id)
    return hashlib.sha256("\x1f".join(parts).encode()).hexdigest()


def moment(value: object) -> datetime | None:
    """A time of Graph's, in UTC; None for anything else."""
    try:
        found = parse_datetime(text_of(value))
        return found and (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def member(document: object, name: str) -> Any:
    """A member of a JSON object whatever the case of its name; None when there is none, or no object."""
    if not isinstance(document, dict):
        return None
    wanted = name.lower()
    return next((value for key, value in document.items() if str(key).lower() == wanted), None)


def text_of(value: object) -> str:
    """A JSON string, without the halves of characters that cannot be encoded; empty for anything else."""
    return value.encode(errors="replace").decode() if isinstance(value, str) else ""
