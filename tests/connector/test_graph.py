"""Microsoft Graph: its errors by meaning, one renewal of a refused token, and what the directory tells."""

import uuid
from contextlib import nullcontext
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone
from pytest_django import Settings

from connector import problems
from connector.errors import AlreadyDone, NeedsConsent, Permanent, Retry, WireError
from connector.http import Answer, Deadline
from connector.teams import graph, meetings
from tests.servers import Reply, Server

POLICY = "No application access policy found for this app: c0a1 on the user: 8d2b"
OLD_POLICY = "App c0a1 is not authorized to Create meeting on behalf of user 8d2b"


CREATE_OR_GET = "/v1.0/users/8d2b/onlineMeetings/createOrGet"


def error(code: str, message: str = "") -> dict[str, Any]:
    return {"error": {"code": code, "message": message, "innerError": {"request-id": "1"}}}


@pytest.fixture
def tid(server: Server, settings: Settings) -> str:
    """A fresh tenant; the server is its Entra (tokens token-1, token-2, …) and its Graph."""
    settings.ENTRA_AUTHORITY = settings.GRAPH_URL = server.url
    tid = str(uuid.uuid4())
    tokens = [Reply({"access_token": f"token-{number}", "expires_in": 3600}) for number in range(1, 4)]
    server.answer(f"/{tid}/oauth2/v2.0/token", *tokens)
    return tid


def call(tid: str) -> Answer:
    return graph.call(tid, "GET", "organization", deadline=Deadline.after(5))


def make(tid: str) -> meetings.Meeting:
    return meetings.create_or_get(tid, "8d2b", external_id="x", subject="Visit", deadline=Deadline.after(5))


def subscribe(tid: str) -> tuple[str, datetime]:
    told = {"join_url": "https://teams.example/1", "client_state": "c", "certificate": "x", "certificate_id": "k"}
    return meetings.subscribe(tid, deadline=Deadline.after(5), life=meetings.SUBSCRIPTION_LIFE, query="", **told)


def bearers(server: Server, path: str = "/v1.0/organization") -> list[str]:
    return [request.headers["authorization"] for request in server.asked(path)]


@pytest.mark.parametrize(
    ("status", "body", "kind", "code"),
    [
        (403, error("Forbidden", POLICY), Permanent, "application-access-policy"),
        (403, error("Forbidden", POLICY.lower()), Permanent, "application-access-policy"),
        (401, error("Unauthorized", OLD_POLICY), Permanent, "application-access-policy"),
        (403, error("Authorization_RequestDenied", "Insufficient privileges."), NeedsConsent, "graph-permission"),
        (401, error("InvalidAuthenticationToken", "Access token is empty."), NeedsConsent, "graph-permission"),
        (403, error("Forbidden", "3003: User does not have access to lookup meeting"), Permanent, "graph-refused"),
        (400, error("BadRequest", "1026: An error has occurred."), Permanent, "graph-refused"),
        (404, error("Request_ResourceNotFound"), Permanent, "graph-not-found"),
        (409, error("Conflict", "Subscription exists."), AlreadyDone, "graph-conflict"),
        (429, error("TooManyRequests"), Retry, "graph-unavailable"),
        (503, error("ServiceUnavailable"), Retry, "graph-unavailable"),
        (500, "<h1>Server error</h1>", Retry, "graph-unavailable"),
        (502, b"", Retry, "graph-unavailable"),
        (404, {"error": "not an object"}, Permanent, "graph-not-found"),
        (400, {"error": {"code": None, "message": ["x"]}}, Permanent, "graph-refused"),
    ],
)
def test_an_error_is_read_by_its_meaning(
    status: int, body: Any, kind: type[WireError], code: str, server: Server, tid: str
) -> None:
    server.answer("/v1.0/organization", Reply(body, status, {"Retry-After": "30"}))
    with pytest.raises(kind) as caught:
        call(tid)
    assert (caught.value.code, caught.value.status, caught.value.host) == (code, status, "localhost")
    assert getattr(caught.value, "after", 30) == 30


@pytest.mark.parametrize("code", ["graph-conflict", "entra-refused"])
def test_an_answer_that_somebody_reads_of_is_no_error_of_ours(code: str) -> None:
    assert problems.find(code).status == 503


