"""Visits, from the buttons in the EHR to its record of them: one-to-one, in a group, at the board, in two browsers."""

import json
import uuid
from typing import Any
from urllib.parse import urljoin

from sandbox.epic.people import PEOPLE
from tests.portal.steps import Shown, Visitor, filled, tell
from tests.stories.people import INSTANCE
from tests.stories.traces import Traces
from tests.visits import steps
from tests.visits.call import CLINICIAN, PATIENT, Call, chart, until
from tests.visits.steps import CARLA, CSN, PIA, ROSA, Clinic, enter, meeting_at
from tests.visits.test_board_at_the_ehr import open_board, paste_board
from tests.visits.test_told_over_http import events

GUEST = "Grandmother"  # what the patient types at the door of Teams
APP = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148"
GROUP = "sessionId=%CONFERENCEID%&externalId=%EXTERNALID%&externalIdType=%EXTERNALIDTYPE%"


def visit(clinic: Clinic, traces: Traces) -> None:
    """The visit itself, looked at whenever something new may have been kept, and what people look at meanwhile."""
    _name_repository(clinic)
    patient, proxy, carla = clinic.visitor(), clinic.visitor(), clinic.visitor()
    waiting = enter(clinic, PIA, CSN, patient)
    enter(clinic, ROSA, CSN, proxy)
    _tries_devices(patient, patient.follow(waiting, "Check camera and microphone"))
    traces.look()
    call = Call(clinic, CSN, meeting_at(clinic, enter(clinic, CARLA, CSN, carla))[1])
    ready = steps.until(patient, waiting, "Your visit is ready")
    traces.look()
    patient.follow(ready, "Go to your visit")
    clinician, guest = call.clinician_comes(), call.comes("patient", kind="va", name=GUEST)
    call.act(guest, "admit")
    until(lambda: _told(clinic) >= {"connected"})
    traces.look()
    again = enter(clinic, CARLA, CSN, carla)
    _pages_of_a_visit(carla, again)
    _at_the_board(clinic)
    _in_the_list(clinic)
    traces.look()
    for seat in (guest, clinician):
        call.act(seat, "leave")
    until(lambda: [chart(clinic, CSN).get(one) for one in (CLINICIAN, PATIENT)] == ["disconnected"] * 2)
    until(lambda: "participant-disconnected" in {name for name, _time in events(clinic)})
    traces.look()


def _name_repository(clinic: Clinic) -> None:
    """The live settings name the sandbox's repository of AuditEvents."""
    audit = {"audit": [{"address": f"{clinic.house.urls['epic']}/{INSTANCE}/audit/R4"}]}
    clinic.database.execute("UPDATE connector_revision SET settings = settings || %s::jsonb", [json.dumps(audit)])


def _told(clinic: Clinic) -> set[str]:
    """What the EHR was told so far."""
    calls = tell(clinic.house, "epic", f"{INSTANCE}/status", "GET")
    return {call["state"] for call in calls if call["accepted"]}


def _tries_devices(patient: Visitor, page: Shown) -> None:
    """What the check's script asks for."""
    patient.open(str(page.soup.select("[data-sample]")[0]["data-sample"]))


def _pages_of_a_visit(visitor: Visitor, again: Shown) -> None:
    """The clinician's own page of the visit, to which a second press comes back, with its timeline."""
    handle = again.url.split("/visit/")[1].split("/")[0]
    steps.until(visitor, visitor.open(f"/visit/{handle}/"), "In the visit")
    assert "On the waiting page" in visitor.open(f"/visit/{handle}/timeline/").text


def _at_the_board(clinic: Clinic) -> None:
    """Somebody reacts to an alert at the clinician's board."""
    paste_board(clinic, CONTEXT="externalId=%EXTERNALID%")
    desk, board = open_board(clinic, CARLA)
    row = clinic.rows("SELECT id FROM visits_visit WHERE NOT test LIMIT 1")[0]["id"]
    desk.post(urljoin(board.url, f"{row}/noticed/"), timeout=30)


def _in_the_list(clinic: Clinic) -> None:
    """The clinician signs in for the list of her open visits, goes into one, and comes back when the list is over."""
    carla = clinic.visitor()
    page = carla.press(carla.follow(carla.open("/visits/"), "Sign in with Microsoft"), "Dr. Carla Mendes")
    form = page.soup.select_one("form[action^='/visits/']")
    assert form, page.text
    for _ in range(2):
        carla.post(urljoin(page.url, str(form["action"])), data=filled(form), timeout=30)
        clinic.database.execute("UPDATE visits_browser SET list_until = now()")


def as_a_group(clinic: Clinic) -> None:
    """The same people by the group pair's records."""
    for slot, record in clinic.records.items():
        url = record["URL"].replace(f"/{slot}/", f"/group-{slot}/")
        clinic.paste(slot, record | {"URL": url, "CONTEXT": GROUP})
        redirects = [f"{record['URL']}callback", f"{url}callback"]
        tell(clinic.house, "epic", f"{INSTANCE}/clients/{record['CLIENTID']}", "PUT", redirect_uris=redirects)
    assert meeting_at(clinic, enter(clinic, CARLA))[0] == "teams"
    assert enter(clinic, PIA).heading == "Your visit is ready"
    for slot, record in clinic.records.items():
        clinic.paste(slot, record)


def at_the_device_test(clinic: Clinic) -> None:
    """The device check by itself, from a record of its own."""
    record = clinic.records["patient"]
    url = record["URL"].replace("/patient/", "/device-test/")
    tell(clinic.house, "epic", f"{INSTANCE}/clients/{record['CLIENTID']}", "PUT", redirect_uris=[f"{url}callback"])
    clinic.paste("device-test", record | {"URL": url})
    pressed = tell(clinic.house, "epic", f"{INSTANCE}/launches", record="device-test", user=PIA)
    assert "/devices/" in clinic.visitor().open(str(pressed["url"])).path
    kept = [f"{record['URL']}callback"]
    tell(clinic.house, "epic", f"{INSTANCE}/clients/{record['CLIENTID']}", "PUT", redirect_uris=kept)


def into_another_browser(clinic: Clinic) -> None:
    """Out of an app's web view, by a link that works once."""
    app, safari = clinic.visitor(), clinic.visitor()
    app.headers["User-Agent"] = APP
    page = enter(clinic, PIA, CSN, app)
    asks = safari.open(page.rows("Link")[0])
    form = asks.soup.find("form", method="post")
    assert form, asks.text
    safari.post(urljoin(asks.url, str(form.get("action") or "")), data=filled(form), timeout=30)


def out_of_a_frame(clinic: Clinic) -> None:
    """In the EHR's frame: the page opens Teams beside it, by a ticket; then the account is unlinked."""
    carla = clinic.visitor()
    carla.headers["Sec-Fetch-Dest"] = "iframe"
    page = carla.open(clinic.press(CARLA))
    clinic.visitor().open(str(page.soup.select("a[href*='/beside/']")[0]["href"]), follow=False)
    carla.press(page, "Unlink and sign in again")


def notified_by_somebody_else(clinic: Clinic) -> None:
    """Notifications that are not ours, with what must be in no log."""
    for path in ("/notifications/graph/", "/notifications/graph/lifecycle/"):
        said: dict[str, Any] = {"clientState": f"{uuid.uuid4()}.forged", "resource": f"Pia Sandberg {CSN}"}
        said["resourceData"] = {"id": PEOPLE[0].external_id}
        url = clinic.house.urls["notifications"] + path
        assert clinic.visitor().post(url, json={"value": [said]}, timeout=10).status_code == 202
