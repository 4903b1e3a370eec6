"""Connections that go where they were checked to go, for as long as they may, and the adapter that makes them."""

import io
import socket
import time
from typing import Any
from urllib.parse import urlsplit

import requests
from django.conf import settings
from requests.adapters import DEFAULT_CA_BUNDLE_PATH, HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import NewConnectionError
from urllib3.util import Timeout
from urllib3.util.connection import create_connection

from connector import logs, observing
from connector.errors import Permanent
from connector.http.answers import Deadline
from connector.http.reach import CONNECT_SECONDS, is_allow_listed, resolve

MAX_BYTES = 8 * 1024 * 1024  # the largest CapabilityStatements are about 5 MB
USER_AGENT = "ehr-connector"
Session = requests.Session  # for the annotations of those who get one here


class _TimedReader(io.RawIOBase):
    """Reads a socket until a point in time, however slowly the bytes drip; a socket's own timeout starts again with
    each."""

    def __init__(self, sock: socket.socket, raw: io.RawIOBase) -> None:
        self._sock, self._raw = sock, raw
        self._deadline = Deadline.after(sock.gettimeout() or CONNECT_SECONDS)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        self._sock.settimeout(_left(self._deadline.at))
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
        seconds = float(self.timeout) if isinstance(self.timeout, int | float) else CONNECT_SECONDS
        end = time.monotonic() + seconds  # of asking for the address, of connecting, and of TLS
        try:
            address = resolve(host, port, seconds=seconds)
            sock = self._connect_any(host, address, port, _left(end))
            sock.settimeout(_left(end))
            return sock
        except OSError as error:
            raise NewConnectionError(self, "cannot connect") from error

    def _connect_any(self, host: str, address: str, port: int, timeout: float) -> socket.socket:
        # An allow-listed name such as localhost may have addresses on which nothing listens: try each.
        target = host if is_allow_listed(host, port) else address
        return create_connection((target, port), timeout, socket_options=self.socket_options)


def _left(end: float) -> float:
    left = end - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left


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
            response._content = read_body(response, parts.hostname or "", self.deadline, MAX_BYTES)
            noted(response.status_code)
        return response


def trusted() -> str:
    """The PEM file of the authorities whose certificates we believe: the operator's, else the public ones."""
    return settings.OUTGOING_CA_FILE or DEFAULT_CA_BUNDLE_PATH


def session(deadline: Deadline | None) -> requests.Session:
    """A requests session for a library: our door, one deadline for all it does (None: it names one a call), no
    environment, no redirects."""
    outgoing = through(Door(deadline), requests.Session())
    outgoing.max_redirects = 0
    return outgoing


def through(door: Door, outgoing: requests.Session) -> requests.Session:
    outgoing.trust_env = False
    outgoing.verify = trusted()
    outgoing.headers.update({"User-Agent": USER_AGENT} | logs.onward())
    outgoing.mount("https://", door)
    outgoing.mount("http://", door)
    return outgoing


def read_body(response: requests.Response, host: str, deadline: Deadline, max_bytes: int) -> bytes:
    body = bytearray()
    with response:
        for chunk in response.iter_content(65_536):
            body += chunk
            deadline.remaining()
            if len(body) > max_bytes:
                raise Permanent("answer-too-large", host=host, status=response.status_code)
    return bytes(body)
