"""The Teams stand-in over HTTP: the lobby's rules, the roster it reports, and its pages."""

import re
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urljoin

import pytest
import requests
from bs4 import BeautifulSoup

from sandbox.cast import LAKESIDE, LAKESIDE_TID, RIVERSIDE, RIVERSIDE_TID
from sandbox.teams.lobby import may_admit, waits
from tests.sandbox.graph_client import (
    CARLA,
    DAVID,
    Json,
    Seats,
    Subscriber,
    new_meeting,
    switch,
)
from tests.sandbox.standins import Sandbox

ORGANIZER: Json = {"kind": "member", "tid": RIVERSIDE_TID, "oid": CARLA.oid, "guest_account": False}
COLLEAGUE = ORGANIZER | {"oid": DAVID.oid}
GUEST_ACCOUNT = ORGANIZER | {"oid": RIVERSIDE.accounts[5].oid, "guest_account": True}
FOREIGNER = ORGANIZER | {"tid": LAKESIDE_TID, "oid": LAKESIDE.accounts[2].oid}
OUTSIDER: Json = {"kind": "guest", "name": "Pia"}
BY_VISIT_LINK: Json = {"kind": "va", "name": "Pia"}
EVERYBODY = [ORGANIZER, COLLEAGUE, GUEST_ACCOUNT, FOREIGNER, OUTSIDER, BY_VISIT_LINK]


def meeting_with(scope: str = "organization", **options: str) -> dict[str, Any]:
    usual = {"allowedPresenters": "everyone", "allowedLobbyAdmitters": "organizerAndCoOrganizersAndPresenters"}
    attendee = {"identity": {"user": {"id": DAVID.oid}}, "role": "presenter"}
    return {
        "tid": RIVERSIDE_TID,
        "organizer": CARLA.oid,
        "attendees": [attendee],
        "options": usual | {"lobbyBypassSettings": {"scope": scope}} | options,
    }


@pytest.mark.parametrize(
    ("scope", "straight_in"),
    [
        ("organizer", "y-----"),
        ("invited", "yy----"),
        ("organizationExcludingGuests", "yy----"),
        ("organization", "yyy---"),
        ("organizationAndFederated", "yyyy--"),
        ("everyone", "yyyyyy"),
    ],
)
def test_who_waits_in_the_lobby_follows_the_scope(scope: str, straight_in: str) -> None:
    found = ["-" if waits(person, meeting_with(scope), staffed=True) else "y" for person in EVERYBODY]
    assert "".join(found) == straight_in


def test_nobody_without_an_account_starts_a_meeting() -> None:
    assert waits(OUTSIDER, meeting_with("everyone"), staffed=False)
    assert not waits(COLLEAGUE, meeting_with("everyone"), staffed=False)


@pytest.mark.parametrize(
    ("options", "who_may"),
    [
        ({}, "yyy---"),
        ({"allowedPresenters": "organization"}, "yyy---"),
        ({"allowedPresenters": "roleIsPresenter"}, "yy----"),
        ({"allowedPresenters": "organizer"}, "y-----"),
        ({"allowedLobbyAdmitters": "organizerAndCoOrganizers"}, "y-----"),
    ],
)
def test_who_may_admit_follows_the_options(options: dict[str, str], who_may: str) -> None:
    found = ["y" if may_admit(person, meeting_with(**options)) else "-" for person in EVERYBODY]
    assert "".join(found) == who_may


def watched(sandbox: Sandbox, app: requests.Session, subscriber: Subscriber, **options: Any) -> Json:
    meeting = new_meeting(sandbox, app, "visit-1", **options)
    body = subscriber.request(meeting)
    app.post(sandbox.url("graph", "/beta/subscriptions"), json=body).raise_for_status()
    return meeting


def deltas(subscriber: Subscriber, count: int) -> list[Json]:
    return [delta for event in subscriber.events(count) for delta in event.get("participants@delta", [])]


