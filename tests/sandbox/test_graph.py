"""The Graph stand-in over HTTP: tokens, directory, meetings, attendance."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import jwt
import pytest
import requests

from sandbox.cast import GLOBAL_ADMINISTRATOR, LAKESIDE, RIVERSIDE, TEAMS_ADMINISTRATOR
from tests.sandbox.graph_client import (
    ADA,
    CARLA,
    DAVID,
    Seats,
    application,
    key_of,
    new_key,
    new_meeting,
    switch,
)
from tests.sandbox.standins import Sandbox

pytestmark = pytest.mark.usefixtures("fresh")
MEETINGS = f"/v1.0/users/{CARLA.oid}/onlineMeetings"


def test_a_call_without_a_token_is_refused_in_graphs_shape(sandbox: Sandbox) -> None:
    headers = {"client-request-id": "11111111-2222-3333-4444-555555555555"}
    answer = requests.get(sandbox.url("graph", "/v1.0/organization"), headers=headers, timeout=10)
    error = answer.json()["error"]
    assert (answer.status_code, error["code"]) == (401, "InvalidAuthenticationToken")
    assert error["innerError"]["request-id"] == answer.headers["request-id"]
    assert error["innerError"]["client-request-id"] == headers["client-request-id"]


def test_a_token_signed_by_somebody_else_is_refused(sandbox: Sandbox, app: requests.Session) -> None:
    mine = str(app.headers["Authorization"]).split()[1]
    claims = jwt.decode(mine, options={"verify_signature": False})
    forged = jwt.encode(claims, new_key(), "RS256", headers={"kid": jwt.get_unverified_header(mine)["kid"]})
    url = sandbox.url("graph", "/v1.0/organization")
    assert requests.get(url, headers={"Authorization": f"Bearer {forged}"}, timeout=10).status_code == 401
    assert app.get(url).status_code == 200


def test_a_missing_permission_is_named_authorization_request_denied(sandbox: Sandbox) -> None:
    poor = application(sandbox, dropped=["Organization.Read.All"])
    answer = poor.get(sandbox.url("graph", "/v1.0/organization"))
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "Authorization_RequestDenied")


def test_keys_rotated_at_entra_are_fetched_again(sandbox: Sandbox, app: requests.Session) -> None:
    assert app.get(sandbox.url("graph", "/v1.0/organization")).status_code == 200
    requests.post(sandbox.url("entra", "/sandbox/keys/rotate"), timeout=10).raise_for_status()
    later = application(sandbox)
    assert later.get(sandbox.url("graph", "/v1.0/organization")).json()["value"][0]["displayName"] == RIVERSIDE.name


def test_people_are_searched_only_with_the_consistency_header(sandbox: Sandbox, app: requests.Session) -> None:
    url = sandbox.url("graph", "/v1.0/users")
    search = {"$search": '"displayName:mend"', "$select": "id,displayName"}
    assert app.get(url, params=search).json()["error"]["code"] == "Request_UnsupportedQuery"
    found = app.get(url, params=search, headers={"ConsistencyLevel": "eventual"}).json()["value"]
    assert found == [{"id": CARLA.oid, "displayName": CARLA.name}]


def test_a_batch_answers_each_request_as_if_it_had_come_alone(sandbox: Sandbox, app: requests.Session) -> None:
    url, oids = sandbox.url("graph", "/v1.0/$batch"), [CARLA.oid, DAVID.oid, "c0000000-3c1b-4a52-9f1e-00000000000c"]
    wanted = [{"id": str(n), "method": "GET", "url": f"/users/{oid}?$select=id"} for n, oid in enumerate(oids)]
    switch(sandbox, "graph", account_gone=[DAVID.oid])
    answers = {one["id"]: one for one in app.post(url, json={"requests": wanted}).json()["responses"]}
    assert [answers[number]["status"] for number in "012"] == [200, 404, 404]
    assert answers["0"]["body"]["id"] == CARLA.oid
    assert answers["1"]["body"]["error"]["code"] == "Request_ResourceNotFound"
    assert app.post(url, json={"requests": wanted * 7}).status_code == 400
    assert requests.post(url, json={"requests": wanted}, timeout=10).status_code == 401


def test_people_are_filtered_by_the_start_of_a_name(sandbox: Sandbox, app: requests.Session) -> None:
    found = app.get(sandbox.url("graph", "/v1.0/users"), params={"$filter": "startswith(displayName,'dr. ')"}).json()
    assert {one["id"] for one in found["value"]} == {CARLA.oid, DAVID.oid}


def test_a_user_is_found_by_sign_in_name_even_a_guest(sandbox: Sandbox, app: requests.Session) -> None:
    guest = next(account for account in RIVERSIDE.accounts if account.guest_of)
    answer = app.get(sandbox.url("graph", f"/v1.0/users/{guest.upn.replace('#', '%23')}?$select=id,userType"))
    assert (answer.json()["id"], answer.json()["userType"]) == (guest.oid, "Guest")
    assert app.get(sandbox.url("graph", "/v1.0/users/nobody@riverside.example")).status_code == 404


def test_licences_and_directory_roles_follow_the_cast(sandbox: Sandbox, app: requests.Session) -> None:
    nurse = RIVERSIDE.accounts[4]
    licensed = [
        app.get(sandbox.url("graph", f"/v1.0/users/{one.oid}/licenseDetails/getTeamsLicensingDetails")).json()
        for one in (CARLA, nurse)
    ]
    assert licensed == [{"hasTeamsLicense": True}, {"hasTeamsLicense": False}]
    roles = f"/v1.0/users/{ADA.oid}/memberOf/microsoft.graph.directoryRole?$select=roleTemplateId"
    assert app.get(sandbox.url("graph", roles)).json()["value"] == [{"roleTemplateId": GLOBAL_ADMINISTRATOR}]


def test_a_role_that_a_group_holds_is_found_among_all_memberships(sandbox: Sandbox) -> None:
    omar = next(account for account in LAKESIDE.accounts if account.roles_by_group)
    app = application(sandbox, LAKESIDE.tid)
    kinds = ("memberOf", "transitiveMemberOf")
    direct, every = (f"/v1.0/users/{omar.oid}/{kind}/microsoft.graph.directoryRole" for kind in kinds)
    assert app.get(sandbox.url("graph", direct)).json()["value"] == []
    assert app.get(sandbox.url("graph", every)).status_code == 400
    found = app.get(sandbox.url("graph", f"{every}?$count=true"), headers={"ConsistencyLevel": "eventual"}).json()
    assert [role["roleTemplateId"] for role in found["value"]] == [TEAMS_ADMINISTRATOR]


def test_a_meeting_is_the_same_for_the_same_organizer_and_external_id(sandbox: Sandbox, app: requests.Session) -> None:
    first = app.post(sandbox.url("graph", f"{MEETINGS}/createOrGet"), json={"externalId": "visit-1"})
    again = app.post(sandbox.url("graph", f"{MEETINGS}/createOrGet"), json={"externalId": "visit-1", "subject": "New"})
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json() == again.json()
    others = sandbox.url("graph", f"/v1.0/users/{DAVID.oid}/onlineMeetings/createOrGet")
    assert app.post(others, json={"externalId": "visit-1"}).json()["id"] != first.json()["id"]


@pytest.mark.parametrize(
    "extra",
    [
        {"lobbyBypassSettings": {"scope": "organization"}},
        {"patient": "x"},
        {"startDateTime": "tomorrow"},
        {"endDateTime": "2026-01-01T10:00:00Z"},
        {"startDateTime": "2026-01-01T10:00:00Z", "endDateTime": "2026-01-01T09:00:00Z"},
    ],
)
def test_create_or_get_refuses_what_it_does_not_know(
    sandbox: Sandbox, app: requests.Session, extra: dict[str, Any]
) -> None:
    answer = app.post(sandbox.url("graph", f"{MEETINGS}/createOrGet"), json={"externalId": "visit-1", **extra})
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "BadRequest")


def test_without_an_access_policy_the_user_s_meetings_are_closed(sandbox: Sandbox, app: requests.Session) -> None:
    switch(sandbox, "graph", access_policy_missing=[CARLA.oid])
    answer = app.post(sandbox.url("graph", f"{MEETINGS}/createOrGet"), json={"externalId": "visit-1"})
    assert answer.status_code == 403
    assert "application access policy" in answer.json()["error"]["message"].lower()
    others = sandbox.url("graph", f"/v1.0/users/{DAVID.oid}/onlineMeetings/createOrGet")
    assert app.post(others, json={"externalId": "visit-1"}).status_code == 201


def test_options_are_set_by_patch_and_unknown_ones_are_refused(sandbox: Sandbox, app: requests.Session) -> None:
    meeting = new_meeting(
        sandbox, app, "visit-1", lobbyBypassSettings={"scope": "organizer"}, allowMeetingChat="limited"
    )
    url = sandbox.url("graph", f"{MEETINGS}/{meeting['id']}")
    assert app.get(url).json()["lobbyBypassSettings"] == {"scope": "organizer", "isDialInBypassEnabled": False}
    assert app.get(url).json()["allowMeetingChat"] == "limited"
    for wrong in (
        {"lobbyBypassSettings": {"scope": "nobody"}},
        {"colour": "red"},
        {"endDateTime": "2026-01-01T10:00Z"},
    ):
        assert app.patch(url, json=wrong).status_code == 400
    switch(sandbox, "graph", patch_refused=True)
    assert app.patch(url, json={"subject": "Other"}).status_code == 403


def test_newer_lobby_scopes_need_the_prefer_header(sandbox: Sandbox, app: requests.Session) -> None:
    meeting = new_meeting(sandbox, app, "visit-1", lobbyBypassSettings={"scope": "organizationExcludingGuests"})
    url = sandbox.url("graph", f"{MEETINGS}/{meeting['id']}")
    asked = app.get(url, headers={"Prefer": "include-unknown-enum-members"})
    assert app.get(url).json()["lobbyBypassSettings"]["scope"] == "unknownFutureValue"
    assert asked.json()["lobbyBypassSettings"]["scope"] == "organizationExcludingGuests"


def test_the_virtual_appointment_link_leads_to_teams_unless_refused(sandbox: Sandbox, app: requests.Session) -> None:
    meeting = new_meeting(sandbox, app, "visit-1")
    url = sandbox.url("graph", f"{MEETINGS}/{meeting['id']}/getVirtualAppointmentJoinWebUrl")
    link = app.get(url).json()["value"]
    assert link.startswith(sandbox.url("teams", "/webrtc-svc/api/route?"))
    assert requests.get(link, timeout=10).status_code == 200
    switch(sandbox, "graph", virtual_appointment_refused=True)
    assert app.get(url).status_code == 403


def test_a_deleted_meeting_is_made_anew(sandbox: Sandbox, app: requests.Session) -> None:
    meeting = new_meeting(sandbox, app, "visit-1")
    assert app.delete(sandbox.url("graph", f"{MEETINGS}/{meeting['id']}")).status_code == 204
    assert app.get(sandbox.url("graph", f"{MEETINGS}/{meeting['id']}")).status_code == 404
    assert new_meeting(sandbox, app, "visit-1")["id"] != meeting["id"]


def test_the_attendance_report_appears_when_the_call_has_ended(sandbox: Sandbox, app: requests.Session) -> None:
    meeting = new_meeting(sandbox, app, "visit-1")
    seats = Seats(sandbox, meeting)
    url = sandbox.url("graph", f"{MEETINGS}/{meeting['id']}/attendanceReports")
    staff = seats.staff()
    seats.act(seats.enter(kind="va", name="Pia"), "deny")
    guest = seats.enter(kind="guest", name="Tom")
    seats.act(guest, "admit")
    assert app.get(url).json()["value"] == []
    seats.act(guest, "leave")
    seats.act(staff, "drop")
    (summary,) = app.get(url).json()["value"]
    assert summary["attendanceRecords"] == []
    report = app.get(f"{url}/{summary['id']}", params={"$expand": "attendanceRecords"}).json()
    assert report["totalParticipantCount"] == 2
    found = [
        (record["role"], record["emailAddress"], record["identity"]["displayName"])
        for record in report["attendanceRecords"]
    ]
    assert sorted(found) == [("Attendee", "", "Tom"), ("Organizer", CARLA.upn, CARLA.name)]


def test_reports_may_be_late_or_empty(sandbox: Sandbox, app: requests.Session) -> None:
    meeting = new_meeting(sandbox, app, "visit-1")
    seats = Seats(sandbox, meeting)
    seats.act(seats.staff(), "leave")
    url = sandbox.url("graph", f"{MEETINGS}/{meeting['id']}/attendanceReports")
    switch(sandbox, "graph", reports_withheld=True)
    assert app.get(url).json()["value"] == []
    switch(sandbox, "graph", reports_withheld="empty")
    (summary,) = app.get(url).json()["value"]
    report = app.get(f"{url}/{summary['id']}", params={"$expand": "attendanceRecords"}).json()
    assert (report["totalParticipantCount"], report["attendanceRecords"]) == (0, [])


def test_a_meeting_deleted_by_hand_is_gone_for_everybody(sandbox: Sandbox, app: requests.Session) -> None:
    meeting = new_meeting(sandbox, app, "visit-1")
    by_hand = sandbox.url("graph", f"/sandbox/meetings/{key_of(meeting)}/delete")
    assert requests.post(by_hand, timeout=10).status_code == 200
    assert app.get(sandbox.url("graph", f"{MEETINGS}/{meeting['id']}")).status_code == 404
    assert requests.get(meeting["joinWebUrl"], timeout=10).status_code == 404


def test_who_has_left_the_organization_has_no_meetings_any_more(sandbox: Sandbox, app: requests.Session) -> None:
    meeting = new_meeting(sandbox, app, "visit-1")
    switch(sandbox, "graph", account_gone=[CARLA.oid])
    answer = app.get(sandbox.url("graph", f"{MEETINGS}/{meeting['id']}"))
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "Request_ResourceNotFound")


@pytest.mark.parametrize("visit", range(12))
def test_presses_at_the_same_moment_make_one_meeting(sandbox: Sandbox, app: requests.Session, visit: int) -> None:
    url, token = sandbox.url("graph", f"{MEETINGS}/createOrGet"), {"Authorization": str(app.headers["Authorization"])}
    together = Barrier(24)

    def press(_: int) -> requests.Response:
        with requests.Session() as session:
            session.get(sandbox.url("graph", "/sandbox/health"), timeout=10)  # connected before the race begins
            together.wait(10)
            return session.post(url, json={"externalId": f"visit-{visit}"}, headers=token, timeout=10)

    with ThreadPoolExecutor(24) as pool:
        answers = list(pool.map(press, range(24)))
    assert len({answer.json()["joinWebUrl"] for answer in answers}) == 1
    assert sorted(answer.status_code for answer in answers) == [200] * 23 + [201]
