"""The one door out, against real servers that are slow, strange or where nobody should go."""

import gzip
import logging
import socket
import ssl
import threading
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import requests
from pytest_django import Settings

from connector.errors import Permanent, Retry, WireError
from connector.http import MAX_BYTES, Deadline, fetch, is_public, resolve, session
from tests.servers import Reply, Server, certified, serving

NOT_PUBLIC = {
    "loopback": "127.0.0.1",
    "loopback of IPv6": "::1",
    "private 10": "10.1.2.3",
    "private 172": "172.16.0.9",
    "private 192": "192.168.1.1",
    "private of IPv6": "fd12:3456::1",
    "site-local": "fec0::1",
    "link-local, where clouds keep credentials": "169.254.169.254",
    "link-local of IPv6": "fe80::1",
    "link-local with a zone": "fe80::1%eth0",
    "carrier-grade NAT": "100.64.0.1",
    "this host": "0.0.0.0",  # noqa: S104
    "unspecified": "::",
    "broadcast": "255.255.255.255",
    "documentation": "192.0.2.1",
    "multicast": "224.0.0.1",
    "multicast of IPv6": "ff0e::1",
    "mapped loopback": "::ffff:127.0.0.1",
    "mapped link-local": "::ffff:169.254.169.254",
    "mapped multicast": "::ffff:224.0.0.1",
    "IPv4-compatible loopback": "::127.0.0.1",
    "6to4 of a private address": "2002:0a00:0001::1",
    "NAT64 of a private address": "64:ff9b::10.0.0.1",
    "NAT64 of the local kind": "64:ff9b:1::10.0.0.1",
    "IPv4-translated loopback": "::ffff:0:127.0.0.1",
    "Teredo of a private address": "2001:0:a00:1::1",
    "6to4's relays": "192.88.99.1",
    "where Amazon keeps credentials on IPv6": "fd00:ec2::254",
    "where Azure's hosts answer their guests": "168.63.129.16",
    "where Oracle's cloud keeps credentials": "192.0.0.192",
    "where Alibaba's cloud keeps credentials": "100.100.100.200",
    "mapped address of Azure's hosts": "::ffff:168.63.129.16",
    "benchmarking": "198.18.0.1",
    "documentation of IPv6": "3fff::1",
}


def code_of(act: Callable[[], object]) -> str:
    """The code of the wire error that an act ends with."""
    with pytest.raises(WireError) as caught:
        act()
    return caught.value.code


def resolving(monkeypatch: pytest.MonkeyPatch, *addresses: str) -> list[str]:
    """Let the operating system resolve every name to these; returns the names it will have been asked for."""
    asked: list[str] = []

    def getaddrinfo(host: str, port: int, *_: object, **__: object) -> list[Any]:
        asked.append(host)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in addresses]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    return asked


@pytest.mark.parametrize("address", NOT_PUBLIC.values(), ids=NOT_PUBLIC.keys())
def test_an_address_inside_is_not_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", ["8.8.8.8", "52.96.0.1", "2606:4700::1111", "::ffff:8.8.8.8"])
def test_an_address_of_the_internet_is_public(address: str) -> None:
    assert is_public(address)


def test_plain_http_is_refused(deadline: Deadline) -> None:
    assert code_of(lambda: fetch("GET", "http://ehr.example/", deadline=deadline)) == "not-https"


def test_plain_http_reaches_a_host_that_the_operator_allows(server: Server, deadline: Deadline) -> None:
    server.answer("/", Reply("hello"))
    answer = fetch("GET", f"{server.url}/", deadline=deadline)
    assert (answer.status, answer.body, answer.ok) == (200, b"hello", True)


def test_another_port_of_an_allowed_host_stays_closed(server: Server, deadline: Deadline) -> None:
    with serving() as neighbour:
        assert code_of(lambda: fetch("GET", neighbour.url, deadline=deadline)) == "not-https"
        assert neighbour.requests == []


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "2130706433", "0x7f.1", "[::1]", "[::ffff:127.0.0.1]"])
def test_no_spelling_of_a_private_address_gets_through(host: str, deadline: Deadline) -> None:
    assert code_of(lambda: fetch("GET", f"https://{host}/", deadline=deadline)) == "address-not-public"


