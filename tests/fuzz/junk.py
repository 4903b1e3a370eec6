"""Junk with a shape: what is right, with something of it broken. Every junk text is marked, so that it can be found
where it must not be."""

import json
from collections.abc import Callable, Sequence
from typing import Any
from urllib.parse import quote

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

from tests.servers import Reply

MARK = "zq7marked"
LONG = 70_000
Pairs = list[tuple[str, str]]

# What has broken programs before: encodings, formats, other languages' syntax, numbers and times at the edge.
NASTY = (
    "",
    " ",
    "\x00",
    "a\x00b",
    "%",
    "%s%n%x",
    "%CSN%",
    "%00",
    "%zz",
    "\r\nSet-Cookie: portal=1",
    "\n\n<h1>",
    "\ud800",
    "\udfff\ud800",
    "\U0001f469\u200d\u2695\ufe0f",
    "\u202e\u2066",
    "\ufeff",
    "\u0130\u017f\u212a",
    "\u0661\u0662\u0663",
    "\u00b2",
    "\u2028",
    "<script>alert(1)</script>",
    "{{ settings.SECRET_KEY }}{% debug %}",
    "' OR 1=1 --",
    "../../../../etc/passwd",
    "//elsewhere.example/",
    "javascript:alert(1)",
    "https://[",
    "https://[::1]:99999/",
    "http://127.0.0.1:9/",
    "https://a b/",
    "file:///etc/passwd",
    "NaN",
    "Infinity",
    "-1",
    "1e999",
    "0x10",
    "9" * 30,
    "9" * 5000,
    "true",
    "null",
    "[]",
    "2026-02-30T25:61:61Z",
    "0001-01-01T00:00:00+14:00",
    "9999-12-31T23:59:59.999999999-14:00",
    "-0001-01-01",
    "2026-02-29",
    "0000",
    "99999-W99-9",
    "A" * LONG,
    "\U0001f600" * 3000,
    "a/" * 5000,
    "(" * 5000,
    " " * 20_000 + "x",
    "=" * 10_000,
    "&" * 2_000,
    "0" * 64,
    "00000000-0000-0000-0000-000000000000",
)
RAW_QUERIES = ("%", "%zz=%", "%00=%00", "%ff%fe=%c0%80", "&&;;==&", "a=" * 400, "[]=&[x]=y", "%ED%A0%80=%ED%A0%80")
# Those that Python takes for text and that are none are sent to the real server, as are lengths that do not hold:
# Django's test client breaks on both.
CHARSETS = ("utf-8", "UTF-16", "latin-1", "cp037", "no-such", "\x80", '"', "")
KINDS = (
    "application/json",
    "application/fhir+json",
    "text/html",
    "application/xml",
    "text/plain",
    "application/x-www-form-urlencoded",
    "multipart/form-data; boundary=b",
    "multipart/form-data",
    "multipart/form-data; boundary=" + "b" * 300,
    "x",
    "/",
    "",
)
XML = b"<?xml version='1.0'?><CapabilityStatement xmlns='http://hl7.org/fhir'><kind value='x'/></CapabilityStatement>"
ENTITIES = b"<!DOCTYPE a [<!ENTITY b 'bb'><!ENTITY c '&b;&b;'>]><a>&c;</a>"
OUTCOME = {
    "resourceType": "OperationOutcome",
    "issue": [{"severity": "fatal", "code": "exception", "diagnostics": MARK}],
}

texts = st.one_of(
    st.sampled_from(NASTY),
    st.sampled_from(NASTY).map(lambda text: text + MARK),
    st.sampled_from(NASTY).map(lambda text: MARK + text),
    st.text(max_size=30).map(lambda text: MARK + text),
)
"""Texts; some with halves of characters, which no UTF-8 can hold but JSON can name."""

numbers = st.sampled_from([0, -1, 2**31, 2**63, 10**30, 10**400, 0.1, 1e308, float("nan"), float("inf"), -float("inf")])
values: SearchStrategy[Any] = st.one_of(
    texts,
    numbers,
    st.sampled_from([None, True, False, [], {}, [[]], [None], {"": ""}, [{}], [[[[[]]]]]]),
    texts.map(lambda text: [text]),
    texts.map(lambda text: {"value": text, "id": text, "reference": text}),
    st.lists(texts, max_size=3),
)


def quoted(text: str) -> str:
    """As a browser would not, but somebody may: halves of characters go out as the bytes that they would be."""
    return quote(text.encode("utf-8", "surrogatepass"), safe="")


def encoded(pairs: Pairs) -> str:
    """A query, or a form."""
    return "&".join(f"{quoted(name)}={quoted(value)}" for name, value in pairs)