def test_a_meeting_that_is_being_made_is_asked_for_again(server: Server, tid: str, settings: Settings) -> None:
    settings.TEAMS_HOSTS = frozenset({"teams.example"})
    made = {"id": "m", "joinWebUrl": "https://teams.example/meet/1"}
    server.answer(CREATE_OR_GET, Reply(error("Conflict"), 409), Reply(made))
    assert make(tid).id == "m"
    server.answer(CREATE_OR_GET, Reply(error("Conflict"), 409))
    with pytest.raises(Retry, match="meeting-answer"):
        make(tid)


@pytest.mark.parametrize("number", [{"value": "s" * 200}, "s" * 200, ["s"], None, 7])
def test_a_subscription_whose_id_could_not_be_kept_has_none(number: object, server: Server, tid: str) -> None:
    server.answer("/beta/subscriptions", Reply({"id": number, "expirationDateTime": "2026-08-02T10:00:00Z"}, 201))
    kept, ends = subscribe(tid)
    assert (kept, ends.year) == ("", 2026)


@pytest.mark.parametrize("ends", ["2026-02-30T25:61:61Z", "soon", ["2026"], 7, None])
def test_a_subscription_that_ends_at_no_time_ends_when_we_asked_for(ends: object, server: Server, tid: str) -> None:
    server.answer("/beta/subscriptions", Reply({"id": "s-1", "expirationDateTime": ends}, 201))
    kept, until = subscribe(tid)
    assert kept == "s-1"
    assert abs(until - timezone.now() - meetings.SUBSCRIPTION_LIFE) < timedelta(minutes=1)


def test_a_call_carries_the_token_and_an_id_of_its_own(server: Server, tid: str) -> None:
    server.answer("/v1.0/organization", Reply({"value": []}))
    call(tid), call(tid)
    ids = {uuid.UUID(request.headers["client-request-id"]) for request in server.asked("/v1.0/organization")}
    assert bearers(server) == ["Bearer token-1", "Bearer token-1"]
    assert len(ids) == 2


def test_a_refused_token_is_renewed_and_the_call_repeated(server: Server, tid: str) -> None:
    server.answer("/v1.0/organization", Reply(error("InvalidAuthenticationToken"), 401), Reply({"value": []}))
    assert call(tid).ok
    assert bearers(server) == ["Bearer token-1", "Bearer token-2"]
    assert call(tid).ok
    assert bearers(server)[-1] == "Bearer token-2"


def test_a_token_is_renewed_once_and_only_once(server: Server, tid: str) -> None:
    server.answer("/v1.0/organization", Reply(error("InvalidAuthenticationToken"), 401))
    with pytest.raises(NeedsConsent):
        call(tid)
    assert bearers(server) == ["Bearer token-1", "Bearer token-2"]


def test_other_refusals_renew_nothing(server: Server, tid: str) -> None:
    server.answer("/v1.0/organization", Reply(error("Forbidden"), 403))
    with pytest.raises(Permanent):
        call(tid)
    assert bearers(server) == ["Bearer token-1"]


def test_without_consent_graph_is_not_asked(server: Server, tid: str) -> None:
    server.answer(f"/{tid}/oauth2/v2.0/token", Reply({"error_description": "AADSTS65001: no"}, 400))
    with pytest.raises(NeedsConsent, match="admin-consent"):
        call(tid)
    assert server.asked("/v1.0/organization") == []


@pytest.mark.parametrize(
    ("value", "name"),
    [([{"displayName": "Clinic"}], "Clinic"), ([], ""), (None, ""), ([None], ""), ([{"displayName": None}], "")],
)
def test_the_organization_has_a_name_or_none(value: Any, name: str, server: Server, tid: str) -> None:
    server.answer("/v1.0/organization", Reply({"value": value}))
    assert graph.organization_name(tid, deadline=Deadline.after(5)) == name


def test_people_are_searched_by_the_beginning_of_their_names(server: Server, tid: str) -> None:
    ana = {"id": "1", "displayName": "Ana Betz", "userPrincipalName": "ana@clinic.example", "mail": None}
    server.answer("/v1.0/users", Reply({"value": [ana, None, {"id": "2", "accountEnabled": False}]}))
    found = graph.search_people(tid, 'an"a\\', deadline=Deadline.after(5))
    assert found[0] == graph.Person("1", "Ana Betz", "ana@clinic.example", "", enabled=True)
    assert [person.enabled for person in found] == [True, False]
    (request,) = server.asked("/v1.0/users")
    assert request.query["$search"] == '"displayName:ana" OR "userPrincipalName:ana"'
    assert request.headers["consistencylevel"] == "eventual"


