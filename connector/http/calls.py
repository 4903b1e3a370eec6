"""One call: a request out, its answer read whole."""

import ssl
import time
from typing import Any
from urllib.parse import urlsplit

import requests

from connector import observing
from connector.errors import Permanent, Retry
from connector.http.answers import Answer, Deadline
from connector.http.door import MAX_BYTES, Door, read_body, through

BAD_ADDRESS = (
    requests.exceptions.InvalidURL,
    requests.exceptions.InvalidSchema,
    requests.exceptions.MissingSchema,
    UnicodeError,
)
_door = Door()


class _Unled(requests.Session):
    """Told not to follow redirects, requests would still read their bodies whole and parse their targets."""

    def get_redirect_target(self, resp: requests.Response) -> None:
        return None


def fetch(method: str, url: str, *, deadline: Deadline, max_bytes: int = MAX_BYTES, **kwargs: Any) -> Answer:
    """Send one request and read its answer whole, whatever its status.

    `kwargs` are those of `requests.request` (headers, params, data, json, auth). Raises Retry when nobody answers in
    time, Permanent when the address is not one we may reach or its certificate does not fit.
    """
    host = _host_of(url)
    outgoing = through(_door, _Unled())
    left = deadline.remaining()
    with observing.call(urlsplit(url).netloc, method, kwargs.get("headers")) as noted:
        try:
            response = outgoing.request(method, url, timeout=left, allow_redirects=False, stream=True, **kwargs)
            body = read_body(response, host, deadline, max_bytes)
        except BAD_ADDRESS as error:
            raise Permanent("bad-address", host=host) from error
        except (requests.RequestException, OSError) as error:
            if _is_distrusted(error):
                raise Permanent("certificate", host=host) from error
            timed_out = isinstance(error, requests.Timeout | TimeoutError) or time.monotonic() >= deadline.at
            raise Retry("no-answer-in-time" if timed_out else "unreachable", host=host) from error
        noted(response.status_code)
    headers = {name.lower(): value for name, value in response.headers.items()}
    return Answer(response.status_code, headers, body, host)


def _is_distrusted(error: object) -> bool:
    """Whether a certificate was looked at and not believed. A handshake that broke off, for which requests has the same
    name, is a line that broke off. What happened is wrapped by urllib3 and by requests, and followed through these
    alone: `__context__` leads on to what the caller was dealing with."""
    while isinstance(error, Exception) and not isinstance(error, ssl.SSLCertVerificationError):
        error = getattr(error, "reason", None) or next(iter(error.args), None)
    return isinstance(error, ssl.SSLCertVerificationError)


def _host_of(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError as error:
        raise Permanent("bad-address") from error
