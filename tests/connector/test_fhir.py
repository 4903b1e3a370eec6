"""Reading a resource with somebody's own token, and what a page shows of it."""

from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.ehr import fhir
from connector.errors import Permanent, Retry, WireError
from connector.http import Deadline
from tests.servers import Reply, Server

BASE = "/interconnect/api/FHIR/R4"
ANA = {
    "resourceType": "Practitioner",
    "id": "e-cmendes",
    "identifier": [
        {"use": "usual", "type": {"text": "INTERNAL"}, "system": "urn:oid:1.2.840.114350", "value": "CMENDES"},
        {"system": "http://hl7.org/fhir/sid/us-npi", "value": "1790700000", "assigner": {"display": "Riverside"}},
    ],
    "name": [{"use": "official", "family": "Mendes", "given": ["Carla", "Ana"]}, {"text": "Another"}],
}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["text", "given", "family", "assigner", "display", "reference", "x"]), inner, max_size=4
        )
    ),
    max_leaves=12,
)


def read(server: Server, path: str = "Practitioner/e-cmendes") -> dict[str, Any]:
    return fhir.read(server.url + BASE, path, token="hers", deadline=Deadline.after(5))


def error_of(server: Server, reply: Reply) -> WireError:
    server.answer(f"{BASE}/Practitioner/e-cmendes", reply)
    with pytest.raises(WireError) as caught:
        read(server)
    return caught.value


def test_a_resource_is_read_with_the_persons_token(server: Server) -> None:
    server.answer(f"{BASE}/Practitioner/e-cmendes", Reply(ANA, headers={"Content-Type": "application/fhir+json"}))
    assert read(server) == ANA
    asked = server.requests[0]
    assert (asked.method, asked.headers["authorization"]) == ("GET", "Bearer hers")
    assert asked.headers["accept"] == "application/fhir+json"


@pytest.mark.parametrize("identifier", ["a/../../Patient/1", "a?_format=xml", "a#b", "a b"])
def test_an_id_leads_nowhere_but_to_itself(identifier: str, server: Server) -> None:
    path = f"{BASE}/Practitioner/{quote(identifier, safe='')}"
    server.answer(path, Reply({"id": identifier}))
    assert read(server, f"Practitioner/{identifier}") == {"id": identifier}
    assert server.requests[0].query == {}


@pytest.mark.parametrize("status", [401, 403])
@pytest.mark.parametrize("body", [{"resourceType": "OperationOutcome"}, "<h1>Sign in</h1>", ""], ids=str)
def test_what_the_scopes_do_not_cover_is_not_granted_whichever_status_says_so(
    status: int, body: dict[str, Any] | str, server: Server
) -> None:
    error = error_of(server, Reply(body, status))
    assert (type(error), error.code, error.status) == (Permanent, "fhir-not-granted", status)


@pytest.mark.parametrize("status", [302, 400, 404, 410, 422])
def test_any_other_refusal_stands(status: int, server: Server) -> None:
    error = error_of(server, Reply("<h1>No</h1>", status, {"Location": "/login"}))
    assert (type(error), error.code, error.status) == (Permanent, "fhir-refused", status)


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_server_that_is_busy_or_down_may_answer_later(status: int, server: Server) -> None:
    error = error_of(server, Reply("<h1>Maintenance</h1>", status, {"Retry-After": "30"}))
    assert isinstance(error, Retry)
    assert (error.code, error.after, error.status) == ("ehr-unavailable", 30, status)


@pytest.mark.parametrize("body", ["<!doctype html><title>Sign in</title>", '{"resourceType": "Pract', "[]", ""])
def test_an_answer_that_is_no_resource_may_be_one_later(body: str, server: Server) -> None:
    error = error_of(server, Reply(body))
    assert (type(error), error.code) == (Retry, "not-json")


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        (ANA["name"], "Carla Ana Mendes"),
        ([{"text": "Dr. Carla Mendes", "family": "Mendes"}], "Dr. Carla Mendes"),
        ([{"family": "Mendes"}], "Mendes"),
        ([{"given": ["Carla"]}], "Carla"),
        ({"use": "usual", "family": ["Mendes", "Silva"], "given": ["Carla"]}, "Carla Mendes Silva"),
        ([{"given": "Carla", "family": "Mendes"}], "Carla Mendes"),
        ([{"given": ["Carla", None, ""], "family": None}], "Carla"),
        ("Riverside Health", ""),
        ([], ""),
        ([None], ""),
        (None, ""),
    ],
    ids=str,
)
def test_a_name_is_one_line(name: Any, shown: str) -> None:
    assert fhir.human_name({"name": name}) == shown


@pytest.mark.parametrize(
    ("identifiers", "shown"),
    [
        (ANA["identifier"], "Riverside"),
        ([{"assigner": {"reference": "Organization/abc"}}], "Organization/abc"),
        ([{"assigner": {"reference": "https://ehr.example/api/FHIR/R4/Organization/abc"}}], "Organization/abc"),
        ([{"assigner": {"reference": "Organization/abc", "display": "Riverside"}}], "Riverside"),
        ([{"value": "1"}], ""),
        ([{"assigner": "Riverside"}], ""),
        ([None, 7, {"assigner": {"display": "Riverside"}}], "Riverside"),
        ({"assigner": {"display": "Riverside"}}, "Riverside"),
        (None, ""),
    ],
    ids=str,
)
def test_the_organization_is_that_of_the_first_identifier_which_names_one(identifiers: Any, shown: str) -> None:
    assert fhir.assigner({"identifier": identifiers}) == shown


@given(JSON)
def test_whatever_the_ehr_sends_as_name_is_a_short_line(name: object) -> None:
    assert len(fhir.human_name({"name": name})) <= 200


@given(JSON)
def test_whatever_the_ehr_sends_as_identifier_is_a_short_line(identifier: object) -> None:
    assert len(fhir.assigner({"identifier": identifier})) <= 200


@given(st.text(), st.text())
def test_a_long_name_is_cut(given_name: str, family: str) -> None:
    shown = fhir.human_name({"name": [{"given": [given_name * 50], "family": family * 50}]})
    assert len(shown) <= 200
