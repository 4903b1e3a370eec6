"""Forged ID tokens: what somebody hands in who cannot sign as the stand-in does, or who tells of another sign-in.

Each takes the claims and the header of a good token and the key that it was signed with, and gives a compact JWS.
"""

import base64
import hashlib
import hmac
import json
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

from joserfc import jwt
from joserfc.jwk import RSAKey

Part = dict[str, Any]
HOUR = 3600


@dataclass(frozen=True)
class Token:
    """A good token, taken apart."""

    header: Part
    claims: Part
    signature: str
    key: RSAKey


Forge = Callable[[Token], str]


def forged(name: str, token: str, key: RSAKey) -> str:
    """What the forgery of this name makes of a token that was signed with this key."""
    header, claims, signature = token.split(".")
    return FORGERIES[name].make(Token(_read(header), _read(claims), signature, key))


def _read(part: str) -> Part:
    document: Part = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    return document


def _encoded(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def _written(part: Part) -> str:
    return _encoded(json.dumps(part).encode())


@cache
def _strangers_key() -> RSAKey:
    return RSAKey.generate_key(2048)


def _unsigned(token: Token) -> str:
    return f"{_written(token.header | {'alg': 'none'})}.{_written(token.claims)}."


def _by_the_public_key(token: Token) -> str:
    """HS256, with what everybody can read of the key as the shared secret."""
    signed = f"{_written(token.header | {'alg': 'HS256'})}.{_written(token.claims)}"
    digest = hmac.new(token.key.as_pem(private=False), signed.encode(), hashlib.sha256).digest()
    return f"{signed}.{_encoded(digest)}"


def _by_a_stranger(**header: str) -> Forge:
    return lambda token: jwt.encode(token.header | header, token.claims, _strangers_key())


def _altered(token: Token) -> str:
    """The good signature, over somebody else."""
    somebody = {"sub": "eve", "oid": str(uuid.UUID(int=7)), "fhirUser": "Practitioner/eve"}
    return f"{_written(token.header)}.{_written(token.claims | somebody)}.{token.signature}"


def _saying(**claims: object) -> Forge:
    """Signed with the good key: a token for somebody or something else. A claim that is None is not there."""

    def make(token: Token) -> str:
        said = {name: value for name, value in (token.claims | claims).items() if value is not None}
        return jwt.encode(token.header, said, token.key)

    return make


def _after(seconds: float, *times: str) -> Forge:
    """The same, with these times so many seconds from now."""
    return lambda token: _saying(**dict.fromkeys(times, int(time.time() + seconds)))(token)


def _for_another_party(token: Token) -> str:
    return _saying(aud=[token.claims["aud"], "another"], azp="another")(token)


@dataclass(frozen=True)
class Forgery:
    """The sentence on the page of faults, and how it is made."""

    meaning: str
    make: Forge


FORGERIES = {
    "token-unsigned": Forgery("The ID token has no signature (alg: none)", _unsigned),
    "token-by-public-key": Forgery("The ID token is signed by HS256 with the public key", _by_the_public_key),
    "token-by-stranger": Forgery("The ID token is signed by another key under this kid", _by_a_stranger()),
    "token-unknown-key": Forgery("The ID token is signed by a key nobody knows", _by_a_stranger(kid="unknown")),
    "token-altered": Forgery("The ID token's claims are not those that were signed", _altered),
    "token-audience": Forgery("The ID token is for another client", _saying(aud="another")),
    "token-party": Forgery("The ID token was made for another party (azp)", _for_another_party),
    "token-issuer": Forgery("The ID token is of another issuer", _saying(iss="https://login.evil.example/v2.0")),
    "token-tenant": Forgery("The ID token is of another tenant (Entra)", _saying(tid=str(uuid.UUID(int=9)))),
    "token-no-tenant": Forgery("The ID token names no tenant (Entra)", _saying(tid=None)),
    "token-nonce": Forgery("The ID token has another sign-in's nonce", _saying(nonce="another")),
    "token-no-nonce": Forgery("The ID token has no nonce", _saying(nonce=None)),
    "token-expired": Forgery("The ID token is over for an hour", _after(-HOUR, "exp")),
    "token-not-yet": Forgery("The ID token is good in an hour (nbf)", _after(HOUR, "nbf")),
    "token-from-future": Forgery("The ID token was issued in an hour (iat)", _after(HOUR, "iat")),
    "token-junk": Forgery("The ID token is none", lambda token: "a.b.c"),
}
