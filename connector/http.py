"""The one door out. Every request the product sends has a deadline, goes to a public https address (or a host the
operator allow-lists), follows no redirect, reads no more than it must, and leaves neither address nor body in a log."""

import io
import ipaddress
import json
import socket
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit

import requests
from django.conf import settings
from django.utils import timezone
from requests.adapters import DEFAULT_CA_BUNDLE_PATH, HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import NewConnectionError
from urllib3.util import Timeout
from urllib3.util.connection import create_connection

from connector import logs, observing
from connector.errors import Permanent, Retry

CONNECT_SECONDS = 3.0
MAX_BYTES = 8 * 1024 * 1024  # the largest CapabilityStatements are about 5 MB
LONGEST_WAIT = 86_400.0  # nobody is asked to wait longer, whatever Retry-After says
USER_AGENT = "ehr-connector"
# What Python's registry calls public and is not: where clouds answer their own machines alone (Oracle's metadata in
# RFC 6890's block, Azure's host), relays of 6to4 (RFC 7526) and documentation (RFC 9637).
NOT_PUBLIC = [
    ipaddress.ip_network(block) for block in ("192.0.0.0/24", "168.63.129.16/32", "192.88.99.0/24", "3fff::/20")
]
BAD_ADDRESS = (
    requests.exceptions.InvalidURL,
    requests.exceptions.InvalidSchema,
    requests.exceptions.MissingSchema,
    UnicodeError,
)


@dataclass(frozen=True)
class Deadline:
    """One point in time that all calls made for one request share."""

    at: float

    @classmethod
    def after(cls, seconds: float) -> "Deadline":
        return cls(time.monotonic() + seconds)

    def remaining(self) -> float:
        """Seconds left; raises Retry when none are."""
        left = self.at - time.monotonic()
        if left <= 0:
            raise Retry("deadline-over")
        return left


def keepable(value: Any) -> Any:
    """A JSON value with texts that can be kept and sent on. JSON can name NUL, which PostgreSQL does not take, and
    halves of characters (a name that was cut off), which UTF-8 does not: each becomes U+FFFD."""
    if isinstance(value, str):
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace").replace("\0", "\ufffd")
    if isinstance(value, dict):
        return {keepable(name): keepable(inner) for name, inner in value.items()}
    return [keepable(inner) for inner in value] if isinstance(value, list) else value


@dataclass(frozen=True)
class Answer:
    """What came back: a status, lower-case header names, a body that was read whole."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    host: str

    @property
    def ok(self) -> bool:
        return 200 <= self.status < 300

    def json(self) -> dict[str, Any]:
        """The body as a JSON object; Retry when it is none (a login page, half an answer)."""
        try:
            document = json.loads(self.body)
            document = keepable(document) if b"\\u" in self.body else document
        except (ValueError, RecursionError):
            document = None
        if not isinstance(document, dict):
            raise Retry("not-json", host=self.host, status=self.status)
        return document

    def json_or_empty(self) -> dict[str, Any]:
        """The body as a JSON object, or an empty one where the sender sent something else: for reading errors."""
        try:
            return self.json()
        except Retry:
            return {}

    def retry_after(self) -> float | None:
        """Seconds named by Retry-After, given as seconds or as a date (RFC 9110 §10.2.3)."""
        value = self.headers.get("retry-after", "")
        try:
            seconds = (
                float(value) if value.isdecimal() else (parsedate_to_datetime(value) - timezone.now()).total_seconds()
            )
        except (ValueError, TypeError, OverflowError):
            return None
        return min(max(0.0, seconds), LONGEST_WAIT)


def is_allow_listed(host: str, port: int | None) -> bool:
    """Whether the operator lets us reach this host over http or at a private address."""
    return host in settings.OUTGOING_ALLOWED_HOSTS or f"{host}:{port}" in settings.OUTGOING_ALLOWED_HOSTS


def is_public(address: str) -> bool:
    """Whether an IP address is one of the public internet: not loopback, private, link-local, reserved or multicast,
    nor an IPv6 form of such an IPv4 address (mapped, 6to4)."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address):
        inner = ip.ipv4_mapped or ip.sixtofour
        if inner:
            return is_public(str(inner))
        if ip.is_site_local:
            return False
    known = ip.is_multicast or ip.is_reserved or any(ip in block for block in NOT_PUBLIC)
    return ip.is_global and not known


def resolve(host: str, port: int, *, seconds: float = CONNECT_SECONDS) -> str:
    """The first address of a host, once all of them are known to be public (or the host is allow-listed).

    Raises OSError when no name server answers in time, Permanent for an address that we may not reach.
    """
    asking = ThreadPoolExecutor(1)  # the system's resolver knows no deadline
    try:
        found = asking.submit(socket.getaddrinfo, host, port, type=socket.SOCK_STREAM).result(seconds)
    finally:
        asking.shutdown(wait=False)
    addresses = [str(info[4][0]) for info in found]
    if not is_allow_listed(host, port) and not all(map(is_public, addresses)):
        raise Permanent("address-not-public", host=host)
    return addresses[0]


class _TimedReader(io.RawIOBase):
    """Reads a socket until a point in time, however slowly the bytes drip; a socket's own timeout starts again with
    each."""

    def __init__(self, sock: socket.socket, raw: io.RawIOBase) -> None:
        self._sock, self._raw = sock, raw
        self._deadline = Deadline.after(sock.gettimeout() or CONNECT_SECONDS)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        left = self._deadline.at - time.monotonic()
        if left <= 0:
            raise TimeoutError
        self._sock.settimeout(left)
        return self._raw.readinto(buffer)

    def close(self) -> None:
        self._raw.close()
        super().close()


