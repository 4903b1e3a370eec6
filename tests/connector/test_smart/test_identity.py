"""Whom an id_token names, once it is verified; with and without an EHR that publishes its OpenID endpoints."""

import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from joserfc.jwk import RSAKey

from connector.ehr import smart
from connector.ehr.smart import EhrIdentity, Granted
from connector.errors import Permanent, Retry
from connector.http import Deadline
from tests.connector.test_smart.ehr import CLIENT_ID, KEYS, OPENID, endpoints_of, error_of
from tests.connector.tokens import claims, public, rsa_key, signed
from tests.servers import Reply, Server

NONCE = "9b1f"
METADATA = {"issuer": "", "jwks_uri": "", "source": "metadata"}  # what is known before smart-configuration


@pytest.fixture
def issuer(server: Server) -> Server:
    """An EHR that publishes the key it signs id_tokens with, and names its key set where OpenID says."""
    server.answer(KEYS, Reply({"keys": [public(rsa_key(), kid="r1", use="sig")]}))
    server.answer(OPENID, Reply({"issuer": f"{server.url}/oauth2", "jwks_uri": server.url + KEYS}))
    return server


def id_token(server: Server, key: RSAKey | None = None, **changes: Any) -> str:
    """An id_token as the server's EHR signs it, with changes; a change to None takes a claim away."""
    usual = {"iss": f"{server.url}/oauth2", "aud": CLIENT_ID, "nonce": NONCE, "fhirUser": "Practitioner/e-cmendes"}
    return signed(key or rsa_key(), claims(**(usual | changes)), kid="r1")


def identified(server: Server, token: str, **endpoints: Any) -> EhrIdentity | None:
    return smart.identity_of(
        Granted("granted", token, ""),
        endpoints_of(server, **endpoints),
        client_id=CLIENT_ID,
        nonce=NONCE,
        deadline=Deadline.after(5),
    )


def refusal(server: Server, token: str, **endpoints: Any) -> str:
    """The code with which an id_token is refused."""
    error = error_of(lambda: identified(server, token, **endpoints))
    assert isinstance(error, Permanent)
    return error.code


def test_the_id_token_says_who_it_is(issuer: Server) -> None:
    expected = EhrIdentity(subject="s", kind="Practitioner", resource_id="e-cmendes")
    assert identified(issuer, id_token(issuer)) == expected


def test_before_openid_nobody_is_named_and_nothing_is_asked(issuer: Server) -> None:
    assert identified(issuer, "") is None
    assert issuer.requests == []


def test_the_older_claim_names_the_person_too(issuer: Server) -> None:
    token = id_token(issuer, fhirUser=None, profile=f"{issuer.url}/api/FHIR/R4/Patient/p1")
    assert identified(issuer, token) == EhrIdentity("s", "Patient", "p1")


def test_a_token_that_names_no_resource_still_names_its_subject(issuer: Server) -> None:
    assert identified(issuer, id_token(issuer, fhirUser=None)) == EhrIdentity("s")


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"nonce": "another"}, "ehr-id-token-nonce"),
        ({"nonce": None}, "ehr-id-token-nonce"),
        ({"aud": "patient-1"}, "ehr-id-token-audience"),
        ({"aud": None}, "ehr-id-token-claims"),
        ({"iss": "https://ehr.example/oauth2"}, "ehr-id-token-issuer"),
        ({"iss": None}, "ehr-id-token-claims"),
        ({"sub": None}, "ehr-id-token-claims"),
    ],
    ids=str,
)
def test_an_id_token_that_is_not_for_this_launch_is_refused(changes: dict[str, Any], code: str, issuer: Server) -> None:
    assert refusal(issuer, id_token(issuer, **changes)) == code


def test_an_id_token_that_ended_six_minutes_ago_is_refused(issuer: Server) -> None:
    assert refusal(issuer, id_token(issuer, exp=time.time() - 360)) == "ehr-id-token-time"


def test_another_key_under_the_same_kid_is_refused(issuer: Server) -> None:
    assert refusal(issuer, id_token(issuer, rsa_key(2))) == "ehr-id-token-signature"


@pytest.mark.parametrize("token", ["x", "a.b.c", "e30.e30.e30", "ä"])
def test_what_is_no_token_is_refused(token: str, issuer: Server) -> None:
    assert refusal(issuer, token) in {"ehr-id-token-claims", "ehr-id-token-algorithm"}


def test_a_slash_at_the_end_of_the_issuer_does_not_matter(issuer: Server) -> None:
    assert identified(issuer, id_token(issuer, iss=f"{issuer.url}/oauth2/"))
    assert identified(issuer, id_token(issuer), issuer=f"{issuer.url}/oauth2/")


def test_clocks_may_differ_by_two_minutes(issuer: Server) -> None:
    assert identified(issuer, id_token(issuer, exp=time.time() - 90, iat=time.time() + 90, nbf=None))