@st.composite
def pairs(draw: DrawFn, valid: dict[str, Any], *, others: Sequence[str] = ()) -> Pairs:
    """A form with one to three of its fields broken: another value, none, twice, as an array, or a field more."""
    found = [(name, str(value)) for name, value in valid.items()]
    for _ in range(draw(st.integers(1, 3))):
        place = draw(st.integers(0, len(found) - 1)) if found else 0
        how = draw(st.sampled_from(["value", "value", "value", "gone", "twice", "array", "more", "grown"]))
        name, value = found[place] if found else (draw(st.sampled_from([*others, MARK])), "")
        text = draw(texts)
        became = {
            "value": [(name, text)],
            "gone": [],
            "twice": [(name, value), (name, text)],
            "array": [(f"{name}[]", value), (f"{name}[0]", text)],
            "more": [(name, value), (draw(st.sampled_from([*others, "next", "state", "error", "page", MARK])), text)],
            "grown": [(name, value + text)],
        }
        found[place : place + 1] = became[how]
    return found


@st.composite
def queries(draw: DrawFn, valid: dict[str, Any], *, others: Sequence[str] = ()) -> str:
    """A query string with something broken in it, or with raw junk behind it."""
    query = encoded(draw(pairs(valid, others=others)))
    return query + draw(st.sampled_from(["", "", "", *(f"&{raw}" for raw in RAW_QUERIES)]))


@st.composite
def forms(draw: DrawFn, valid: dict[str, Any], *, others: Sequence[str] = ()) -> tuple[bytes, str]:
    """(body, content type) of a form with something broken, in its fields or in how they are sent."""
    found = draw(pairs(valid, others=others))
    plain = (encoded(found).encode(), "application/x-www-form-urlencoded")
    sent: tuple[bytes, str] = draw(
        st.one_of(
            st.just(plain),
            st.just(plain),
            st.just(plain),
            st.sampled_from(CHARSETS).map(lambda name: (plain[0], f"{plain[1]}; charset={name}")),
            st.just((_multipart(found), "multipart/form-data; boundary=b")),
            st.just((_multipart(found)[:-9], "multipart/form-data; boundary=b")),
            st.sampled_from(KINDS).map(lambda kind: (plain[0], kind)),
            st.sampled_from(RAW_QUERIES).map(lambda raw: (raw.encode(), plain[1])),
            st.binary(max_size=60).map(lambda body: (body, "multipart/form-data; boundary=b")),
        )
    )
    return sent


def _multipart(found: Pairs) -> bytes:
    parts = (
        f'--b\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode("utf-8", "surrogatepass")
        for name, value in found
    )
    return b"".join(parts) + b"--b--\r\n"


HEADERS = {
    "HTTP_COOKIE": [
        "portal=x; visit=y",
        "visit=" + MARK,
        "a" * 9000,
        "visit=\xff\xfe; csrf=\x00",
        ";;;===",
        "portal=" + "." * 300,
    ],
    "HTTP_ACCEPT_LANGUAGE": ["xx-yy;q=9", "a" * 5000, "en;q=nan", ",;,;", "zh-hant-" + "x" * 400, "\xff"],
    "HTTP_HOST": ["elsewhere.example", "localhost:x", "[::1", "a b", "testserver\r\nX: y", ""],
    "HTTP_SEC_FETCH_DEST": ["iframe", "document", MARK, "\xff"],
    "HTTP_HX_REQUEST": ["true", MARK],
    "HTTP_HX_CURRENT_URL": ["http://[", MARK, "%ff"],
    "HTTP_HX_CURRENT_URL_URI_AUTOENCODED": ["true"],
    "HTTP_REFERER": ["http://[", MARK],
    "HTTP_ORIGIN": ["null", "http://["],
    "HTTP_USER_AGENT": ["", "Mozilla/5.0 (" + "iPad; " * 3000, MARK, "\xff"],
    "HTTP_X_FORWARDED_FOR": ["1.2.3.4, " * 500, MARK, "::1%eth0"],
    "HTTP_X_FORWARDED_PROTO": ["https", "ftp"],
    "HTTP_IF_MODIFIED_SINCE": ["yesterday", "Mon, 99 Jan 99999 00:00:00 GMT"],
    "HTTP_RANGE": ["bytes=5-1,,-"],
    "CONTENT_TYPE": [*KINDS, *(f"text/plain; charset={name}" for name in CHARSETS)],
}
headers: SearchStrategy[dict[str, str]] = st.one_of(
    st.just({}),
    st.sampled_from(sorted(HEADERS)).flatmap(
        lambda name: st.sampled_from(HEADERS[name]).map(lambda value: {name: value})
    ),
)
"""None, or one request header that is odd."""