@pytest.mark.parametrize("addresses", [("10.0.0.5",), ("8.8.8.8", "10.0.0.5")], ids=["only", "among public ones"])
def test_a_name_that_resolves_to_a_private_address_is_refused(
    addresses: tuple[str, ...], deadline: Deadline, monkeypatch: pytest.MonkeyPatch
) -> None:
    resolving(monkeypatch, *addresses)
    assert code_of(lambda: fetch("GET", "https://rebound.example/", deadline=deadline)) == "address-not-public"


def test_the_connection_goes_to_the_address_that_was_checked(
    server: Server, deadline: Deadline, monkeypatch: pytest.MonkeyPatch, settings: Settings
) -> None:
    port = int(server.host.partition(":")[2])
    answers = {"ehr.example": ["8.8.8.8", "127.0.0.1"], "8.8.8.8": []}
    asked: list[str] = []

    def getaddrinfo(host: str, *_: object, **__: object) -> list[Any]:
        asked.append(host)
        if not answers[host]:
            raise OSError("no route in this test")
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (answers[host].pop(0), port))]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    assert code_of(lambda: fetch("GET", f"https://ehr.example:{port}/", deadline=deadline)) == "unreachable"
    assert asked == ["ehr.example", "8.8.8.8"]
    assert server.requests == []


def test_a_name_server_that_does_not_answer_costs_no_more_than_its_share(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: time.sleep(4))
    started = time.monotonic()
    with pytest.raises(TimeoutError):
        resolve("slow.example", 443, seconds=0.2)
    assert time.monotonic() - started < 3


def test_a_redirect_is_an_answer_and_not_followed(server: Server, deadline: Deadline) -> None:
    server.answer("/here", Reply(status=302, headers={"Location": "/there"}))
    answer = fetch("GET", f"{server.url}/here", deadline=deadline)
    assert (answer.status, answer.ok, answer.headers["location"]) == (302, False, "/there")
    assert server.asked("/there") == []


@pytest.mark.parametrize("target", ["http://[nobody", "mailto:a@example.org", "//", "\x7f"])
def test_a_redirect_to_nowhere_is_an_answer_too(target: str, server: Server, deadline: Deadline) -> None:
    server.answer("/here", Reply(status=302, headers={"Location": target}))
    assert fetch("GET", f"{server.url}/here", deadline=deadline).status == 302


def test_a_redirects_body_is_not_read_beyond_the_limit_either(server: Server, deadline: Deadline) -> None:
    server.answer("/here", Reply("x" * 4_000, 302, headers={"Location": "/there"}))
    assert code_of(lambda: fetch("GET", f"{server.url}/here", deadline=deadline, max_bytes=1_000)) == "answer-too-large"


@pytest.mark.parametrize(
    "reply",
    [
        Reply("x", delay=3),
        Reply("x" * 40, drip=0.05),
        Reply("x" * 5_000, drip=0.001),
        Reply(headers={"X": "y" * 99}, drip=0.1),
    ],
    ids=["silence", "slow bytes", "many quick bytes", "slow headers"],
)
def test_the_deadline_holds_however_slowly_a_server_answers(reply: Reply, server: Server) -> None:
    server.answer("/", reply)
    started = time.monotonic()
    assert code_of(lambda: fetch("GET", server.url + "/", deadline=Deadline.after(0.8))) in {
        "no-answer-in-time",
        "deadline-over",
    }
    assert 0.7 < time.monotonic() - started < 2.5


def test_a_server_that_never_shakes_hands_is_given_up_in_time(settings: Settings) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        host = f"localhost:{silent.getsockname()[1]}"
        settings.OUTGOING_ALLOWED_HOSTS = frozenset({host})
        started = time.monotonic()
        assert code_of(lambda: fetch("GET", f"https://{host}/", deadline=Deadline.after(0.6))) == "no-answer-in-time"
        assert time.monotonic() - started < 2.5


