"""Who calls: the bearer token, checked against Entra's keys and for the application permission a call needs."""

import functools
from dataclasses import dataclass

import jwt
from flask import request

from sandbox.graph.problems import Problem
from sandbox.standin import url_of


@dataclass(frozen=True)
class Caller:
    """An application which acts in one tenant, with the permissions consented there."""

    tid: str
    appid: str
    roles: tuple[str, ...]


def caller(*permissions: str) -> Caller:
    """The caller, who holds at least one of the permissions. Raises Problem 401 or 403."""
    who = bearer()
    if not set(permissions) & set(who.roles):
        raise Problem(403, "Authorization_RequestDenied", "Insufficient privileges to complete the operation.")
    return who


def bearer() -> Caller:
    """The caller the Authorization header names. Raises Problem 401."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise Problem(401, "InvalidAuthenticationToken", "Access token is empty.")
    try:
        claims = jwt.decode(
            token,
            entra_keys().get_signing_key_from_jwt(token),
            algorithms=["RS256"],
            audience=url_of("graph"),
            options={"require": ["exp", "aud", "iss", "tid", "appid"]},
        )
    except jwt.PyJWTError as error:
        raise Problem(401, "InvalidAuthenticationToken", f"Access token validation failure: {error}") from error
    if claims["iss"] != f"{url_of('entra')}/{claims['tid']}/v2.0":
        raise Problem(401, "InvalidAuthenticationToken", "Access token validation failure: invalid issuer.")
    return Caller(claims["tid"], claims["appid"], tuple(claims.get("roles", ())))


@functools.cache
def entra_keys() -> jwt.PyJWKClient:
    """Entra's signing keys: fetched once, and again when a token names a key not seen yet."""
    return jwt.PyJWKClient(f"{url_of('entra')}/common/discovery/v2.0/keys", timeout=10, cooldown_duration=0)