def _places(document: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inner = (
        document.items() if isinstance(document, dict) else enumerate(document) if isinstance(document, list) else ()
    )
    return [*([path] if path else []), *(place for key, one in inner for place in _places(one, (*path, key)))]


def _changed(document: Any, path: tuple[Any, ...], change: Callable[[Any], Any]) -> Any:
    """A copy with one place changed; a place that became None by `GONE` is left out."""
    if not path:
        return change(document)
    copy = dict(document) if isinstance(document, dict) else list(document)
    inner = _changed(copy[path[0]], path[1:], change)
    if inner is GONE:
        del copy[path[0]]
    else:
        copy[path[0]] = inner
    return copy


GONE = object()


@st.composite
def documents(draw: DrawFn, valid: Any) -> Any:
    """A JSON document with one to three of its values broken."""
    document = valid
    for _ in range(draw(st.integers(1, 3))):
        places = _places(document)
        if not places:
            return draw(values)
        junk, how = draw(values), draw(st.sampled_from(["value", "value", "value", "gone", "list", "object", "grown"]))
        ways: dict[str, Callable[[Any], Any]] = {
            "value": lambda _old: junk,  # noqa: B023 - used at once
            "gone": lambda _old: GONE,
            "list": lambda old: [old],
            "object": lambda old: {"value": old},
            "grown": lambda old: old + junk if isinstance(old, str) and isinstance(junk, str) else junk,  # noqa: B023
        }
        document = _changed(document, draw(st.sampled_from(places)), ways[how])
    return document


def dumped(document: Any) -> bytes:
    return json.dumps(document).encode()


DEEP = b"[" * 100_000
BODIES: dict[str, Callable[[bytes], bytes]] = {
    "as it is": lambda body: body,
    "cut off": lambda body: body[: len(body) // 2],
    "followed by more": lambda body: body + b"]}" + MARK.encode(),
    "byte order mark": lambda body: b"\xef\xbb\xbf" + body,
    "UTF-16": lambda body: body.decode().encode("utf-16"),
    "other bytes": lambda body: body + b"\xff\xfe\x00",
    "every member twice": lambda body: body[:-1] + b"," + body[1:] if body.startswith(b"{") and len(body) > 2 else body,
    "deep": lambda body: b'{"value":' + DEEP,
    "closed and deep": lambda body: b'{"value":' + b"[" * 900 + body + b"]" * 900 + b"}",
    "a huge number": lambda body: b'{"value":' + b"9" * 6000 + b"}",
    "in a list": lambda body: b"[" + body + b"]",
    "nothing": lambda body: b"",
    "XML": lambda body: XML,
    "entities": lambda body: ENTITIES,
    "a login page": lambda body: b"<!doctype html><title>" + MARK.encode() + b"</title>",
    "an OperationOutcome": lambda body: dumped(OUTCOME),
    "many members": lambda body: dumped({f"n{number}": number for number in range(20_000)}),
}


@st.composite
def bodies(draw: DrawFn, valid: Any) -> bytes:
    """A JSON body: mostly one with broken values, at times one that is broken as a text."""
    body = dumped(draw(documents(valid)))
    how = draw(st.sampled_from([*["as it is"] * 12, *BODIES]))
    return BODIES[how](body)


ODD_HEADERS = (
    {"Content-Type": "application/json; charset=base64"},
    {"Content-Type": "application/fhir+xml; charset=\xff"},
    {"Content-Encoding": "gzip"},
    {"Content-Encoding": "deflate, gzip, br"},
    {"Retry-After": "9" * 400},
    {"Retry-After": "Mon, 99 Jan 99999 00:00:00 +9999"},
    {"Retry-After": "\xb2"},
    {"Location": "http://["},
    {"Location": "//" + MARK + "/"},
    {"Location": "\xff\x00"},
    {"Set-Cookie": "a" * 5000},
    {"Date": "yesterday", "Age": "x"},
)


@st.composite
def replies(draw: DrawFn, valid: Any) -> Reply:
    """An answer of another system: mostly a success with something broken in it."""
    status = draw(
        st.sampled_from([*[200] * 12, 201, 204, 206, 302, 304, 307, 400, 401, 403, 404, 409, 429, 500, 503, 599])
    )
    odd = draw(st.sampled_from([*[{}] * 12, *ODD_HEADERS]))
    told = {"Content-Type": "application/json", "Connection": "close"} | odd
    return Reply(draw(bodies(valid)), status, told, hang_up=draw(st.sampled_from([False] * 40 + [True])))
