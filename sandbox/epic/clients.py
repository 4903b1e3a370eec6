"""The customer's client records: which app may sign in, where it is sent back to and how it proves who it is."""

import os
import re
import secrets
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from flask import g

from sandbox.epic.instance import store, table

PRIVATE_KEY_JWT, CLIENT_SECRET, PUBLIC = "private_key_jwt", "client_secret", "none"
AUTHENTICATIONS = {
    PRIVATE_KEY_JWT: "Signed assertion (private_key_jwt)",
    CLIENT_SECRET: "Client secret",
    PUBLIC: "None: public client with PKCE",
}
_METHODS = {
    PRIVATE_KEY_JWT: {"client_assertion_jwt"},
    CLIENT_SECRET: {"client_secret_basic", "client_secret_post"},
    PUBLIC: {"none"},
}
READABLE = ("Patient", "Practitioner", "RelatedPerson", "Appointment", "Encounter", "Organization")
_NO_RESOURCE = {"openid", "profile", "fhirUser", "launch", "launch/patient", "launch/encounter"}
AUDIT_SCOPES = frozenset({"system/AuditEvent.write", "system/AuditEvent.c"})  # of the repository beside the EHR
KINDS = ("provider", "patient", "backend")
_ENDINGS = {"interconnect-tst": ("01", "02", "03"), "interconnect-prd": ("11", "12", "13")}


@dataclass(frozen=True)
class Client:
    """One client record. The methods below `scopes` are the ones that Authlib asks of a client."""

    client_id: str
    kind: str
    secret: str = ""
    redirect_uris: list[str] = field(default_factory=list)
    jwks_url: str = ""
    authentication: str = PRIVATE_KEY_JWT
    mapped: bool = True  # to a background user, without which a backend client gets no token
    apis: list[str] = field(default_factory=lambda: list(READABLE))

    def get_allowed_scope(self, scope: str | None) -> str:
        free = _NO_RESOURCE | (AUDIT_SCOPES if self.kind == "backend" else frozenset())
        return " ".join(name for name in (scope or "").split() if name in free or resource_of(name) in self.apis)

    def check_redirect_uri(self, redirect_uri: str) -> bool:
        return redirect_uri in self.redirect_uris

    def get_default_redirect_uri(self) -> None:
        return None

    def check_client_secret(self, secret: str) -> bool:
        return secrets.compare_digest(secret.encode(), self.secret.encode())

    def check_endpoint_auth_method(self, method: str, endpoint: str) -> bool:
        return method in _METHODS[self.authentication]

    def check_response_type(self, response_type: str) -> bool:
        return response_type == "code" and self.kind != "backend"

    def check_grant_type(self, grant_type: str) -> bool:
        return grant_type == ("client_credentials" if self.kind == "backend" else "authorization_code")


def resource_of(scope: str) -> str | None:
    """The FHIR resource type which a scope lets somebody read, in either version's writing; None for other scopes."""
    match = re.fullmatch(r"(?:user|patient|system)/([A-Za-z]+|\*)\.(?:read|\*|c?r[uds]*)", scope)
    return match[1] if match else None


def client_id_of(kind: str) -> str:
    """The preset id of this instance's client, by its environment variable or by default."""
    short = g.instance.removeprefix("interconnect-")
    ending = _ENDINGS[g.instance][KINDS.index(kind)]
    name = f"SANDBOX_EPIC_{short.upper()}_{kind.upper()}_CLIENT_ID"
    return os.environ.get(name) or f"7d2c9f0a-1111-4c11-8a11-0000000000{ending}"


def all_clients() -> list[Client]:
    """This instance's client records, made with a fresh secret when they are first asked for."""
    kept = table("clients")
    with store().lock:
        for kind in KINDS:
            client_id = client_id_of(kind)
            if client_id not in kept:
                kept[client_id] = asdict(Client(client_id, kind, secrets.token_urlsafe(24)))
    return [Client(**document) for document in kept.values()]


def find_client(client_id: str | None) -> Client | None:
    """The client record with this id in this instance."""
    return next((client for client in all_clients() if client.client_id == client_id), None)


def save_client(client: Client, **changes: Any) -> Client:
    """Keep a client record with what has changed in it."""
    client = replace(client, **changes)
    table("clients")[client.client_id] = asdict(client)
    return client


def parse_block(text: str) -> dict[str, Any]:
    """A pasted block as changes of a client record: `JWKS …` is the key set, any other URL a redirect URI."""
    found = [match.groups() for match in re.finditer(r"(?im)^\W*(?:(redirect|jwks)\W+?)?\s*(https?://[^\s\"']+)", text)]
    jwks = [url for word, url in found if (word or "").lower() == "jwks"]
    redirects = list(dict.fromkeys(url for word, url in found if (word or "").lower() != "jwks"))
    return ({"redirect_uris": redirects} if redirects else {}) | ({"jwks_url": jwks[-1]} if jwks else {})
