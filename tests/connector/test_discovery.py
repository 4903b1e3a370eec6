"""Where an EHR's endpoints are, asked of servers that answer like Epic, like older EHRs, and like neither."""

import json
from dataclasses import replace
from typing import Any

import pytest
from django.core.cache import cache

from connector.ehr.discovery import Endpoints, Software, describe, discover, endpoints
from connector.errors import Permanent, Retry, WireError
from connector.http import Deadline
from tests.servers import Reply, Server

BASE = "/interconnect/api/FHIR/R4"
CONFIGURATION = f"{BASE}/.well-known/smart-configuration"
METADATA = f"{BASE}/metadata"
OAUTH_URIS = "http://fhir-registry.smarthealthit.org/StructureDefinition/oauth-uris"
LOGIN_PAGE = Reply("<!doctype html><title>Sign in</title>")


def smart(server: Server, **changes: Any) -> dict[str, Any]:
    """A smart-configuration as Epic publishes it, with changes."""
    return {
        "issuer": f"{server.url}/interconnect/oauth2",
        "jwks_uri": f"{server.url}/interconnect/keys",
        "authorization_endpoint": f"{server.url}/interconnect/oauth2/authorize",
        "token_endpoint": f"{server.url}/interconnect/oauth2/token",
        "scopes_supported": ["fhirUser", "launch", "openid", "profile"],
        "code_challenge_methods_supported": ["S256"],
        "capabilities": ["launch-ehr", "sso-openid-connect"],
    } | changes


def statement(server: Server, **changes: Any) -> dict[str, Any]:
    """A CapabilityStatement with the SMART extension, with changes."""
    uris = [{"url": name, "valueUri": f"{server.url}/oauth2/{name}"} for name in ("authorize", "token", "register")]
    security = {"extension": [{"url": "urn:other"}, {"url": OAUTH_URIS, "extension": uris}]}
    return {
        "resourceType": "CapabilityStatement",
        "fhirVersion": "4.0.1",
        "software": {"name": "Epic", "version": "May 2026", "releaseDate": "2026-05-11"},
        "rest": [{"mode": "server", "security": security}],
    } | changes


def found(server: Server, client_id: str = "") -> Endpoints:
    return discover(server.url + BASE, deadline=Deadline.after(5), client_id=client_id)


def described(server: Server) -> Software:
    return describe(server.url + BASE, deadline=Deadline.after(5))


def test_endpoints_come_from_the_smart_configuration(server: Server) -> None:
    server.answer(CONFIGURATION, Reply(smart(server)))
    assert found(server, client_id="client-1") == Endpoints(
        authorize=f"{server.url}/interconnect/oauth2/authorize",
        token=f"{server.url}/interconnect/oauth2/token",
        issuer=f"{server.url}/interconnect/oauth2",
        jwks_uri=f"{server.url}/interconnect/keys",
        pkce=True,
    )
    assert server.requests[0].headers["epic-client-id"] == "client-1"


@pytest.mark.parametrize(
    "changes",
    [
        {"scopes_supported": [["openid", "launch"], None]},
        {"scopes_supported": "openid"},
        {"unknown": {"deep": [1, None]}, "capabilities": None, "grant_types_supported": 7},
    ],
    ids=str,
)
def test_what_we_do_not_use_may_be_of_any_shape(changes: dict[str, Any], server: Server) -> None:
    server.answer(CONFIGURATION, Reply(smart(server, **changes)))
    assert found(server).token == f"{server.url}/interconnect/oauth2/token"


def test_relative_endpoints_are_read_against_the_base(server: Server) -> None:
    relative = {"authorization_endpoint": "auth/authorize", "token_endpoint": "/oauth2/token", "jwks_uri": "keys"}
    server.answer(CONFIGURATION, Reply(smart(server, **relative)))
    where = found(server)
    assert where.authorize == f"{server.url}{BASE}/auth/authorize"
    assert where.token == f"{server.url}/oauth2/token"
    assert where.jwks_uri == f"{server.url}{BASE}/keys"


def test_an_issuer_unlike_the_base_is_taken_as_it_is(server: Server) -> None:
    server.answer(CONFIGURATION, Reply(smart(server, issuer="https://identity.hospital.example")))
    where = found(server)
    assert where.issuer == "https://identity.hospital.example"
    assert where.hosts() == {server.host, "identity.hospital.example"}


