"""The way to the EHR: names, addresses, certificates, protocols, and hosts where nobody answers."""

import socket
import ssl
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from pytest_django import Settings

from connector.ehr.preflight import Report, Subject, run
from connector.http import Deadline
from tests.connector.test_preflight.ehr import HEALTHY, WAY, Ehr, levels
from tests.servers import Paper, Server, serving

DAY = timedelta(days=1)
OVER_TLS = {check: level for check, level in HEALTHY.items() if check not in WAY} | {"address-internal": "info"}


def check(base_url: str, *, seconds: float = 5, environment: str = "testing") -> Report:
    return run(Subject(base_url, environment), deadline=Deadline.after(seconds))


@dataclass(frozen=True)
class Tls:
    """A certificate, what the server's TLS is made to do, and what is found."""

    name: str
    paper: Paper
    found: str
    change: Callable[[ssl.SSLContext], None] = lambda context: None
    trusted: bool = True


def only_old(context: ssl.SSLContext) -> None:
    context.set_ciphers("DEFAULT@SECLEVEL=0")
    context.minimum_version, context.maximum_version = ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1


def no_common_cipher(context: ssl.SSLContext) -> None:
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers("PSK")


REFUSED = [
    Tls("expired", Paper(begins=-90 * DAY, ends=-1 * DAY), "tls-expired"),
    Tls("not yet valid", Paper(begins=1 * DAY), "tls-not-yet"),
    Tls("of another host", Paper("ehr.hospital.example"), "tls-host"),
    Tls("self-signed", Paper(self_signed=True), "tls-self-signed"),
    Tls("of an authority nobody knows, sent along", Paper(sent=("authority",)), "tls-authority", trusted=False),
    Tls("of an authority nobody knows", Paper(), "tls-chain", trusted=False),
    Tls("without its intermediate", Paper(intermediate=True), "tls-chain"),
    Tls("made for clients", Paper(for_clients=True), "tls-untrusted"),
    Tls("TLS 1.0 and 1.1 alone", Paper(), "tls-version", only_old),
    Tls("no cipher in common", Paper(), "tls-handshake", no_common_cipher),
]


@pytest.mark.parametrize("row", REFUSED, ids=lambda row: row.name)
@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
def test_a_server_that_cannot_be_trusted_is_told_apart_and_asked_nothing(
    row: Tls, tmp_path: Path, settings: Settings
) -> None:
    context, authority = row.paper.signed(tmp_path)
    row.change(context)
    with serving(context) as server:
        settings.OUTGOING_ALLOWED_HOSTS = frozenset({server.host})
        settings.OUTGOING_CA_FILE = authority if row.trusted else ""
        report = check(f"{server.url}/api/FHIR/R4")
        assert levels(report) == {"address-internal": "info", row.found: "blocks"}
        assert server.requests == []


@pytest.mark.parametrize(
    "paper",
    [
        Paper(),
        Paper(intermediate=True, sent=("intermediate",)),
        Paper(intermediate=True, sent=("authority", "intermediate")),
    ],
    ids=["signed by the authority", "with its intermediate", "with its chain in disorder"],
)
@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3], ids=["TLS 1.2", "TLS 1.3"])
def test_a_good_certificate_is_fine(paper: Paper, version: ssl.TLSVersion, tmp_path: Path, settings: Settings) -> None:
    context, settings.OUTGOING_CA_FILE = paper.signed(tmp_path)
    context.minimum_version = context.maximum_version = version
    assert levels(healthy_over(context, settings)) == OVER_TLS | {"tls-trusted": "ok"}


def test_a_certificate_that_ends_soon_warns_and_names_the_day(tmp_path: Path, settings: Settings) -> None:
    context, settings.OUTGOING_CA_FILE = Paper(ends=20 * DAY).signed(tmp_path)
    report = healthy_over(context, settings)
    assert levels(report) == OVER_TLS | {"tls-trusted": "ok", "tls-expires-soon": "warns"}
    assert not report.blocks


def healthy_over(context: ssl.SSLContext, settings: Settings) -> Report:
    with serving(context) as server:
        settings.OUTGOING_ALLOWED_HOSTS = frozenset({server.host})
        ehr = Ehr(server)
        ehr.set_up()
        return ehr.report()


def test_what_is_wrong_with_a_certificate_is_shown(tmp_path: Path, settings: Settings) -> None:
    context, settings.OUTGOING_CA_FILE = Paper("ehr.hospital.example").signed(tmp_path)
    with serving(context) as server:
        settings.OUTGOING_ALLOWED_HOSTS = frozenset({server.host})
        finding = check(server.url).findings[-1]
    assert finding.asked == f"TLS {server.host}"
    assert finding.came.startswith("ehr.hospital.example, valid 20")