def test_a_visit_is_told_step_by_step(sandbox: Sandbox, app: requests.Session, subscriber: Subscriber) -> None:
    seats = Seats(sandbox, watched(sandbox, app, subscriber))
    patient = seats.enter(kind="va", name="Pia")
    assert patient["state"] == "lobby"
    staff = seats.staff()
    assert seats.act(patient, "admit")["state"] == "in"
    seats.act(patient, "drop")
    seats.act(staff, "leave")
    events = subscriber.events(7)
    kinds = ["rosterUpdated", "callStarted", *["rosterUpdated"] * 4, "callEnded"]
    assert [event["eventType"] for event in events] == kinds
    assert [event["eventDateTime"] for event in events] == sorted(event["eventDateTime"] for event in events)
    told = deltas(subscriber, 7)
    assert [delta["id"] for delta in told] == [patient["id"], staff["id"], patient["id"], patient["id"], staff["id"]]
    assert [delta["isInLobby"] for delta in told] == [True, False, False, False, False]
    reasons = [delta.get("removedState", {}).get("reason") for delta in told]
    dropped, left = "Participant has entered an inactive state in the roster.", "Participant has left the meeting call."
    assert reasons == [None, None, None, dropped, left]


def test_an_outsider_carries_an_acs_or_visitor_id_and_a_typed_name(
    sandbox: Sandbox, app: requests.Session, subscriber: Subscriber
) -> None:
    seats = Seats(sandbox, watched(sandbox, app, subscriber))
    seats.enter(kind="va", name="Pia")
    seats.enter(kind="guest", name="")
    visit, plain = (delta["info"]["identity"] for delta in deltas(subscriber, 2))
    assert re.fullmatch(r"8:acs:[0-9a-f-]{36}_[0-9a-f]{32}", visit["azureCommunicationServicesUser"]["id"])
    assert visit["azureCommunicationServicesUser"]["displayName"] == "Pia"
    assert re.fullmatch(r"teamsvisitor:[0-9a-f]{32}", plain["user"]["id"])
    assert (plain["user"]["displayName"], plain["user"]["tenantId"]) == (None, None)


def test_an_outsider_may_have_no_identity_and_a_new_id_in_the_call(
    sandbox: Sandbox, app: requests.Session, subscriber: Subscriber
) -> None:
    switch(sandbox, "teams", no_identity=True, id_changes=True)
    seats = Seats(sandbox, watched(sandbox, app, subscriber))
    waiting = seats.enter(kind="va", name="Pia")
    admitted = seats.act(waiting, "admit")
    lobby, gone, present = deltas(subscriber, 3)
    assert lobby["info"]["identity"] == {}
    assert (gone["id"], present["id"]) == (waiting["id"], admitted["id"])
    assert gone["id"] != present["id"]
    assert "removedState" in gone
    assert "removedState" not in present


def test_the_lobby_opens_for_everyone_when_staff_arrives(sandbox: Sandbox, app: requests.Session) -> None:
    meeting = new_meeting(sandbox, app, "visit-1", lobbyBypassSettings={"scope": "everyone"})
    seats = Seats(sandbox, meeting)
    assert seats.enter(kind="guest", name="Pia")["state"] == "lobby"
    seats.staff(DAVID.oid)
    states = [one["state"] for one in requests.get(seats.url, timeout=10).json()["participants"]]
    assert states == ["in", "in"]


def test_ending_removes_everybody_and_the_lobby(
    sandbox: Sandbox, app: requests.Session, subscriber: Subscriber
) -> None:
    seats = Seats(sandbox, watched(sandbox, app, subscriber))
    seats.staff()
    seats.enter(kind="guest", name="Pia")
    requests.post(f"{seats.url}/end", timeout=10).raise_for_status()
    events = subscriber.events(5)
    assert [event["eventType"] for event in events[3:]] == ["rosterUpdated", "callEnded"]
    assert ["removedState" in delta for delta in events[3]["participants@delta"]] == [True, True]


def test_people_who_arrive_at_once_are_all_there(sandbox: Sandbox, app: requests.Session) -> None:
    seats = Seats(sandbox, new_meeting(sandbox, app, "visit-1"))
    with ThreadPoolExecutor(8) as pool:
        arrived = list(pool.map(lambda number: seats.enter(kind="guest", name=f"Guest {number}"), range(8)))
    kept = requests.get(seats.url, timeout=10).json()["participants"]
    assert {one["id"] for one in kept} == {one["id"] for one in arrived}
    assert len(kept) == 8