def test_keys_that_the_configuration_does_not_name_are_asked_of_the_issuer(server: Server) -> None:
    server.answer(CONFIGURATION, Reply(smart(server, jwks_uri=None, issuer=f"{server.url}/elsewhere/")))
    server.answer("/elsewhere/.well-known/openid-configuration", Reply({"jwks_uri": f"{server.url}/named"}))
    assert found(server).jwks_uri == f"{server.url}/named"


def test_without_openid_there_is_neither_issuer_nor_keys(server: Server) -> None:
    document = smart(server, issuer=None, jwks_uri=None, code_challenge_methods_supported=None)
    server.answer(CONFIGURATION, Reply(document))
    where = found(server)
    assert (where.openid, where.pkce) == (False, False)


@pytest.mark.parametrize(
    "reply",
    [
        Reply("<h1>Not found</h1>", 404),
        LOGIN_PAGE,
        Reply(status=302, headers={"Location": "/login"}),
        Reply("{", 200),
        Reply("[]"),
        Reply({"token_endpoint": 7, "authorization_endpoint": None}),
        Reply({"error": "unauthorized"}, 401),
    ],
    ids=["404 as HTML", "login page", "redirect", "half", "list", "no endpoints", "401"],
)
def test_without_a_smart_configuration_the_metadata_tells(reply: Reply, server: Server) -> None:
    server.answer(CONFIGURATION, reply)
    server.answer(METADATA, Reply(statement(server)))
    where = found(server)
    assert (where.authorize, where.token) == (f"{server.url}/oauth2/authorize", f"{server.url}/oauth2/token")
    assert (where.source, where.openid) == ("metadata", False)
    assert "json" in server.asked(METADATA)[0].headers["accept"]


@pytest.mark.parametrize(
    ("capabilities", "grammar"),
    [
        (["permission-v1", "permission-v2"], "either"),
        (["permission-v2"], "v2"),
        (["permission-v1"], "v1"),
        (["permission-user"], "v1"),
        (None, "v1"),
        ("permission-v2", "v1"),
    ],
    ids=str,
)
def test_the_grammar_of_scopes_is_the_servers_own(capabilities: Any, grammar: str, server: Server) -> None:
    server.answer(CONFIGURATION, Reply(smart(server, capabilities=capabilities)))
    assert found(server).grammar == grammar


@pytest.mark.parametrize(
    ("changes", "takes_openid"),
    [
        ({}, True),
        ({"capabilities": ["launch-ehr"]}, True),  # it names an issuer
        ({"issuer": None, "jwks_uri": None}, True),
        ({"issuer": None, "jwks_uri": None, "capabilities": ["launch-ehr"]}, False),
        ({"issuer": None, "jwks_uri": None, "capabilities": None}, True),  # nothing is said
    ],
    ids=str,
)
def test_who_signed_in_is_asked_unless_the_server_says_that_it_cannot_tell(
    changes: dict[str, Any], takes_openid: bool, server: Server
) -> None:
    server.answer(CONFIGURATION, Reply(smart(server, **changes)))
    assert found(server).takes_openid is takes_openid


@pytest.mark.parametrize(
    ("software", "takes_pkce", "takes_openid"),
    [
        ({"name": "Epic", "version": "November 2018"}, False, False),
        ({"name": "Epic", "version": "May 2019"}, False, False),
        ({"name": "Epic", "version": "August 2019"}, True, False),
        ({"name": "Epic", "version": "November 2019"}, True, True),
        ({"name": "Epic", "version": "May 2021"}, True, True),
        ({"name": "Epic", "version": "twelve"}, True, True),
        ({"name": "Other", "version": "November 2018"}, True, True),
        (None, True, True),
    ],
    ids=str,
)
def test_the_metadata_tell_by_the_release_of_epic_what_its_sign_in_understands(
    software: Any, takes_pkce: bool, takes_openid: bool, server: Server
) -> None:
    server.answer(METADATA, Reply(statement(server, software=software)))
    where = found(server)
    assert (where.takes_pkce, where.takes_openid, where.grammar) == (takes_pkce, takes_openid, "v1")


@pytest.mark.parametrize("status", [500, 502, 503, 429])
def test_an_ehr_that_is_down_or_busy_may_answer_later(status: int, server: Server) -> None:
    server.answer(CONFIGURATION, Reply("<h1>Maintenance</h1>", status, {"Retry-After": "120"}))
    with pytest.raises(Retry) as caught:
        found(server)
    assert (caught.value.code, caught.value.after, caught.value.status) == ("ehr-unavailable", 120, status)
    assert server.asked(METADATA) == []


