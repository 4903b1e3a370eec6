"""The Epic stand-in, empty before each test but for two pasted records, and an app's key server."""

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
import requests
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from tests.sandbox.standins import Sandbox
from tests.sandbox.test_epic.client import ASSERTION_TYPE, BACKEND, PATIENT, PROVIDER, Epic, Keys


@pytest.fixture(scope="module")
def running(sandbox: Sandbox) -> Sandbox:
    """The stand-in's process."""
    sandbox.start("epic")
    return sandbox


@pytest.fixture
def epic(running: Sandbox) -> Epic:
    """The test instance, whose records open a frame for the provider and the same window for the patient."""
    running.reset("epic")
    epic = Epic(running.url("epic"))
    epic.paste("provider", PROVIDER, "7")
    epic.paste("patient", PATIENT, "1")
    epic.client(PROVIDER)
    epic.client(PATIENT)
    return epic


@pytest.fixture(scope="module")
def keys() -> Iterator[Keys]:
    """An RSA and an EC key, published by a server that counts how often it is asked."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            published.fetches += 1
            self.send_response(200)
            self.end_headers()
            self.wfile.write(json.dumps({"keys": published.public}).encode())

        def log_message(self, format: str, *args: Any) -> None:
            """Tests are quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    published = Keys(f"http://127.0.0.1:{server.server_port}/jwks")
    published.add("rsa", rsa.generate_private_key(65537, 2048))
    published.add("ec", ec.generate_private_key(ec.SECP384R1()))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield published
    server.shutdown()
    server.server_close()


@pytest.fixture
def backend(epic: Epic, keys: Keys) -> Callable[..., requests.Response]:
    """Ask for a backend token, with a scope or none: with a given assertion, or one with these claims, `kid`, `alg`."""
    epic.client(BACKEND, jwks_url=keys.url)

    def ask(assertion: str | None = None, scope: str = "", **claims: Any) -> requests.Response:
        asked = {
            "grant_type": "client_credentials",
            "client_assertion_type": ASSERTION_TYPE,
            "client_assertion": assertion or keys.assertion(epic.token_url, **claims),
        } | ({"scope": scope} if scope else {})
        return requests.post(epic.token_url, data=asked, timeout=10)

    return ask
