"""private_key_jwt: client assertions checked with the key set that the client record names."""

import time
from typing import Any

import requests
from authlib.oauth2.rfc6749.errors import InvalidClientError
from authlib.oauth2.rfc7523 import JWTBearerClientAssertion
from flask import request
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from sandbox.epic.clients import Client
from sandbox.epic.instance import store, switched, table, token_url
from sandbox.state import now

ALGORITHMS = ("RS256", "RS384", "RS512", "ES256", "ES384")
LONGEST_LIFE = 5 * 60
LONGEST_JTI = 151
KEYS_KEPT = 60
LONGEST_KEPT = 29 * 3600

_fetched: dict[str, tuple[float, KeySet]] = {}


class ClientAssertion(JWTBearerClientAssertion):  # type: ignore[misc]
    """Authlib's check of a client assertion with Epic's limits on algorithm, lifetime and jti."""

    def __init__(self) -> None:
        super().__init__(leeway=0)

    def get_audiences(self) -> list[str]:
        return [token_url()]

    def resolve_client_public_key(self, client: Client) -> KeySet:
        headers, _ = self.extract_assertion(request.form["client_assertion"])
        return key_set_of(client.jwks_url, headers.get("kid"))

    def process_assertion_claims(self, assertion: str, resolve_key: KeySet) -> jwt.Claims:
        try:
            claims = jwt.decode(assertion, resolve_key, ALGORITHMS).claims
        except (JoseError, ValueError) as error:
            raise refused(f"The assertion was not verified: {error}") from error
        if not isinstance(claims.get("exp"), int | float) or claims["exp"] > now().timestamp() + LONGEST_LIFE:
            raise refused("exp must be a time at most five minutes ahead.")
        if not isinstance(claims.get("jti"), str) or len(claims["jti"]) > LONGEST_JTI:
            raise refused(f"jti must be a string of at most {LONGEST_JTI} characters.")
        ahead = now().timestamp() - time.time()  # of the clock that the library goes by
        times = {
            name: claims[name] - ahead for name in ("exp", "nbf", "iat") if isinstance(claims.get(name), int | float)
        }
        self.verify_claims(claims | times)
        return claims

    def validate_jti(self, claims: dict[str, Any], jti: str) -> bool:
        """True the first time. Kept under lock, so that of two equal assertions at once only one passes."""
        key = f"{claims['sub']}/{jti}"
        with store().lock:
            seen = key in table("jtis")
            table("jtis")[key] = {"exp": claims["exp"]}
        return not seen


def refused(reason: str) -> InvalidClientError:
    """An invalid_client error with a reason in the characters that OAuth allows."""
    return InvalidClientError(description=reason.encode("ascii", "replace").decode().translate({34: "'", 92: "/"}))


def key_set_of(url: str, kid: str | None) -> KeySet:
    """The client's key set: from a minute's cache, or fetched again when it is old or has no such kid; the switch lets
    Epic's own longest cache be met."""
    fetched_at, keys = _fetched.get(url, (float("-inf"), KeySet([])))
    remembers = switched("keys_remembered")
    fresh = time.monotonic() - fetched_at < (LONGEST_KEPT if remembers else KEYS_KEPT)
    if not fresh or (not remembers and kid and kid not in {key.kid for key in keys}):
        keys = _fetch(url)
        _fetched[url] = (time.monotonic(), keys)
    return keys


def _fetch(url: str) -> KeySet:
    if not url:
        raise refused("The client record has no JWKS URL.")
    try:
        response = requests.get(url, timeout=5)
        response.raise_for_status()
        return KeySet.import_key_set(response.json())
    except (requests.RequestException, JoseError, ValueError, KeyError, TypeError) as error:
        raise refused("The JWKS URL gave no key set.") from error
