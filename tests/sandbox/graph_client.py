"""An application of Graph, for tests: its token, its calls, and a receiver which takes notifications apart."""

import base64
import functools
import hashlib
import hmac
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

import requests
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives import padding as block_padding
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.x509.oid import NameOID

from sandbox.cast import RIVERSIDE, RIVERSIDE_TID
from tests.sandbox.standins import Sandbox

ADA, CARLA, DAVID = RIVERSIDE.accounts[0], RIVERSIDE.accounts[2], RIVERSIDE.accounts[3]
Json = Any


def application(sandbox: Sandbox, tid: str = RIVERSIDE_TID, dropped: list[str] | None = None) -> requests.Session:
    """A session with an app-only token of the tenant, lacking the dropped permissions."""
    consent = {"granted": True, "dropped": dropped or []}
    requests.post(sandbox.url("entra", f"/sandbox/consents/{tid}"), json=consent, timeout=10).raise_for_status()
    form = {
        "grant_type": "client_credentials",
        "client_id": sandbox.environment["SANDBOX_APP_CLIENT_ID"],
        "client_secret": sandbox.environment["SANDBOX_APP_CLIENT_SECRET"],
        "scope": sandbox.url("graph", "/.default"),
    }
    answer = requests.post(sandbox.url("entra", f"/{tid}/oauth2/v2.0/token"), data=form, timeout=10)
    answer.raise_for_status()
    session = requests.Session()
    session.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"
    return session


def switch(sandbox: Sandbox, name: str, **settings: Any) -> None:
    """Set switches of a stand-in; an underscore in a name stands for a hyphen."""
    wanted = {key.replace("_", "-"): value for key, value in settings.items()}
    requests.post(sandbox.url(name, "/sandbox/switches"), json=wanted, timeout=10).raise_for_status()


def new_meeting(sandbox: Sandbox, app: requests.Session, external_id: str, **options: Any) -> Json:
    """A meeting of Dr. Mendes, with options set by PATCH."""
    url = sandbox.url("graph", f"/v1.0/users/{CARLA.oid}/onlineMeetings")
    meeting = app.post(f"{url}/createOrGet", json={"externalId": external_id, "subject": "Video visit"}).json()
    return app.patch(f"{url}/{meeting['id']}", json=options).json() if options else meeting


def subscribe(sandbox: Sandbox, app: requests.Session, body: Any, version: str = "beta") -> requests.Response:
    """Ask Graph for a subscription."""
    return app.post(sandbox.url("graph", f"/{version}/subscriptions"), json=body)


def fault(sandbox: Sandbox, kind: str, value: float = 0) -> None:
    """Let Graph's notifications fail in one way."""
    rule = {"kind": kind, "value": value, "times": 1}
    requests.post(sandbox.url("graph", "/sandbox/faults"), json=rule, timeout=10).raise_for_status()


def key_of(meeting: Json) -> str:
    """The key by which Teams and Graph speak of a meeting."""
    return str(meeting["chatInfo"]["threadId"])


def new_key() -> rsa.RSAPrivateKey:
    """A key made now: none is kept with the tests."""
    return rsa.generate_private_key(65537, 2048)


class Seats:
    """The people of one meeting, moved by Teams' JSON API."""

    def __init__(self, sandbox: Sandbox, meeting: Json) -> None:
        self.url = sandbox.url("teams", f"/sandbox/meetings/{quote(key_of(meeting))}")

    def enter(self, **person: str) -> Json:
        answer = requests.post(f"{self.url}/participants", json=person, timeout=10)
        answer.raise_for_status()
        return answer.json()

    def staff(self, oid: str = CARLA.oid, tid: str = RIVERSIDE_TID) -> Json:
        return self.enter(kind="member", tid=tid, oid=oid)

    def act(self, seat: Json, act: str) -> Json:
        answer = requests.post(f"{self.url}/participants/{seat['id']}/{act}", timeout=10)
        answer.raise_for_status()
        return answer.json()


@dataclass
class Subscriber:
    """A receiver of notifications with its own key. `echo` answers the handshake: (status, type, body) for a token."""

    url: str = ""
    key: rsa.RSAPrivateKey = field(default_factory=functools.cache(new_key))
    posts: list[Json] = field(default_factory=list)
    echo: Callable[[str], tuple[int, str, str]] = lambda token: (200, "text/plain", token)
    statuses: list[int] = field(default_factory=list)

    def certificate(self) -> x509.Certificate:
        """A self-signed certificate of the key, made now."""
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "subscriber.example")])
        now = datetime.now(UTC)
        builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).serial_number(1)
        builder = builder.public_key(self.key.public_key())
        return builder.not_valid_before(now).not_valid_after(now + timedelta(1)).sign(self.key, hashes.SHA256())

    def request(self, meeting: Json, minutes: int = 50, **changes: Any) -> Json:
        """The body which subscribes to a meeting's call events."""
        der = self.certificate().public_bytes(serialization.Encoding.DER)
        join_url = quote(meeting["joinWebUrl"], safe="")
        return {
            "changeType": "updated",
            "notificationUrl": f"{self.url}/notify",
            "resource": f"communications/onlineMeetings(joinWebUrl='{join_url}')/meetingCallEvents",
            "includeResourceData": True,
            "encryptionCertificate": base64.b64encode(der).decode(),
            "encryptionCertificateId": "certificate-1",
            "expirationDateTime": (datetime.now(UTC) + timedelta(minutes=minutes)).isoformat(),
            "clientState": "state-of-the-test",
        } | changes

    def items(self, count: int, timeout: float = 10) -> list[Json]:
        """The first `count` notification items, once they are there."""
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            found = [item for post in self.posts for item in post["value"]]
            if len(found) >= count:
                return found
            time.sleep(0.05)
        raise AssertionError(f"{len(found)} of {count} notifications came")

    def events(self, count: int) -> list[Json]:
        """The decrypted call events."""
        return [self.decrypt(item["encryptedContent"]) for item in self.items(count)]

    def decrypt(self, content: Json) -> Json:
        """The JSON of an encryptedContent whose signature holds."""
        sha1 = hashes.SHA1()  # noqa: S303
        oaep = padding.OAEP(mgf=padding.MGF1(sha1), algorithm=sha1, label=None)
        secret = self.key.decrypt(base64.b64decode(content["dataKey"]), oaep)
        data = base64.b64decode(content["data"])
        assert hmac.digest(secret, data, hashlib.sha256) == base64.b64decode(content["dataSignature"])
        decryptor = Cipher(algorithms.AES256(secret), modes.CBC(secret[:16])).decryptor()
        unpadder = block_padding.PKCS7(128).unpadder()
        padded = decryptor.update(data) + decryptor.finalize()
        return json.loads(unpadder.update(padded) + unpadder.finalize())


def handler_of(subscriber: Subscriber) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            content = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            token = parse_qs(urlsplit(self.path).query).get("validationToken")
            if token:
                return self.answer(*subscriber.echo(token[0]))
            status = subscriber.statuses.pop(0) if subscriber.statuses else 202
            if status < 300:
                subscriber.posts.append(json.loads(content))
            return self.answer(status, "text/plain", "")

        def answer(self, status: int, kind: str, text: str) -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(text.encode())))
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    return Handler


@contextmanager
def listening(subscriber: Subscriber) -> Iterator[Subscriber]:
    """Run the receiver on a free port."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler_of(subscriber))
    subscriber.url = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield subscriber
    finally:
        server.shutdown()
        server.server_close()
