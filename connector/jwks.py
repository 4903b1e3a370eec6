"""Verifying JSON Web Tokens with the keys their issuer publishes. Used for Entra, EHRs and change notifications
alike."""

import time
from typing import Any

import jwt
from django.core.cache import cache

from connector.cached import quietly
from connector.errors import Permanent, Retry, WireError
from connector.http import Deadline, fetch, keepable
from connector.lasting import lasting

REFETCH_SECONDS = 30  # an unknown kid asks again, but a flood of forged ones does not
ASKED, ANSWERED, FAILED = "asked", "answered", "failed"  # how far that is
FAILED_SECONDS = 3  # until somebody may ask an issuer again that did not answer
WAIT_SECONDS = 2.0  # for the answer to somebody else


def verified_claims(
    token: str,
    *,
    jwks_uri: str,
    algorithms: list[str],
    audience: str,
    required: list[str],
    deadline: Deadline,
    leeway: int,
    keys_name_issuer: bool = False,
) -> dict[str, Any]:
    """The claims of a token whose signature, audience and times hold. Issuer and nonce are the caller's to compare.

    With `keys_name_issuer`, a key that carries an `issuer` verifies that issuer's tokens alone (Microsoft identity
    platform, "Validate the issuer": `{tenantid}` in it stands for the token's tenant).

    Raises Permanent("id-token-…") for a token that must not be trusted, Retry when the keys cannot be had.
    """
    try:
        header = jwt.get_unverified_header(token)
        if header.get("alg") not in algorithms:
            raise Permanent("id-token-algorithm")
        key, issuer = _key(jwks_uri, header.get("kid"), str(header["alg"]), deadline)
        claims: dict[str, Any] = jwt.decode(
            token, key, algorithms=algorithms, audience=audience, leeway=leeway, options={"require": required}
        )
    except (jwt.ExpiredSignatureError, jwt.ImmatureSignatureError) as error:
        raise Permanent("id-token-time") from error
    except jwt.InvalidAudienceError as error:
        raise Permanent("id-token-audience") from error
    except jwt.InvalidSignatureError as error:
        raise Permanent("id-token-signature") from error
    except (jwt.PyJWTError, ValueError, TypeError, RecursionError) as error:
        raise Permanent("id-token-claims") from error
    claims = keepable(claims)
    if keys_name_issuer and issuer and issuer.replace("{tenantid}", str(claims.get("tid"))) != claims.get("iss"):
        raise Permanent("id-token-issuer")
    return claims


def check_party(claims: dict[str, Any], *, client_id: str, nonce: str) -> None:
    """Whether an id_token was made for this client and this very sign-in (OpenID Connect Core 1.0 §3.1.3.7, 4 to 5 and
    11): one that names another party, or was asked for by another request, proves nothing here."""
    if claims.get("azp", client_id) != client_id:
        raise Permanent("id-token-party")
    if not nonce or claims.get("nonce") != nonce:
        raise Permanent("id-token-nonce")


def _key(jwks_uri: str, kid: object, algorithm: str, deadline: Deadline) -> tuple[jwt.PyJWK, str]:
    """The one key that fits, and the issuer that it names. Without a kid (some servers send none) the key set must hold
    exactly one that could."""
    for force in (False, True):
        keys = _key_set(jwks_uri, deadline, force=force)
        fitting = [
            (usable, str(key.get("issuer") or ""))
            for key in keys
            if _fits(key, kid, algorithm) and (usable := _usable(key, algorithm))
        ]
        if len(fitting) == 1:
            return fitting[0]
    raise Permanent("id-token-key")


def _fits(key: dict[str, Any], kid: object, algorithm: str) -> bool:
    """Whether a JWK may verify this: its `use` and `alg` are optional and hold when they are there (RFC 7517 §4)."""
    return (
        (kid is None or key.get("kid") == kid)
        and key.get("kty") == {"R": "RSA", "P": "RSA", "E": "EC"}.get(algorithm[0])
        and key.get("use") in {None, "sig"}
        and key.get("alg") in {None, algorithm}
    )


def _usable(key: dict[str, Any], algorithm: str) -> jwt.PyJWK | None:
    try:
        return jwt.PyJWK(key, algorithm)
    except (jwt.PyJWTError, ValueError, TypeError):
        return None  # a broken key says nothing about the others


def _key_set(jwks_uri: str, deadline: Deadline, *, force: bool) -> list[dict[str, Any]]:
    name = f"jwks:{jwks_uri}"
    asking = f"{name}:refetched"
    if force and not quietly(lambda: cache.add(asking, ASKED, REFETCH_SECONDS)):
        _wait_for_the_other(asking, deadline)
        force = False
    try:
        document = lasting(name, lambda patience: _fetched(jwks_uri, patience), deadline, anew=force)
    except WireError:
        if force:
            quietly(lambda: cache.set(asking, FAILED, FAILED_SECONDS))
        raise
    if force:
        quietly(lambda: cache.set(asking, ANSWERED, REFETCH_SECONDS))
    keys = document.get("keys")
    return [key for key in keys if isinstance(key, dict)] if isinstance(keys, list) else []


def _wait_for_the_other(asking: str, deadline: Deadline) -> None:
    """Where somebody asks for the keys at this moment, wait for what he gets: after a rotation many come at once.
    Raises Retry where he gets none: nobody knows then whether there is such a key."""
    until = time.monotonic() + min(WAIT_SECONDS, deadline.remaining())
    while (how := quietly(lambda: cache.get(asking))) == ASKED and time.monotonic() < until:
        time.sleep(0.05)
    if how in {ASKED, FAILED}:
        raise Retry("keys-unavailable")


def _fetched(jwks_uri: str, deadline: Deadline) -> Any:
    answer = fetch("GET", jwks_uri, deadline=deadline, headers={"Accept": "application/json"})
    if not answer.ok:
        raise Retry("keys-unavailable", host=answer.host, status=answer.status)
    return answer.json()