def test_a_person_is_read_by_a_name_that_cannot_leave_its_place(server: Server, tid: str) -> None:
    assert graph.read_person(tid, "../organization?x=1#", deadline=Deadline.after(5)) is None
    assert server.requests[-1].path == "/v1.0/users/..%2Forganization%3Fx%3D1%23"


def test_somebody_whom_the_directory_does_not_know_is_nobody(server: Server, tid: str) -> None:
    server.answer("/v1.0/users/ana%40clinic.example", Reply(error("Request_ResourceNotFound"), 404))
    assert graph.read_person(tid, "ana@clinic.example", deadline=Deadline.after(5)) is None


def test_directory_roles_are_their_template_ids(server: Server, tid: str) -> None:
    path = "/v1.0/users/8d2b/transitiveMemberOf/microsoft.graph.directoryRole"
    server.answer(path, Reply({"value": [{"roleTemplateId": "62E90394"}, "strange"]}))
    assert graph.directory_roles(tid, "8d2b", deadline=Deadline.after(5)) == {"62e90394"}
    (request,) = server.asked(path)
    assert (request.query["$count"], request.headers["consistencylevel"]) == ("true", "eventual")


def test_products_are_read_with_their_licences_and_plans(server: Server, tid: str) -> None:
    full = {
        "skuId": "05E9A617",
        "skuPartNumber": "SPE_E3",
        "capabilityStatus": "Warning",
        "prepaidUnits": {"enabled": 25},
        "consumedUnits": 7,
        "servicePlans": [{"servicePlanName": "Teams1"}, None],
    }
    strange: dict[str, Any] = {
        "capabilityStatus": "Suspended",
        "prepaidUnits": "many",
        "consumedUnits": None,
        "servicePlans": {},
    }
    server.answer("/v1.0/subscribedSkus", Reply({"value": [full, "strange", strange]}))
    first, second = graph.subscribed_skus(tid, deadline=Deadline.after(5))
    assert first == graph.Sku("05e9a617", "spe_e3", active=True, units=25, used=7, plans=("TEAMS1",))
    assert second == graph.Sku("", "", active=False, units=0, used=0, plans=())


@pytest.mark.parametrize(("value", "country"), [([{"countryLetterCode": "us"}], "US"), ([{}], ""), (None, "")])
def test_the_organization_has_a_country_or_none(value: Any, country: str, server: Server, tid: str) -> None:
    server.answer("/v1.0/organization", Reply({"value": value}))
    assert graph.country(tid, deadline=Deadline.after(5)) == country


@pytest.mark.parametrize(("status", "fails"), [(204, False), (404, False), (503, True)])
def test_what_is_gone_already_need_not_be_deleted(status: int, fails: bool, server: Server, tid: str) -> None:
    server.answer("/v1.0/users/8d2b/onlineMeetings/m1", Reply(status=status))
    server.answer("/beta/subscriptions/s1", Reply(status=status))
    with pytest.raises(Retry) if fails else nullcontext():
        meetings.delete(tid, "8d2b", "m1", deadline=Deadline.after(5))
    with pytest.raises(Retry) if fails else nullcontext():
        meetings.unsubscribe(tid, "s1", deadline=Deadline.after(5))


def test_an_address_that_did_not_shake_hands_is_told_from_a_refusal(server: Server, tid: str) -> None:
    unreached = error("ValidationError", "Subscription validation request failed. Notification endpoint must respond.")
    server.answer("/v1.0/organization", Reply(unreached, 400))
    with pytest.raises(Permanent, match="notification-url"):
        call(tid)


@pytest.mark.parametrize(("language", "header"), [("zh-TW", "zh-TW"), ("", None)])
def test_the_patients_link_is_asked_for_in_their_language_where_one_is_known(
    tid: str, server: Server, settings: Settings, language: str, header: str | None
) -> None:
    settings.TEAMS_HOSTS = frozenset({"visit.teams.microsoft.com"})
    path = "/v1.0/users/oid-1/onlineMeetings/meeting-1/getVirtualAppointmentJoinWebUrl"
    server.answer(path, Reply({"value": "https://visit.teams.microsoft.com/x"}))
    url = meetings.visitor_url(tid, "oid-1", "meeting-1", deadline=Deadline.after(5), language=language)
    assert url == "https://visit.teams.microsoft.com/x"
    assert [request.headers.get("accept-language") for request in server.asked(path)] == [header]
