"""Real servers with scripted answers, for tests of the wire: over http, or over TLS with an authority made here."""

import json
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from django.utils import timezone


@dataclass(frozen=True)
class Reply:
    """One answer. A dictionary as body is sent as JSON. `drip` = seconds before each byte, headers included."""

    body: bytes | str | dict[str, Any] = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    delay: float = 0
    drip: float = 0
    hang_up: bool = False

    def head(self) -> bytes:
        """The status line and the headers as they go over the wire."""
        kind = "application/json" if isinstance(self.body, dict) else "text/html"
        usual = {"Content-Type": kind, "Content-Length": str(len(self.content())), "Date": formatdate(usegmt=True)}
        headers = usual | self.headers
        lines = [f"HTTP/1.1 {self.status} Scripted", *(f"{name}: {value}" for name, value in headers.items())]
        return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")

    def content(self) -> bytes:
        """The body as bytes."""
        if isinstance(self.body, bytes):
            return self.body
        return (self.body if isinstance(self.body, str) else json.dumps(self.body)).encode()


@dataclass(frozen=True)
class Request:
    """What a server was asked. Header names are in lower case."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes

    @property
    def form(self) -> dict[str, str]:
        return dict(parse_qsl(self.body.decode()))


class Server:
    """A running server: what it was asked, and what it answers by path (404 with an HTML page elsewhere)."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.host = urlsplit(url).netloc
        self.requests: list[Request] = []
        self.at_once = self.most_at_once = 0  # requests that wait for their answer: now, and ever
        self._replies: dict[str, list[Reply]] = {}
        self._chosen: dict[str, Callable[[Request], Reply]] = {}
        self._lock = threading.Lock()

    def answer(self, path: str, *replies: Reply) -> None:
        """Answer a path with these, in turn; the last one stays."""
        self._chosen.pop(path, None)
        self._replies[path] = list(replies)

    def choose(self, path: str, choice: Callable[[Request], Reply]) -> None:
        """Answer a path by what is asked."""
        self._chosen[path] = choice

    @contextmanager
    def counted(self) -> Iterator[None]:
        """Count one request for as long as the block runs."""
        with self._lock:
            self.at_once += 1
            self.most_at_once = max(self.at_once, self.most_at_once)
        try:
            yield
        finally:
            with self._lock:
                self.at_once -= 1

    def asked(self, path: str) -> list[Request]:
        """The requests for one path, in order."""
        return [request for request in self.requests if request.path == path]

    def reply_to(self, request: Request) -> Reply:
        self.requests.append(request)
        if choice := self._chosen.get(request.path):
            return choice(request)
        replies = self._replies.get(request.path, [Reply("<h1>Not found</h1>", 404)])
        return replies.pop(0) if len(replies) > 1 else replies[0]


def _handler_of(server: Server) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _serve(self) -> None:
            reply = server.reply_to(self._request())
            with server.counted():
                time.sleep(reply.delay)
            self.close_connection = self.close_connection or reply.hang_up
            if not reply.hang_up:
                with suppress(OSError):  # who asked has left
                    self._send(reply)

        do_GET = do_POST = do_PATCH = do_PUT = do_DELETE = do_OPTIONS = do_HEAD = _serve

        def _request(self) -> Request:
            parts, headers = urlsplit(self.path), {name.lower(): value for name, value in self.headers.items()}
            body = self.rfile.read(int(headers.get("content-length", "0")))
            return Request(self.command, parts.path, dict(parse_qsl(parts.query)), headers, body)

        def _send(self, reply: Reply) -> None:
            message = reply.head() + reply.content()
            if not reply.drip:
                self.wfile.write(message)
                return
            for byte in message:
                time.sleep(reply.drip)
                self.wfile.write(bytes([byte]))

        def log_message(self, *_: object) -> None:
            return

    return Handler


class _QuietServer(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        return  # a client that refuses our certificate hangs up: what a test wants to see is on its side


@contextmanager
def serving(context: ssl.SSLContext | None = None) -> Iterator[Server]:
    """A server on a free port of localhost for as long as the block runs; over TLS with a context."""
    with _QuietServer(("127.0.0.1", 0), BaseHTTPRequestHandler) as listener:
        server = Server(f"{'https' if context else 'http'}://localhost:{listener.server_port}")
        listener.RequestHandlerClass = _handler_of(server)
        if context:
            listener.socket = context.wrap_socket(listener.socket, server_side=True, do_handshake_on_connect=False)
        thread = threading.Thread(target=listener.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        yield server
        listener.shutdown()
        thread.join()


AUTHORITY = "Authority of the tests"


@dataclass(frozen=True)
class Signer:
    """Who signs certificates: a name, its key and its own certificate."""

    name: str
    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate


@dataclass(frozen=True)
class Paper:
    """The certificate of a server as a test wants it. Unsaid, it is a good one for localhost. `sent` = which of the
    certificates behind it the server sends along; `intermediate` = whether there is one between it and the
    authority; `for_clients` = made to prove who a client is, and no server."""

    host: str = "localhost"
    begins: timedelta = timedelta(minutes=-5)
    ends: timedelta = timedelta(days=90)
    self_signed: bool = False
    intermediate: bool = False
    for_clients: bool = False
    sent: tuple[str, ...] = ()

    def signed(self, folder: Path) -> tuple[ssl.SSLContext, str]:
        """(the context of a server that has it, the file of the authority at the end of its chain)."""
        key, authority = _key(), _authority(AUTHORITY)
        between = _authority("Intermediate of the tests", authority) if self.intermediate else authority
        leaf = self._leaf(key, between)
        along = {"intermediate": between.certificate, "authority": authority.certificate}
        chain = [leaf, *(along[name] for name in self.sent)]
        secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        sends, trusted = folder / f"server-{self.host}.pem", folder / f"authority-{self.host}.pem"
        sends.write_bytes(secret + b"".join(certificate.public_bytes(Encoding.PEM) for certificate in chain))
        trusted.write_bytes(authority.certificate.public_bytes(Encoding.PEM))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(sends)
        return context, str(trusted)

    def _leaf(self, key: ec.EllipticCurvePrivateKey, signer: Signer) -> x509.Certificate:
        now, issuer = timezone.now(), self.host if self.self_signed else signer.name
        built = _certificate(key, self.host, issuer, authority=False)
        built = built.not_valid_before(now + self.begins).not_valid_after(now + self.ends)
        built = built.add_extension(x509.SubjectAlternativeName([x509.DNSName(self.host)]), critical=False)
        usage = ExtendedKeyUsageOID.CLIENT_AUTH if self.for_clients else ExtendedKeyUsageOID.SERVER_AUTH
        built = built.add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
        return built.sign(key if self.self_signed else signer.key, SHA256())


def _key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _certificate(
    key: ec.EllipticCurvePrivateKey, subject: str, issuer: str, *, authority: bool
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(_name(subject))
        .issuer_name(_name(issuer))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
    )


def _authority(name: str, signer: Signer | None = None) -> Signer:
    """An authority: signed by itself, or by another one."""
    key, now = _key(), timezone.now()
    built = _certificate(key, name, signer.name if signer else name, authority=True)
    built = built.not_valid_before(now - timedelta(days=400)).not_valid_after(now + timedelta(days=400))
    return Signer(name, key, built.sign(signer.key if signer else key, SHA256()))


def certified(folder: Path, host: str) -> tuple[ssl.SSLContext, str]:
    """(the context of a server whose certificate names `host`, the file of the authority that signed it)."""
    return Paper(host).signed(folder)
