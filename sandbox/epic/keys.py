"""The EHR's own signing keys, per instance, and the id_token that the newest one signs."""

import base64
import hashlib
from typing import Any

from authlib.oidc.core.grants.util import generate_id_token
from joserfc.jwk import RSAKey

from sandbox import faults, jwk
from sandbox.epic.instance import fhir_base, issuer, store, switched, table
from sandbox.epic.people import HYPERSPACE, Person
from sandbox.state import now
from sandbox.store import Document

ID_TOKEN_LIFETIME = 5 * 60


def signing_key() -> RSAKey:
    """This instance's RSA key, made when it is missing. Its kid is a base64 SHA-256, so it may hold + / and =."""
    kept = table("keys")
    with store().lock:
        if "id_token" not in kept:
            key = RSAKey.generate_key(2048)
            kid = base64.b64encode(hashlib.sha256(key.as_der(private=False)).digest()).decode()
            kept["id_token"] = dict(key.as_dict(private=True)) | {"kid": kid, "use": "sig", "alg": "RS256"}
        return jwk.of(kept["id_token"])


def rotate() -> None:
    """Make a new key; the one before it stays published, and signs no more."""
    kept = table("keys")
    with store().lock:
        kept["before"] = dict(signing_key().as_dict(private=True))
        del kept["id_token"]


def key_set() -> dict[str, Any]:
    """The public halves, as a JWK set."""
    before = table("keys").get("before")
    keys = [signing_key(), *([jwk.of(before)] if before else [])]
    return {"keys": [key.as_dict(private=False) for key in keys]}


def id_token(token: Document, client_id: str, person: Person, nonce: str) -> str:
    """A signed id_token for the person: RS256, five minutes, fhirUser when the scope asks for it. Or a forged one."""
    scopes = token["scope"].split()
    issued = int(now().timestamp())
    claims: dict[str, Any] = {"sub": person.resource.split("/")[1], "iat": issued, "exp": issued + ID_TOKEN_LIFETIME}
    if "fhirUser" in scopes or "profile" in scopes:
        claims["fhirUser"] = _fhir_user(person)
    if "profile" in scopes and person.side == HYPERSPACE:
        claims["preferred_username"] = person.login
    key = signing_key()
    kid = None if switched("id_token_without_kid") else key.kid
    good = str(generate_id_token(token, claims, key, issuer(), client_id, nonce=nonce, kid=kid))
    return faults.id_token(store(), good, key)


def _fhir_user(person: Person) -> str:
    reference = f"Person/{person.login.lower()}" if switched("fhiruser_person") else person.resource
    return reference if switched("fhiruser_relative") else f"{fhir_base()}/{reference}"