def test_keys_that_cannot_be_had_are_the_ehrs_silence(issuer: Server) -> None:
    issuer.answer(KEYS, Reply(status=503))
    error = error_of(lambda: identified(issuer, id_token(issuer)))
    assert (type(error), error.code) == (Retry, "ehr-unavailable")


def test_a_server_that_names_no_keys_verifies_nothing(issuer: Server) -> None:
    assert refusal(issuer, id_token(issuer), jwks_uri="") == "ehr-id-token-unverifiable"


def test_where_only_metadata_is_known_the_token_names_its_issuer_on_the_same_host(issuer: Server) -> None:
    assert identified(issuer, id_token(issuer), **METADATA) == EhrIdentity("s", "Practitioner", "e-cmendes")
    assert [asked.path for asked in issuer.requests] == [OPENID, KEYS]


def test_a_host_is_the_same_in_upper_case(issuer: Server) -> None:
    shouted = issuer.url.replace("localhost", "LOCALHOST")
    assert identified(issuer, id_token(issuer, iss=f"{shouted}/oauth2"), **METADATA)


@pytest.mark.parametrize(
    "iss",
    [
        "https://keys.evil.example",
        "http://localhost:1/oauth2",
        "http://localhost/oauth2",
        "//evil.example/oauth2",
        "oauth2",
        "",
        None,
    ],
    ids=str,
)
def test_an_issuer_elsewhere_is_not_believed_nor_even_asked(iss: str | None, issuer: Server) -> None:
    assert refusal(issuer, id_token(issuer, iss=iss), **METADATA) == "ehr-id-token-unverifiable"
    assert issuer.requests == []


@pytest.mark.parametrize("token", ["x", "a.b.c", "ä.ö.ü", "W10.W10.W10", "." * 9])
def test_what_is_no_token_is_refused_there_too(token: str, issuer: Server) -> None:
    assert refusal(issuer, token, **METADATA) == "ehr-id-token-claims"


def test_an_issuer_that_is_no_address_is_refused(issuer: Server) -> None:
    assert refusal(issuer, id_token(issuer, iss="https://[evil"), **METADATA) == "ehr-id-token-claims"


@pytest.mark.parametrize(
    "reply",
    [Reply({}), Reply({"jwks_uri": None}), Reply(status=404), Reply("<h1>Sign in</h1>")],
    ids=["no member", "null", "404", "HTML"],
)
def test_an_issuer_that_names_no_keys_verifies_nothing(reply: Reply, issuer: Server) -> None:
    issuer.answer(OPENID, reply)
    assert refusal(issuer, id_token(issuer), **METADATA) == "ehr-id-token-unverifiable"


def test_a_token_that_names_the_right_issuer_needs_its_key(issuer: Server) -> None:
    assert refusal(issuer, id_token(issuer, rsa_key(2)), **METADATA) == "ehr-id-token-signature"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("Practitioner/e-cmendes", ("Practitioner", "e-cmendes")),
        ("https://ehr.example/api/FHIR/R4/Practitioner/e-cmendes", ("Practitioner", "e-cmendes")),
        ("https://ehr.example/api/FHIR/R4/Patient/a.B-3/", ("Patient", "a.B-3")),
        ("PractitionerRole/r1", ("PractitionerRole", "r1")),
        ("RelatedPerson/r1", ("RelatedPerson", "r1")),
        ("https://ehr.example/Person/1", ("Person", "1")),
        ("NotAPractitioner/1", ("", "")),
        ("Device/1", ("", "")),
        ("practitioner/1", ("", "")),
        ("Practitioner/", ("", "")),
        ("Practitioner", ("", "")),
        ("Practitioner/a b", ("", "")),
        ("Practitioner/1?x=Patient", ("", "")),
        ("Patient/1/Practitioner/2", ("Practitioner", "2")),
        ("urn:oid:1.2.3", ("", "")),
        ("", ("", "")),
    ],
)
def test_a_fhir_user_is_a_type_and_an_id_however_it_is_written(value: str, expected: tuple[str, str]) -> None:
    assert smart.fhir_user(value) == expected


@given(st.text() | st.from_regex(r"(Patient|Person|x)?/+[a-z./]*(Practitioner/?)?", fullmatch=True))
def test_whatever_it_says_a_fhir_user_is_both_or_neither(value: str) -> None:
    kind, resource_id = smart.fhir_user(value)
    assert bool(kind) == bool(resource_id)
    assert f"{kind}/{resource_id}" in value or not kind


@pytest.mark.parametrize("value", [7, ["Practitioner/1"], {"reference": "Practitioner/1"}, True], ids=str)
def test_a_fhir_user_that_is_no_text_stops_nobody(value: Any, issuer: Server) -> None:
    assert identified(issuer, id_token(issuer, fhirUser=value)) == EhrIdentity("s")
