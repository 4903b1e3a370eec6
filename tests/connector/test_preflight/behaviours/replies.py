"""What a behaviour is, the replies that they share, and what is found again and again."""

import gzip
import json
from collections.abc import Callable
from dataclasses import dataclass
from email.utils import formatdate
from time import time
from typing import Any

from tests.connector.test_preflight.ehr import (
    CONFIGURATION,
    METADATA,
    OPEN_ID,
    SMART,
    STATED,
    WAY,
    Ehr,
    without,
)
from tests.servers import Reply

Levels = dict[str, str]


@dataclass(frozen=True)
class Behaviour:
    """What answers differently, and all that is to be found then. Without a `reply`, `path` answers 404 as HTML."""

    name: str
    path: str | tuple[str, ...]
    reply: Reply | Callable[[Ehr], Reply]
    found: Levels
    seconds: float = 10

    def arrange(self, ehr: Ehr) -> None:
        reply = self.reply if isinstance(self.reply, Reply) else self.reply(ehr)
        for path in (self.path,) if isinstance(self.path, str) else self.path:
            ehr.server.answer(path, reply)


def stating(**changes: Any) -> Callable[[Ehr], Reply]:
    return lambda ehr: Reply(ehr.statement(**changes), headers={"Content-Type": "application/fhir+json"})


def configuring(**changes: Any) -> Callable[[Ehr], Reply]:
    return lambda ehr: Reply(ehr.configuration(**changes))


def dated(seconds: float) -> Callable[[Ehr], Reply]:
    """The smart-configuration, by a clock that is ahead by so much."""
    return lambda ehr: Reply(ehr.configuration(), headers={"Date": formatdate(time() + seconds, usegmt=True)})


def packed(ehr: Ehr) -> Reply:
    body = gzip.compress(json.dumps(ehr.statement()).encode())
    return Reply(body, headers={"Content-Encoding": "gzip", "Content-Type": "application/fhir+json"})


def chunked(ehr: Ehr) -> Reply:
    body = json.dumps(ehr.statement()).encode()
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in (body[:9], body[9:]))
    return Reply(
        chunks + b"0\r\n\r\n",
        headers={"Transfer-Encoding": "chunked", "Content-Length": "", "Content-Type": "application/json"},
    )


def with_bom(ehr: Ehr) -> Reply:
    body = b"\xef\xbb\xbf" + json.dumps(ehr.statement()).encode()
    return Reply(body, headers={"Content-Type": "application/fhir+json;charset=utf-8"})


def five_megabytes(ehr: Ehr) -> Reply:
    text = "An operation that nobody needs. " * 16_000
    return stating(rest=[*ehr.statement()["rest"], *({"documentation": text} for _ in range(10))])(ehr)


def cut(ehr: Ehr) -> Reply:
    return Reply(json.dumps(ehr.statement())[:300], headers={"Content-Type": "application/fhir+json"})


def refused(error: str, status: int = 400) -> Reply:
    return Reply({"error": error, "error_description": "Do not show me"}, status)


NO_STATEMENT = without(*STATED)
OF_METADATA = {
    "smart-metadata": "info",
    "pkce-missing": "info",
    "client-auth-unlisted": "info",
    "algorithms-unlisted": "info",
    "launch-unlisted": "info",
    "openid-missing": "info",
}
FALLBACK = without(*SMART, *OPEN_ID) | OF_METADATA
# A smart-configuration whose endpoints are of no use may still tell other things.
HALF = without("smart-configuration", "pkce-s256", *OPEN_ID) | {
    "smart-metadata": "info",
    "pkce-missing": "info",
    "openid-missing": "info",
}
NO_ENDPOINTS = WAY | {"clock-right": "ok", "backend-not-asked": "info", "status-answers": "ok"}
BOTH = (METADATA, CONFIGURATION)
NOT_FOUND = Reply("<h1>Not found</h1>", 404)
LOGIN = Reply("<!doctype html><html><title>Sign in</title></html>")
XML = Reply(
    '<?xml version="1.0"?><CapabilityStatement xmlns="http://hl7.org/fhir"/>',
    headers={"Content-Type": "application/fhir+xml"},
)
LIST = Reply("[]", headers={"Content-Type": "application/json"})
BUSY = Reply("Slow down", 429, {"Retry-After": "120", "Content-Type": "text/plain"})
LOST = without(*STATED, *SMART, *OPEN_ID, "clock-right", "backend-token") | {"backend-not-asked": "info"}
DSTU2 = {"resourceType": "Conformance", "fhirVersion": "1.0.2"}


def nowhere(metadata: str) -> Levels:
    """What is found when neither document can be read, for a reason that does not pass."""
    return NO_ENDPOINTS | {f"metadata-{metadata}": "blocks", "smart-missing": "blocks"}


def later(metadata: str) -> Levels:
    return NO_ENDPOINTS | {f"metadata-{metadata}": "blocks", "smart-unavailable": "blocks"}


def silent(metadata: str) -> Levels:
    return LOST | {f"metadata-{metadata}": "blocks", "smart-unavailable": "blocks"}
