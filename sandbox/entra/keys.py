"""Signing keys: a current and a previous one, both published. They are made when missing and kept in the store."""

from typing import Any

from joserfc import jwt
from joserfc.jwk import RSAKey

from sandbox import faults, jwk
from sandbox.entra import switches
from sandbox.standin import url_of
from sandbox.state import now
from sandbox.store import Document, Store

LIFETIME = 3600


def issuer(tid: str) -> str:
    """The issuer of a tenant's tokens; `{tenantid}` gives the template that Entra publishes for several tenants."""
    return f"{url_of('entra')}/{tid}/v2.0"


def _make() -> Document:
    key = RSAKey.generate_key(2048, auto_kid=True)
    return dict(key.as_dict(private=True))


def _key(store: Store, age: str) -> RSAKey:
    table = store.table("keys")
    with store.lock:
        if age not in table:
            table[age] = _make()
        return jwk.of(table[age])


def rotate(store: Store) -> None:
    """Make a new current key; the one before it stays published as the previous one."""
    with store.lock:
        store.table("keys")["previous"] = dict(_key(store, "current").as_dict(private=True))
        store.table("keys")["current"] = _make()


def published(store: Store, tid: str) -> dict[str, Any]:
    """The key set as Entra publishes it: each key with `kid` and `issuer`, without `alg`."""
    public = [_key(store, age).as_dict(private=False) for age in ("current", "previous")]
    return {"keys": [{**key, "use": "sig", "issuer": issuer(tid)} for key in public]}


def _times() -> dict[str, int]:
    issued = int(now().timestamp())
    return {"iat": issued, "nbf": issued, "exp": issued + LIFETIME}


def _encode(key: RSAKey, claims: dict[str, Any], kid: bool = True) -> str:
    header = {"typ": "JWT", "alg": "RS256"} | ({"kid": key.kid} if kid else {})
    return jwt.encode(header, _times() | claims, key)


def sign(store: Store, claims: dict[str, Any]) -> str:
    """A JWT of these claims and the usual times, signed with the current key."""
    return _encode(_key(store, "current"), claims)


def sign_id_token(store: Store, claims: dict[str, Any]) -> str:
    """The same for an ID token, where the switches about keys and the forgeries apply."""
    key = _key(store, "previous" if switches.get(store, "use_previous_key") else "current")
    return faults.id_token(store, _encode(key, claims, kid=not switches.get(store, "omit_kid")), key)
