"""Microsoft Graph as the publisher of notifications, for tests: its validation tokens and its encrypted content."""

import time
import uuid
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from django.conf import settings
from jwt.algorithms import RSAAlgorithm

from tests.servers import Reply, Server

KEYS_PATH = "/common/discovery/v2.0/keys"
GRAPH = "0bf30f3b-4a52-48df-9a82-234910c4a086"


def new_key() -> rsa.RSAPrivateKey:
    """A key made now: none is kept with the tests."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


class Publisher:
    """Signs validation tokens; its key is published where Entra publishes its keys."""

    def __init__(self, entra: Server) -> None:
        self.entra = entra
        self.key, self.kid = new_key(), uuid.uuid4().hex
        self.publish()

    def publish(self, *, delay: float = 0) -> None:
        """Let the key server answer with the key, after so many seconds."""
        public = RSAAlgorithm.to_jwk(self.key.public_key(), as_dict=True) | {"kid": self.kid, "use": "sig"}
        self.entra.answer(KEYS_PATH, Reply({"keys": [public]}, delay=delay))

    def token(self, tid: str, /, *, kid: str = "", key: rsa.RSAPrivateKey | None = None, **changes: Any) -> str:
        """A validation token for a tenant; a claim changed to None is left out."""
        now = int(time.time())
        claims = {
            "aud": settings.ENTRA_CLIENT_ID,
            "iss": f"{self.entra.url}/{tid}/v2.0",
            "tid": tid,
            "azp": GRAPH,
            "iat": now,
            "nbf": now,
            "exp": now + 3600,
        }
        kept = {name: value for name, value in (claims | changes).items() if value is not None}
        return jwt.encode(kept, key or self.key, algorithm="RS256", headers={"kid": kid or self.kid})