def test_metadata_that_is_down_may_answer_later(server: Server) -> None:
    server.answer(METADATA, Reply(status=503))
    with pytest.raises(Retry, match="ehr-unavailable"):
        found(server)


@pytest.mark.parametrize(
    ("reply", "code"),
    [
        (LOGIN_PAGE, "not-fhir"),
        (Reply("<h1>Not found</h1>", 404), "not-fhir"),
        (Reply({"resourceType": "OperationOutcome"}), "not-fhir"),
        (Reply({"resourceType": "CapabilityStatement"}), "no-smart-endpoints"),
        (Reply({"resourceType": "CapabilityStatement", "rest": [None, {"security": 7}]}), "no-smart-endpoints"),
    ],
    ids=["login page", "404", "other resource", "no rest", "strange rest"],
)
def test_what_is_no_ehr_is_told_so(reply: Reply, code: str, server: Server) -> None:
    server.answer(METADATA, reply)
    with pytest.raises(Permanent, match=code):
        found(server)


def test_software_and_release_of_an_epic_like_server(server: Server) -> None:
    server.answer(METADATA, Reply(statement(server)))
    assert described(server) == Software("Epic", "May 2026", "R4")


def test_software_and_release_of_an_older_server(server: Server) -> None:
    older = {"resourceType": "Conformance", "fhirVersion": "1.0.2", "publisher": "Not provided", "software": None}
    server.answer(METADATA, Reply(older, headers={"Content-Type": "application/json+fhir"}))
    assert described(server) == Software("Not provided", "", "DSTU2")


def test_a_release_that_we_do_not_know_is_shown_as_it_is(server: Server) -> None:
    server.answer(METADATA, Reply(statement(server, fhirVersion="6.0.0-ballot2", software={"name": 7})))
    assert described(server) == Software("7", "", "6.0.0-ballot2")


def test_a_statement_of_five_megabytes_is_read(server: Server) -> None:
    filler = [{"type": f"Resource{number}", "documentation": "x" * 5_000} for number in range(1_000)]
    large = json.dumps(statement(server, filler=filler))
    assert len(large) > 5_000_000
    server.answer(METADATA, Reply(large, headers={"Content-Type": "application/fhir+json"}))
    assert described(server).name == "Epic"
    assert found(server).token == f"{server.url}/oauth2/token"


def kept(server: Server) -> Endpoints:
    return endpoints(server.url + BASE, deadline=Deadline.after(5))


def an_hour_later(server: Server) -> None:
    """Let the cache drop what it was to keep for an hour, after a look at how long it would have."""
    client = cache._cache.get_client()  # type: ignore[attr-defined]  # only the server itself knows the time left
    names = {f"smart:{server.url}{BASE}:": 3600, f"smart:{server.url}{BASE}::stale": 86_400}
    for name, seconds in names.items():
        assert seconds - 10 < client.ttl(cache.make_key(name)) <= seconds
    cache.delete(f"smart:{server.url}{BASE}:")


def test_endpoints_are_kept_for_an_hour(server: Server) -> None:
    server.answer(CONFIGURATION, Reply(smart(server)))
    first = kept(server)
    assert kept(server) == first
    assert len(server.requests) == 1
    server.answer(CONFIGURATION, Reply(smart(server, token_endpoint=f"{server.url}/moved")))
    an_hour_later(server)
    assert kept(server) == replace(first, token=f"{server.url}/moved")


@pytest.mark.parametrize(
    "reply", [Reply(status=503), Reply(hang_up=True), LOGIN_PAGE], ids=["503", "gone", "login page"]
)
def test_what_was_found_is_good_for_a_day_when_the_ehr_fails(reply: Reply, server: Server) -> None:
    server.answer(CONFIGURATION, Reply(smart(server)), reply)
    first = kept(server)
    an_hour_later(server)
    assert kept(server) == first


def test_without_an_earlier_answer_a_failure_is_a_failure(server: Server) -> None:
    server.answer(CONFIGURATION, Reply(status=503))
    with pytest.raises(WireError, match="ehr-unavailable"):
        kept(server)


def test_an_ehr_that_is_silent_takes_a_share_of_a_launch_and_then_nothing_for_a_minute(server: Server) -> None:
    server.answer(CONFIGURATION, Reply(smart(server)), Reply(delay=9))
    first = kept(server)
    an_hour_later(server)
    deadline = Deadline.after(8)
    assert endpoints(server.url + BASE, deadline=deadline) == first
    assert deadline.remaining() > 3
    asked = len(server.requests)
    assert kept(server) == first
    assert len(server.requests) == asked
