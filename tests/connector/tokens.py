"""Keys and signed tokens for tests, made by joserfc: another implementation than the one under test."""

import time
from functools import cache
from typing import Any

from joserfc import jwt
from joserfc.jwk import ECKey, RSAKey

ALGORITHMS = ["RS256", "RS384", "PS256", "ES256", "ES384", "HS256"]
AUDIENCE = "c0a1e5d2-3b47-4f6e-9a10-5d7c2e8f4b01"


@cache
def rsa_key(number: int = 1) -> RSAKey:
    """One of a few RSA keys; the same number is the same key for the whole run."""
    return RSAKey.generate_key(2048)


@cache
def ec_key(curve: str = "P-384") -> ECKey:
    return ECKey.generate_key(curve)


def public(key: RSAKey | ECKey, **members: Any) -> dict[str, Any]:
    """The public JWK of a key with these members beside it, such as kid, use or alg."""
    return dict(key.as_dict(private=False)) | members


def claims(**changes: Any) -> dict[str, Any]:
    """Claims that hold, with changes; a change to None takes a claim away."""
    now = int(time.time())
    whole = {"iss": "https://issuer.example", "sub": "s", "aud": AUDIENCE, "iat": now, "nbf": now, "exp": now + 300}
    return {name: value for name, value in (whole | changes).items() if value is not None}


def signed(key: RSAKey | ECKey, said: dict[str, Any], alg: str = "RS256", **header: Any) -> str:
    """A compact JWS of these claims."""
    return jwt.encode({"alg": alg, "typ": "JWT"} | header, said, key, algorithms=ALGORITHMS)
