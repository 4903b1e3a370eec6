"""What a preflight sends, to whom, and how long it takes."""

import json
import time
from dataclasses import replace

import pytest

from connector.ehr.preflight import Subject
from connector.ehr.preflight.asking import Got, Seen
from connector.ehr.preflight.checks import network
from connector.http import Answer
from tests.connector.test_preflight.ehr import (
    BASE,
    CONFIGURATION,
    CONTROL,
    HEALTHY,
    KEYS,
    METADATA,
    OPENID,
    STATED,
    STATUS,
    TOKEN,
    Ehr,
    levels,
    without,
)
from tests.servers import Reply, Server


def test_the_status_service_is_never_called_only_asked_for_its_options(ehr: Ehr) -> None:
    ehr.report(status_url=f"{ehr.server.url}{STATUS}?ConferenceID=1&ExternalID=2#x")
    asked = [*ehr.server.asked(STATUS), *ehr.server.asked(CONTROL)]
    assert [request.method for request in asked] == ["OPTIONS", "OPTIONS"]
    assert [(request.query, request.body, request.headers.get("authorization")) for request in asked] == [
        ({}, b"", None),
        ({}, b"", None),
    ]


def test_nothing_is_written_and_nothing_else_is_asked(ehr: Ehr) -> None:
    ehr.report()
    assert sorted((request.method, request.path) for request in ehr.server.requests) == sorted(
        [
            ("GET", METADATA),
            ("GET", CONFIGURATION),
            ("GET", OPENID),
            ("GET", KEYS),
            ("POST", TOKEN),
            ("OPTIONS", STATUS),
            ("OPTIONS", CONTROL),
        ]
    )


def test_json_is_asked_for_and_the_client_id_named(ehr: Ehr) -> None:
    ehr.report(client_id="client-7")
    for path in (METADATA, CONFIGURATION):
        headers = ehr.server.asked(path)[0].headers
        assert "json" in headers["accept"]
        assert headers["epic-client-id"] == "client-7"


def test_the_backend_token_is_asked_for_with_our_signature_and_scopes(ehr: Ehr) -> None:
    ehr.report(backend_scopes="system/Appointment.read")
    form = ehr.server.asked(TOKEN)[0].form
    assert (form["grant_type"], form["scope"]) == ("client_credentials", "system/Appointment.read")
    assert form["client_assertion"].count(".") == 2


def test_without_a_backend_client_no_token_is_asked_for(ehr: Ehr) -> None:
    found = levels(ehr.report(backend=None))
    assert found == without("backend-token") | {"backend-not-asked": "info"}
    assert ehr.server.asked(TOKEN) == []


def test_without_an_address_the_status_service_is_not_asked(ehr: Ehr) -> None:
    assert levels(ehr.report(status_url="")) == without("status-answers") | {"status-unknown": "info"}


def test_a_token_endpoint_on_a_host_that_nobody_approved_gets_no_signature(ehr: Ehr, neighbour: Server) -> None:
    ehr.server.answer(CONFIGURATION, Reply(ehr.configuration(token_endpoint=f"{neighbour.url}/token")))
    report = ehr.report(approved_hosts=frozenset({ehr.server.host}))
    changed = {"drift-hosts": "blocks", "backend-not-asked": "info"}
    assert levels(report) == without("backend-token") | changed
    assert neighbour.requests == []
    assert next(finding.came for finding in report.findings if finding.check == "drift-hosts") == neighbour.host


def test_what_was_approved_and_still_answers_has_not_drifted(ehr: Ehr) -> None:
    report = ehr.report(approved_hosts=frozenset({ehr.server.host}), approved_kind="epic")
    assert levels(report) == HEALTHY | {"drift-none": "ok"}


def test_another_kind_of_ehr_than_the_approved_one_is_drift(ehr: Ehr) -> None:
    assert levels(ehr.report(approved_kind="oracle")) == HEALTHY | {"drift-kind": "warns"}


