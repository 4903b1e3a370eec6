"""The telehealth status call against a real server: what goes out to the byte, and what each answer means."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from connector.agreement import EPIC_STATUS_PATH, StatusService
from connector.ehr import status
from connector.errors import AlreadyDone, Permanent, Retry, WireError
from connector.http import Deadline
from tests.servers import Reply, Request, Server

PATH = f"/Interconnect-PRD/{EPIC_STATUS_PATH}"
SERVICE = StatusService(codes={"connected": "1", "disconnected": "2"})
LOGIN_PAGE = "<!DOCTYPE html><title>Sign in</title>"
Tell = Callable[..., Request]


@pytest.fixture
def tell(server: Server, deadline: Deadline) -> Tell:
    """Tell the server and return the last request it saw. What a test does not name is usual."""

    def act(service: StatusService = SERVICE, **changed: Any) -> Request:
        usual: dict[str, Any] = {
            "base_url": f"{server.url}/Interconnect-PRD/api/FHIR/R4",
            "conference": " 4711",
            "external_id": " 165790",
            "external_id_type": "2",
            "code": "1",
            "authorize": lambda renew: {"Authorization": f"Bearer {'second' if renew else 'first'}"},
            "deadline": deadline,
        }
        status.tell(service, **(usual | changed))
        return server.requests[-1]

    return act


def error_of(act: Callable[[], object]) -> WireError:
    with pytest.raises(WireError) as caught:
        act()
    return caught.value


def test_the_attested_shape_is_a_get_with_everything_in_the_query(server: Server, tell: Tell) -> None:
    server.answer(PATH, Reply())
    asked = tell()
    assert (asked.method, asked.path, asked.body) == ("GET", PATH, b"")
    assert asked.headers["authorization"] == "Bearer first"
    assert asked.query == {
        "ConferenceID": " 4711",
        "ExternalID": " 165790",
        "ExternalIDType": "2",
        "VendorName": "EHR Connector for Microsoft Teams",
        "ConnectionStatus": "1",
    }


@pytest.mark.parametrize("external_id", [" 165790", "165790 ", "\t7", "00042", "a+b c&d=e%20f", "Zoë#1", "  "])
def test_ids_arrive_byte_for_byte(external_id: str, server: Server, tell: Tell) -> None:
    server.answer(PATH, Reply())
    assert tell(external_id=external_id).query["ExternalID"] == external_id


@pytest.mark.parametrize("method", ["POST", "PUT"])
def test_another_verb_sends_a_form(method: Any, server: Server, tell: Tell) -> None:
    server.answer(PATH, Reply())
    asked = tell(replace(SERVICE, method=method, external_id_parameter="Who"))
    assert (asked.method, asked.query) == (method, {})
    assert asked.headers["content-type"] == "application/x-www-form-urlencoded"
    assert asked.form["Who"] == " 165790"
    assert "ExternalID" not in asked.form


def test_a_parameter_without_a_name_is_left_out(server: Server, tell: Tell) -> None:
    server.answer(PATH, Reply())
    assert "VendorName" not in tell(replace(SERVICE, vendor_parameter="", vendor_name="")).query


@pytest.mark.parametrize(
    ("base_url", "expected"),
    [
        ("https://ehr.example/Interconnect-PRD/api/FHIR/R4", "https://ehr.example/Interconnect-PRD"),
        ("https://ehr.example:8443/Fhir/API/fhir/r4", "https://ehr.example:8443/Fhir"),
        ("https://ehr.example/api/FHIR/DSTU2", "https://ehr.example"),
        ("https://gateway.example/api/epic/PRD/api/FHIR/R4", "https://gateway.example/api/epic/PRD"),
        ("https://api/api/FHIR/R4", "https://api"),
        ("https://fhir.example/r4", "https://fhir.example/r4"),
    ],
)
def test_the_interconnect_base_is_what_stands_before_api(base_url: str, expected: str) -> None:
    assert status.interconnect(base_url) == expected


@pytest.mark.parametrize(
    "reply",
    [
        Reply(status=204),
        Reply({"Success": True}),
        Reply("true", headers={"Content-Type": "application/json"}),
        Reply(" \r\n"),
        Reply("<Response/>", headers={"Content-Type": "application/xml"}),
    ],
)
def test_an_empty_or_machine_readable_success_is_done(reply: Reply, server: Server, tell: Tell) -> None:
    server.answer(PATH, reply)
    tell()


@pytest.mark.parametrize(
    "reply",
    [
        Reply(LOGIN_PAGE),
        Reply(LOGIN_PAGE, headers={"Content-Type": "text/plain"}),
        Reply('{"Succ', headers={"Content-Type": "application/json"}),
    ],
)
def test_a_login_page_or_half_an_answer_is_no_success(reply: Reply, server: Server, tell: Tell) -> None:
    server.answer(PATH, reply)
    error = error_of(tell)
    assert (type(error), error.code) == (Retry, "status-not-understood")


@pytest.mark.parametrize(
    ("answer", "kind", "code"),
    [
        (301, Retry, "status-unsupported"),
        (302, Retry, "status-unsupported"),
        (400, Permanent, "status-refused"),
        (401, Retry, "status-unauthorized"),
        (403, Permanent, "status-not-allowed"),
        (404, Permanent, "status-refused"),
        (405, Permanent, "status-unsupported"),
        (408, Retry, "ehr-unavailable"),
        (409, AlreadyDone, "status-already"),
        (422, Permanent, "status-refused"),
        (429, Retry, "ehr-unavailable"),
        (500, Retry, "ehr-unavailable"),
        (503, Retry, "ehr-unavailable"),
    ],
)
def test_each_refusal_says_what_to_do_next(
    answer: int, kind: type[WireError], code: str, server: Server, tell: Tell
) -> None:
    server.answer(PATH, Reply({"Message": "a vendor's text"}, answer, {"Location": f"{server.url}/elsewhere"}))
    error = error_of(tell)
    assert (type(error), error.code, error.status) == (kind, code, answer)
    assert server.asked("/elsewhere") == []


@pytest.mark.parametrize("answer", [400, 403, 404, 405, 422])
def test_a_page_of_something_in_front_of_the_service_refuses_nobody(answer: int, server: Server, tell: Tell) -> None:
    half = Reply('{"Mess', answer, {"Content-Type": "application/json"})
    as_text = Reply(LOGIN_PAGE, answer, {"Content-Type": "text/plain"})
    for reply in (Reply("<h1>Down for maintenance</h1>", answer), Reply(LOGIN_PAGE, answer), as_text, half):
        server.answer(PATH, reply)
        error = error_of(tell)
        assert (type(error), error.code, error.status) == (Retry, "status-not-understood", answer), reply.content()


@pytest.mark.parametrize(
    "reply",
    [
        Reply(status=404),
        Reply("ExternalID is not known.", 404),
        Reply({"Message": "No such conference"}, 404),
        Reply("<Error>No such conference</Error>", 404, {"Content-Type": "application/xml"}),
    ],
)
def test_the_service_itself_refuses_in_any_form_but_a_page(reply: Reply, server: Server, tell: Tell) -> None:
    server.answer(PATH, reply)
    error = error_of(tell)
    assert (type(error), error.code) == (Permanent, "status-refused")


@pytest.mark.parametrize("answer", [429, 503])
def test_a_busy_ehr_says_how_long_to_wait(answer: int, server: Server, tell: Tell) -> None:
    server.answer(PATH, Reply(status=answer, headers={"Retry-After": "37"}))
    error = error_of(tell)
    assert isinstance(error, Retry)
    assert error.after == 37


def test_a_refused_token_is_renewed_once(server: Server, tell: Tell) -> None:
    server.answer(PATH, Reply(status=401), Reply())
    tell()
    assert [asked.headers["authorization"] for asked in server.requests] == ["Bearer first", "Bearer second"]


def test_a_token_that_stays_refused_ends_the_try(server: Server, tell: Tell) -> None:
    server.answer(PATH, Reply(status=401))
    error_of(tell)
    assert len(server.requests) == 2


@pytest.mark.parametrize("missing", ["conference", "external_id", "external_id_type", "code"])
def test_without_one_of_its_values_nothing_is_sent(missing: str, server: Server, tell: Tell) -> None:
    error = error_of(lambda: tell(**{missing: ""}))
    assert (type(error), error.code) == (Permanent, "status-incomplete")
    assert server.requests == []


def test_an_ehr_that_is_away_is_tried_again(server: Server, tell: Tell) -> None:
    server.answer(PATH, Reply(hang_up=True))
    error = error_of(tell)
    assert (type(error), error.code) == (Retry, "unreachable")