def test_asking_for_the_name_connecting_and_tls_share_the_time(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = socket.getaddrinfo

    def slowly(*asked: Any, **how: Any) -> Any:
        time.sleep(1)
        return answer(*asked, **how)

    with socket.create_server(("127.0.0.1", 0)) as silent:
        host = f"localhost:{silent.getsockname()[1]}"
        settings.OUTGOING_ALLOWED_HOSTS = frozenset({host})
        monkeypatch.setattr(socket, "getaddrinfo", slowly)
        started = time.monotonic()
        assert code_of(lambda: fetch("GET", f"https://{host}/", deadline=Deadline.after(2.5))) == "no-answer-in-time"
        assert time.monotonic() - started < 4


def test_calls_share_one_deadline(server: Server) -> None:
    server.answer("/", Reply("x", delay=1.5), Reply("x", delay=2))
    shared = Deadline.after(3)  # with as much of its own the second would be in time
    assert fetch("GET", server.url + "/", deadline=shared).ok
    assert code_of(lambda: fetch("GET", server.url + "/", deadline=shared)) in {"no-answer-in-time", "deadline-over"}


def test_when_the_time_is_over_nobody_is_asked(server: Server) -> None:
    assert code_of(lambda: fetch("GET", server.url, deadline=Deadline.after(-1))) == "deadline-over"
    assert server.requests == []


def test_a_slow_answer_in_time_is_read_whole(server: Server, deadline: Deadline) -> None:
    server.answer("/", Reply("all of it", drip=0.002))
    assert fetch("GET", server.url + "/", deadline=deadline).body == b"all of it"


def test_connections_are_used_again(server: Server, deadline: Deadline) -> None:
    server.answer("/", Reply("a", drip=0.001), Reply("b"), Reply("c", headers={"Connection": "close"}), Reply("d"))
    assert [fetch("GET", server.url + "/", deadline=deadline).body for _ in range(4)] == [b"a", b"b", b"c", b"d"]


def test_a_server_that_hangs_up_or_is_gone_may_work_later(server: Server, deadline: Deadline) -> None:
    server.answer("/", Reply(hang_up=True))
    with pytest.raises(Retry) as caught:
        fetch("GET", server.url + "/", deadline=deadline)
    assert (caught.value.code, caught.value.host) == ("unreachable", "localhost")


def test_half_a_body_is_no_answer(server: Server, deadline: Deadline) -> None:
    server.answer("/", Reply('{"half":', headers={"Content-Length": "500", "Connection": "close"}))
    with pytest.raises(Retry):
        fetch("GET", server.url + "/", deadline=Deadline.after(1))


@pytest.mark.parametrize("packed", [False, True], ids=["plain", "unpacking to more than was sent"])
def test_more_bytes_than_wanted_are_not_read(packed: bool, server: Server, deadline: Deadline) -> None:
    body = b"x" * 400_000
    packing = {"Content-Encoding": "gzip"}
    server.answer("/", Reply(gzip.compress(body), headers=packing) if packed else Reply(body))
    assert code_of(lambda: fetch("GET", server.url + "/", deadline=deadline, max_bytes=300_000)) == "answer-too-large"
    assert fetch("GET", server.url + "/", deadline=deadline, max_bytes=400_000).body == body


def test_a_bomb_is_not_unpacked(server: Server, deadline: Deadline) -> None:
    """Some hundred bytes that would be forty megabytes: as much is unpacked as we take, not as much as there is."""
    bomb = gzip.compress(gzip.compress(b"x" * 40_000_000))
    server.answer("/", Reply(bomb, headers={"Content-Encoding": "gzip, gzip"}))
    tracemalloc.start()
    try:
        told = code_of(lambda: fetch("GET", server.url + "/", deadline=deadline, max_bytes=300_000))
        most = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert told == "answer-too-large"
    assert most < 4_000_000


@pytest.mark.parametrize("url", ["https://", "https://[::1", "https://a..example/", "ftp://ehr.example/", "nonsense"])
def test_what_is_no_address_is_told_so(url: str, deadline: Deadline) -> None:
    with pytest.raises(Permanent) as caught:
        fetch("GET", url, deadline=deadline)
    assert caught.value.code in {"bad-address", "not-https"}


def test_a_certificate_of_another_host_is_refused(tmp_path: Path, deadline: Deadline, settings: Settings) -> None:
    context, authority = certified(tmp_path, "other.example")
    with serving(context) as server:
        settings.OUTGOING_ALLOWED_HOSTS = frozenset({server.host})
        assert code_of(lambda: fetch("GET", server.url, deadline=deadline, verify=authority)) == "certificate"
        assert server.requests == []


def test_a_certificate_of_an_unknown_authority_is_refused(
    tmp_path: Path, deadline: Deadline, settings: Settings
) -> None:
    with serving(certified(tmp_path, "localhost")[0]) as server:
        settings.OUTGOING_ALLOWED_HOSTS = frozenset({server.host})
        assert code_of(lambda: fetch("GET", server.url, deadline=deadline)) == "certificate"


@pytest.mark.parametrize(
    "said",
    [b"", b"\x15\x03\x03\x00\x02\x02\x28", b"HTTP/1.1 400 Bad Request\r\n\r\n"],
    ids=["nothing", "alert", "http"],
)
def test_a_handshake_that_breaks_off_says_nothing_of_a_certificate(
    said: bytes, deadline: Deadline, settings: Settings
) -> None:
    def hang_up() -> None:
        with listener.accept()[0] as line:
            line.recv(65_536)
            line.sendall(said)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        settings.OUTGOING_ALLOWED_HOSTS = frozenset({"127.0.0.1"})
        answering = threading.Thread(target=hang_up)
        answering.start()
        try:
            raise ssl.SSLCertVerificationError  # another call's, which is being dealt with
        except ssl.SSLError:
            with pytest.raises(Retry) as caught:
                fetch("GET", f"https://127.0.0.1:{listener.getsockname()[1]}/", deadline=deadline)
        answering.join()
    assert caught.value.code == "unreachable"


def test_tls_holds_the_deadline_too(tmp_path: Path, settings: Settings) -> None:
    context, authority = certified(tmp_path, "localhost")
    with serving(context) as server:
        settings.OUTGOING_ALLOWED_HOSTS = frozenset({server.host})
        server.answer("/", Reply("sealed"), Reply("x" * 99, drip=0.05))
        assert fetch("GET", server.url + "/", deadline=Deadline.after(5), verify=authority).body == b"sealed"
        started = time.monotonic()
        with pytest.raises(Retry):
            fetch("GET", server.url + "/", deadline=Deadline.after(0.8), verify=authority)
        assert time.monotonic() - started < 2.5


def test_the_log_tells_host_and_status_and_nothing_of_the_address(
    server: Server, deadline: Deadline, caplog: pytest.LogCaptureFixture
) -> None:
    server.answer("/Patient/e63wRTbPfr1p", Reply("x"))
    with caplog.at_level(logging.INFO):
        fetch("GET", f"{server.url}/Patient/e63wRTbPfr1p?code=c0de", deadline=deadline)
    ours = [record for record in caplog.records if record.name == "connector.http"]
    assert [(record.__dict__["host"], record.__dict__["status"]) for record in ours] == [("localhost", 200)]
    written = " ".join(str(record.__dict__) for record in ours)
    assert "e63wRTbPfr1p" not in written
    assert "c0de" not in written


def test_a_library_cannot_leave_https_or_reach_inside_either(deadline: Deadline) -> None:
    with session(deadline) as outgoing:
        assert code_of(lambda: outgoing.get("http://ehr.example/")) == "not-https"
        assert code_of(lambda: outgoing.get("https://localhost/")) == "address-not-public"


def test_a_library_follows_no_redirect_either(server: Server, deadline: Deadline) -> None:
    server.answer("/here", Reply(status=302, headers={"Location": "/there"}))
    with session(deadline) as outgoing, pytest.raises(requests.TooManyRedirects):
        outgoing.get(f"{server.url}/here")
    assert server.asked("/there") == []


def test_a_library_shares_the_deadline_whatever_timeout_it_names(server: Server) -> None:
    server.answer("/", Reply("x" * 99, drip=0.05))
    started = time.monotonic()
    with session(Deadline.after(0.8)) as outgoing:
        with pytest.raises((requests.RequestException, Retry)):
            outgoing.get(server.url + "/", timeout=600)
        assert time.monotonic() - started < 2.5
        assert code_of(lambda: outgoing.get(server.url + "/")) == "deadline-over"


def test_a_library_reads_no_more_than_we_do(server: Server, deadline: Deadline) -> None:
    server.answer("/", Reply(b"x" * (MAX_BYTES + 1)), Reply({"a": 1}))
    with session(deadline) as outgoing:
        assert code_of(lambda: outgoing.get(server.url + "/")) == "answer-too-large"
        assert outgoing.get(server.url + "/").json() == {"a": 1}