def _timed_response(sock: socket.socket, *args: Any, **kwargs: Any) -> Any:
    """http.client's response; status line, headers and body together may take what the socket's timeout allows."""
    response: Any = HTTPConnection.response_class(sock, *args, **kwargs)
    response.fp = io.BufferedReader(_TimedReader(sock, response.fp.detach()))
    return response


class _CheckedConnection(HTTPConnection):
    """Connects to the very address that was checked, so that a second DNS answer cannot lead elsewhere."""

    response_class = staticmethod(_timed_response)  # type: ignore[assignment]

    def _new_conn(self) -> socket.socket:
        host, port = self._dns_host, self.port or 80
        timeout = float(self.timeout) if isinstance(self.timeout, int | float) else CONNECT_SECONDS
        try:
            address = resolve(host, port, seconds=timeout)
            return self._connect_any(host, address, port, timeout)
        except OSError as error:
            raise NewConnectionError(self, "cannot connect") from error

    def _connect_any(self, host: str, address: str, port: int, timeout: float) -> socket.socket:
        # An allow-listed name such as localhost may have addresses on which nothing listens: try each.
        target = host if is_allow_listed(host, port) else address
        return create_connection((target, port), timeout, socket_options=self.socket_options)


class _CheckedHTTPSConnection(_CheckedConnection, HTTPSConnection):
    pass


class _CheckedPool(HTTPConnectionPool):
    ConnectionCls = _CheckedConnection


class _CheckedHTTPSPool(HTTPSConnectionPool):
    ConnectionCls = _CheckedHTTPSConnection


class Door(HTTPAdapter):
    """A requests adapter with our rules: mount it where a library calls requests by itself."""

    def __init__(self, deadline: Deadline | None = None) -> None:
        self.deadline = deadline
        super().__init__(pool_maxsize=32)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = {"http": _CheckedPool, "https": _CheckedHTTPSPool}

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        parts = urlsplit(request.url or "")
        if parts.scheme != "https" and not is_allow_listed(parts.hostname or "", parts.port):
            raise Permanent("not-https", host=parts.hostname or "")
        left = self.deadline.remaining() if self.deadline else float(kwargs["timeout"])
        kwargs["timeout"] = Timeout(total=left, connect=min(CONNECT_SECONDS, left))
        if self.deadline is None:
            return super().send(request, *args, **kwargs)
        with observing.call(parts.netloc, request.method or "") as noted:
            response = super().send(request, *args, **kwargs)
            # A library reads whatever comes: give it what `fetch` would have read.
            response._content = _read_body(response, parts.hostname or "", self.deadline, MAX_BYTES)
            noted(response.status_code)
        return response


Session = requests.Session  # for the annotations of those who get one here
_door = Door()


def trusted() -> str:
    """The PEM file of the authorities whose certificates we believe: the operator's, else the public ones."""
    return settings.OUTGOING_CA_FILE or DEFAULT_CA_BUNDLE_PATH


def session(deadline: Deadline | None) -> requests.Session:
    """A requests session for a library: our door, one deadline for all it does (None: it names one a call), no
    environment, no redirects."""
    outgoing = _through(Door(deadline), requests.Session())
    outgoing.max_redirects = 0
    return outgoing


class _Unled(requests.Session):
    """Told not to follow redirects, requests would still read their bodies whole and parse their targets."""

    def get_redirect_target(self, resp: requests.Response) -> None:
        return None


def _through(door: Door, outgoing: requests.Session) -> requests.Session:
    outgoing.trust_env = False
    outgoing.verify = trusted()
    outgoing.headers.update({"User-Agent": USER_AGENT} | logs.onward())
    outgoing.mount("https://", door)
    outgoing.mount("http://", door)
    return outgoing


def fetch(method: str, url: str, *, deadline: Deadline, max_bytes: int = MAX_BYTES, **kwargs: Any) -> Answer:
    """Send one request and read its answer whole, whatever its status.

    `kwargs` are those of `requests.request` (headers, params, data, json, auth). Raises Retry when nobody answers in
    time, Permanent when the address is not one we may reach or its certificate does not fit.
    """
    host = _host_of(url)
    outgoing = _through(_door, _Unled())
    left = deadline.remaining()
    with observing.call(urlsplit(url).netloc, method, kwargs.get("headers")) as noted:
        try:
            response = outgoing.request(method, url, timeout=left, allow_redirects=False, stream=True, **kwargs)
            body = _read_body(response, host, deadline, max_bytes)
        except requests.exceptions.SSLError as error:
            raise Permanent("certificate", host=host) from error
        except BAD_ADDRESS as error:
            raise Permanent("bad-address", host=host) from error
        except (requests.RequestException, OSError) as error:
            timed_out = isinstance(error, requests.Timeout | TimeoutError) or time.monotonic() >= deadline.at
            raise Retry("no-answer-in-time" if timed_out else "unreachable", host=host) from error
        noted(response.status_code)
    headers = {name.lower(): value for name, value in response.headers.items()}
    return Answer(response.status_code, headers, body, host)


def _host_of(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError as error:
        raise Permanent("bad-address") from error


def _read_body(response: requests.Response, host: str, deadline: Deadline, max_bytes: int) -> bytes:
    body = bytearray()
    with response:
        for chunk in response.iter_content(65_536):
            body += chunk
            deadline.remaining()
            if len(body) > max_bytes:
                raise Permanent("answer-too-large", host=host, status=response.status_code)
    return bytes(body)
