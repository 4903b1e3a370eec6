"""What an answer amounts to, and how it is told in a few safe words."""

import re

from connector.ehr.preflight.asking import Got
from connector.errors import Retry
from connector.http import MAX_BYTES

SLOW = frozenset({"no-answer-in-time", "deadline-over"})
STATUSES = {401: "guarded", 403: "guarded", 404: "missing", 410: "missing", 406: "no-json", 429: "busy"}
MEDIA_TYPE = re.compile(r"[a-z0-9.+-]+/[a-z0-9.+-]+")
LOST = {
    "answer-too-large": f"more than {MAX_BYTES // 1024**2} MB",
    "not-https": "plain http",
    "address-not-public": "a private address",
    "certificate": "a certificate that is not trusted",
}
BOM = b"\xef\xbb\xbf"
LONGEST = 100


def fault(got: Got) -> str:
    """What keeps an answer from being a JSON document: `slow`, `unreachable`, `too-large`, `moved`, `guarded`,
    `missing`, `busy`, `down`, `refused`, `page` (HTML), `no-json` (XML), `unreadable`; empty when it is one."""
    if got.error or not got.answer:
        code = got.error.code if got.error else ""
        return "slow" if code in SLOW else "too-large" if code == "answer-too-large" else "unreachable"
    if got.answer.ok:
        return "" if got.document else _written(got)
    usual = "down" if got.status >= 500 else "moved" if got.status < 400 else "refused"
    return STATUSES.get(got.status, usual)


def _written(got: Got) -> str:
    """What a successful answer was written in, since it was not JSON."""
    body = got.answer.body.removeprefix(BOM).lstrip()[:2000].lower() if got.answer else b""
    if b"<html" in body or media_type(got) in {"text/html", "application/xhtml+xml"}:
        return "page" if body else "unreadable"
    return "no-json" if body.startswith(b"<") else "unreadable"


def media_type(got: Got) -> str:
    """The media type of an answer, without its parameters; empty where it names none."""
    value = got.answer.headers.get("content-type", "") if got.answer else ""
    found = MEDIA_TYPE.match(value.lower())
    return found.group() if found else ""


def told(got: Got) -> str:
    """What came, in a few words: `200, application/json, 1.2 MB`, `429, wait 120 s`, `no answer within 8 s`."""
    if got.answer:
        wait = got.answer.retry_after()
        size = f"{len(got.answer.body) / 1024:,.0f} KB" if len(got.answer.body) >= 1024 else ""
        parts = (str(got.status), media_type(got), size, f"wait {wait:.0f} s" if wait is not None else "")
        return ", ".join(part for part in parts if part)
    return lost(got.error.code if got.error else "", got.given, retry=isinstance(got.error, Retry))


def lost(code: str, given: float, *, retry: bool = True) -> str:
    """What came where there was no answer."""
    if code in SLOW:
        return f"no answer within {given:.0f} s" if given >= 1 else f"no answer within {given:.1f} s"
    return LOST.get(code, "connection refused or cut off" if retry else "an address that cannot be called")


def plain(value: object) -> str:
    """A word that a server sent, fit to be shown: printable, on one line, short; empty where it is no text."""
    text = value if isinstance(value, str) else ""
    return "".join(letter for letter in text if letter.isprintable())[:LONGEST]