def test_hosts_without_the_metadata_say_nothing_of_the_kind(ehr: Ehr) -> None:
    ehr.server.answer(METADATA, Reply(status=404))
    assert levels(ehr.report(approved_kind="oracle")) == without(*STATED) | {"metadata-missing": "warns"}


@pytest.mark.parametrize("end", ["", "/", "//"])
def test_a_slash_at_the_end_of_the_base_url_does_not_matter(end: str, ehr: Ehr) -> None:
    assert levels(ehr.report(base_url=ehr.base_url + end)) == HEALTHY


def test_the_path_is_asked_for_as_it_was_written(ehr: Ehr) -> None:
    report = ehr.report(base_url=ehr.server.url + BASE.lower())
    assert levels(report)["metadata-missing"] == "blocks"
    assert ehr.server.asked(f"{BASE.lower()}/metadata") != []


def test_an_issuer_on_another_host_than_the_base_is_fine(ehr: Ehr, neighbour: Server) -> None:
    neighbour.answer("/.well-known/openid-configuration", Reply({"issuer": neighbour.url}))
    ehr.server.answer(CONFIGURATION, Reply(ehr.configuration(issuer=neighbour.url)))
    report = ehr.report()
    assert levels(report) == HEALTHY
    assert report.hosts == {ehr.server.host, neighbour.host}


@pytest.mark.parametrize(
    ("path", "found"),
    [
        (METADATA, without(*STATED) | {"metadata-slow": "warns"}),
        (STATUS, without("status-answers") | {"status-unavailable": "warns"}),
        (CONTROL, without("status-answers") | {"status-undecided": "info"}),
        (OPENID, without("openid-found") | {"openid-unreadable": "warns"}),
        (KEYS, without("keys-found") | {"keys-unreadable": "blocks"}),
        (TOKEN, without("backend-token") | {"backend-unavailable": "warns"}),
    ],
    ids=["metadata", "status service", "its neighbour", "OpenID", "keys", "token"],
)
def test_one_that_is_silent_leaves_the_others_their_time(path: str, found: dict[str, str], ehr: Ehr) -> None:
    ehr.server.answer(path, Reply(delay=30))
    started = time.monotonic()
    assert levels(ehr.report(seconds=3)) == found
    assert time.monotonic() - started < 6


def test_silence_is_told_with_the_seconds_that_were_waited(ehr: Ehr) -> None:
    ehr.server.answer(METADATA, Reply(delay=30))
    report = ehr.report(seconds=2.4)
    finding = next(finding for finding in report.findings if finding.check == "metadata-slow")
    assert (finding.asked, finding.came) == ("GET /metadata", "no answer within 1 s")


def test_when_the_time_is_over_it_is_told_so(ehr: Ehr) -> None:
    assert ehr.report(seconds=0).blocks
    assert ehr.server.requests == []


def test_no_token_no_query_and_no_word_of_a_body_is_in_the_report(ehr: Ehr) -> None:
    ehr.server.answer(TOKEN, Reply({"error": "invalid_client", "error_description": "the secret word"}, 400))
    ehr.server.answer(KEYS, Reply("<html>the secret word</html>", 500))
    ehr.server.answer(CONFIGURATION, Reply(ehr.configuration(jwks_uri=f"{ehr.server.url}{KEYS}?key=secret")))
    text = json.dumps(ehr.report().dump())
    assert "secret word" not in text
    assert "s3cr3t" not in text
    assert "?" not in text


def test_what_took_more_than_half_a_launch_is_told() -> None:
    answer = Answer(200, {}, b"", "ehr.example")
    seen = Seen(
        Subject("https://ehr.example", "testing"),
        metadata=Got("GET /metadata", answer=answer, took=5.25),
        configuration=Got("GET /c", answer=answer, took=0.5),
    )
    assert [(finding.check, finding.asked, finding.came) for finding in network.speed(seen)] == [
        ("answers-slowly", "GET /metadata", "5.2 s")
    ]
    assert list(network.speed(replace(seen, metadata=Got("GET /metadata", answer=answer, took=3.9)))) == []