class Browser:
    """One person's browser without JavaScript: follows links, fills in the form whose button has a text."""

    def __init__(self) -> None:
        self.session = requests.Session()
        self.url, self.page = "", BeautifulSoup("", "html.parser")

    def open(self, url: str) -> "Browser":
        return self.show(self.session.get(url, timeout=10))

    def show(self, answer: requests.Response) -> "Browser":
        self.url, self.page = answer.url, BeautifulSoup(answer.text, "html.parser")
        return self

    def text(self) -> str:
        return " ".join(self.page.get_text(" ").split())

    def follow(self, text: str) -> "Browser":
        link = next(one for one in self.page.find_all("a") if text in one.get_text())
        return self.open(urljoin(self.url, str(link["href"])))

    def press(self, text: str, **typed: str) -> "Browser":
        button = next(one for one in self.page.find_all("button") if text in one.get_text())
        form = button.find_parent("form")
        assert form is not None
        fields = {str(one["name"]): str(one.get("value", "")) for one in form.find_all("input")}
        own = {str(button["name"]): str(button["value"])} if button.get("name") else {}
        url = urljoin(self.url, str(form.get("action", "")) or self.url)
        return self.show(self.session.post(url, data=fields | own | typed, timeout=10))


def test_a_patient_waits_until_the_clinician_admits(sandbox: Sandbox, app: requests.Session) -> None:
    meeting = new_meeting(sandbox, app, "visit-1")
    path = f"/v1.0/users/{CARLA.oid}/onlineMeetings/{meeting['id']}/getVirtualAppointmentJoinWebUrl"
    patient = Browser().open(app.get(sandbox.url("graph", path)).json()["value"])
    assert patient.press("Join now", name="Pia").text().find("should let you in soon") > 0
    clinician = Browser().open(meeting["joinWebUrl"]).follow("Sign in")
    assert "Join now" in clinician.press(CARLA.name).text()
    assert CARLA.name in clinician.text()
    assert "Pia" in clinician.press("Join now").text()
    clinician.press("Admit")
    assert "2 in the meeting" in patient.open(patient.url).text()
    assert "Admit" not in patient.text()
    assert "You left the meeting" in patient.press("Leave").text()
    clinician.open(clinician.url)
    assert "1 in the meeting" in clinician.text()
    assert "The meeting has ended" in clinician.press("End for all").text()


def test_a_signed_in_browser_is_known_without_asking(sandbox: Sandbox, app: requests.Session) -> None:
    first = new_meeting(sandbox, app, "visit-1")
    clinician = Browser().open(first["joinWebUrl"]).follow("Sign in")
    clinician.press(CARLA.name)
    del clinician.session.cookies["teams_session"]
    assert CARLA.name in clinician.open(first["joinWebUrl"]).text()


def test_the_short_link_leads_to_the_same_meeting(sandbox: Sandbox, app: requests.Session) -> None:
    switch(sandbox, "graph", short_links=True)
    meeting = new_meeting(sandbox, app, "visit-1")
    assert re.fullmatch(re.escape(sandbox.url("teams")) + r"/meet/\d{13}\?p=[\w-]{16}", meeting["joinWebUrl"])
    guest = Browser().open(meeting["joinWebUrl"])
    assert "should let you in soon" in guest.press("Join now", name="Pia").text()
    assert "cannot find" in Browser().open(meeting["joinWebUrl"].split("?")[0]).text()


def test_an_outsider_cannot_admit_himself(sandbox: Sandbox, app: requests.Session) -> None:
    meeting = new_meeting(sandbox, app, "visit-1")
    guest = Browser().open(meeting["joinWebUrl"])
    guest.press("Join now", name="Pia")
    answer = guest.session.post(guest.url, data={"act": "admit", "seat": "any"}, timeout=10)
    assert answer.status_code == 403
    assert "should let you in soon" in guest.open(guest.url).text()