def test_a_port_without_tls_is_told(server: Server) -> None:
    report = check(server.url.replace("http:", "https:"))
    assert levels(report) == {"address-internal": "info", "tls-none": "blocks"}


def listening() -> AbstractContextManager[socket.socket]:
    return socket.create_server(("127.0.0.1", 0))


def test_a_server_that_never_shakes_hands_is_given_up(settings: Settings) -> None:
    with listening() as silent:
        host = f"localhost:{silent.getsockname()[1]}"
        settings.OUTGOING_ALLOWED_HOSTS = frozenset({host})
        report = check(f"https://{host}/api/FHIR/R4", seconds=5)
    assert levels(report) == {"address-internal": "info", "connect-slow": "blocks"}
    assert report.findings[-1].came == "no answer within 2 s"


@pytest.mark.parametrize(
    ("scheme", "found"),
    [
        ("https", {"address-internal": "info", "connect-refused": "blocks"}),
        (
            "http",
            WAY
            | {
                "metadata-unreachable": "blocks",
                "smart-unavailable": "blocks",
                "backend-not-asked": "info",
                "status-unknown": "info",
            },
        ),
    ],
)
def test_a_port_where_nobody_listens_is_told(scheme: str, found: dict[str, str], settings: Settings) -> None:
    with listening() as closed:
        host = f"localhost:{closed.getsockname()[1]}"
    settings.OUTGOING_ALLOWED_HOSTS = frozenset({host})
    assert levels(check(f"{scheme}://{host}/api/FHIR/R4")) == found


def resolving(monkeypatch: pytest.MonkeyPatch, answer: Callable[[], list[Any]]) -> None:
    """Let the operating system's resolver answer so, whatever name it is asked."""
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: answer())


def address(text: str) -> Callable[[], list[Any]]:
    return lambda: [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (text, 443))]


def no_such_name() -> list[Any]:
    raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")


def no_answer() -> list[Any]:
    time.sleep(0.8)
    return []


@pytest.mark.parametrize(
    ("answer", "found"),
    [
        (no_such_name, "address-unknown"),
        (address("10.1.2.3"), "address-private"),
        (address("169.254.169.254"), "address-private"),
        (no_answer, "address-slow"),
    ],
    ids=["nobody knows the name", "a private address", "where clouds keep credentials", "name servers that are silent"],
)
def test_a_name_that_leads_nowhere_is_told(
    answer: Callable[[], list[Any]], found: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    resolving(monkeypatch, answer)
    assert levels(check("https://ehr.hospital.example/api/FHIR/R4", seconds=1)) == {found: "blocks"}


def test_a_public_address_is_fine_though_nobody_answers_there(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = iter([address("8.8.8.8")(), address("8.8.8.8")()])
    resolving(monkeypatch, lambda: next(answers, None) or no_such_name())
    report = check("https://ehr.hospital.example/api/FHIR/R4", seconds=5)
    assert levels(report) == {"address-found": "ok", "connect-refused": "blocks"}


@pytest.mark.parametrize("base_url", ["https://169.254.169.254/", "https://[::1]/api/FHIR/R4", "https://localhost:1/"])
def test_an_address_inside_is_refused(base_url: str) -> None:
    assert levels(check(base_url)) == {"address-private": "blocks"}


def test_plain_http_is_refused() -> None:
    assert levels(check("http://ehr.hospital.example/api/FHIR/R4")) == {"http-refused": "blocks"}


@pytest.mark.parametrize(("environment", "level"), [("testing", "info"), ("production", "warns")])
def test_http_that_the_operator_allows_is_told_the_louder_in_production(environment: str, level: str, ehr: Ehr) -> None:
    assert levels(ehr.report(environment=environment)) == HEALTHY | {"http-allowed": level}


@pytest.mark.parametrize(
    "base_url",
    [
        "",
        "nonsense",
        "https://",
        "https://[::1",
        "ftp://a.example",
        "https://u:p@a.example/",
        "https://a.example:99999",
    ],
)
def test_what_is_no_base_url_is_told(base_url: str) -> None:
    assert levels(check(base_url)) == {"address-bad": "blocks"}


def test_a_name_longer_than_dns_allows_is_told() -> None:
    assert levels(check(f"https://{'a' * 64}.example/")) == {"address-unknown": "blocks"}
