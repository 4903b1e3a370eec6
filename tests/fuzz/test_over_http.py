"""The running servers, with bytes that no client library would send: none is answered by an error of ours, leaves a
row or a word in a log, or keeps the next from being served."""

import socket
from collections import Counter
from collections.abc import Iterator
from urllib.parse import urlsplit

import psycopg
import pytest
import requests
from psycopg.rows import DictRow

from sandbox.launcher.house import House
from tests.fuzz.junk import MARK

SECONDS = 30
REF = "0123456789abcdef"
FORM = b"Content-Type: application/x-www-form-urlencoded\r\n"
PATHS = (
    b"/launch/%(ref)s/patient/?iss=%%00&launch=%(mark)s",
    b"/launch/%(ref)s/patient/callback?code=%(mark)s&state=%%ff",
    b"/signin/microsoft/callback/?state=%(mark)s",
    b"/visit/%(mark)s/",
    b"/devices/%(mark)s/sample",
    b"/forward/%(mark)s/",
    b"/jwks/%(mark)s.json",
    b"/%%ff%%fe/%%00",
    b"/notifications/graph/?validationToken",
    b"/configure/?q=%(mark)s",
    b"//elsewhere.example/",
    b"/launch/../../etc/passwd",
    b"/\xff\xfe",
    b"/?" + b"a=1&" * 900,
    b"/" + b"a/" * 1500,
)
HEADS = (
    b"",
    b"Content-Length: 5\r\nContent-Length: 6\r\n",
    b"Content-Length: -1\r\n",
    b"Content-Length: x\r\n",
    b"Content-Length: 999999999999999999\r\n",
    b"Content-Length: 99999999999999999999\r\n",
    b"Transfer-Encoding: chunked\r\nContent-Length: 3\r\n",
    b"Transfer-Encoding: gzip, chunked\r\n",
    b"Cookie: portal=" + b"\xff\xfe" * 40 + b"\r\n",
    b"Cookie: " + b"visit=a; " * 600 + b"\r\n",
    b"Accept-Language: " + b"en;q=x," * 500 + b"\r\n",
    b"X-Forwarded-Host: elsewhere.example\r\nX-Forwarded-Proto: https, ftp\r\n",
    b"Content-Type: text/plain; charset=rot13\r\n",
    b"Content-Type: text/plain; charset=base64\r\n",
    b"Content-Type: text/plain; charset=idna\r\n",
    b"Content-Type: text/plain; charset*=no-such''x\r\n",
    b"Content-Type: text/plain; x*=a; x*0=b\r\n",
    b"Content-Type: multipart/form-data; boundary=" + b"b" * 300 + b"\r\n",
    b"Host: elsewhere.example\r\n",
    b"Expect: 100-continue\r\n",
    b"Upgrade: h2c\r\nConnection: Upgrade\r\n",
    b"X: " + b"y" * 9000 + b"\r\n",
    b"Bad Header : z\r\n",
)
BODIES = (b"", b"0\r\n\r\n", b"ffffffffffffffff\r\n", b"value=%00", b"[" * 50_000)


def requests_of(host: str) -> Iterator[bytes]:
    """Each path with some heads and a body: by turns, so that all of them meet."""
    named = {b"ref": REF.encode(), b"mark": MARK.encode()}
    for number in range(len(PATHS) * len(HEADS)):
        path, head = PATHS[number % len(PATHS)], HEADS[number % len(HEADS)]
        method, body = (b"GET", b"POST", b"BREW")[number // 7 % 3], BODIES[number // 5 % len(BODIES)]
        size = b"" if b"Length" in head or b"Transfer" in head else b"Content-Length: %d\r\n" % len(body)
        kind = b"" if b"Content-Type" in head else FORM
        where = b"" if head.startswith(b"Host") else b"Host: %s\r\n" % host.encode()
        first = b"%s %s HTTP/1.1\r\n" % (method, path % named if b"%(" in path or b"%%" in path else path)
        yield first + where + head + size + kind + b"Connection: close\r\n\r\n" + body


def answered(url: str, request: bytes) -> bytes:
    """The whole answer, up to where the server hangs up."""
    parts, answer = urlsplit(url), b""
    with socket.create_connection((parts.hostname, parts.port), SECONDS) as wire:
        try:
            wire.sendall(request)
            wire.shutdown(socket.SHUT_WR)
            while piece := wire.recv(65_536):
                answer += piece
        except ConnectionError:
            pass  # a server may hang up on such a thing
    return answer.removeprefix(b"HTTP/1.1 100 Continue\r\n\r\n")


def counted(database: psycopg.Connection[DictRow]) -> dict[str, int]:
    tables = database.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
    names = [row["tablename"] for row in tables]
    return {name: database.execute(f'SELECT count(*) AS n FROM "{name}"').fetchone()["n"] for name in names}  # type: ignore[index]  # noqa: S608


@pytest.mark.parametrize("server", ["web", "notifications"])
def test_bytes_that_no_browser_sends_break_nothing(
    house: House, house_database: psycopg.Connection[DictRow], server: str
) -> None:
    url, log = house.urls[server], house.data / "logs" / f"{server}.log"
    before, said = counted(house_database), log.stat().st_size
    found: Counter[bytes] = Counter()
    for request in requests_of(urlsplit(url).netloc):
        answer = answered(url, request)
        status = answer.split(b" ")[1] if answer.startswith(b"HTTP/") else b"none"
        assert status[:1] != b"5" or status == b"501", (request[:300], answer[:300])  # 501: another transfer coding
        assert status[:1] == b"2" or MARK.encode() not in answer.partition(b"\r\n\r\n")[2], request[:300]
        found[status] += 1
    assert found.keys() >= {b"200", b"302", b"400", b"404"} if server == "web" else {b"400"}, found
    assert counted(house_database) == before
    told = [line for line in log.read_bytes()[said:].splitlines() if MARK.encode() in line]
    assert told == []
    assert requests.get(f"{url}/health/live", timeout=SECONDS).status_code == 200
