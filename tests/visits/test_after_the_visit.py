"""Colleagues in one meeting, and what becomes of it: a lost tail, the end, a launch after it, one that is gone."""

from datetime import datetime

from sandbox.cast import LAKESIDE, LAKESIDE_TID, RIVERSIDE
from tests.portal.steps import Shown, Visitor, switch, tell
from tests.visits.call import Call, begun, disturb, shows, until
from tests.visits.steps import CARLA, DAVID, PIA, Clinic, enter, meeting_at

LUIS, CARLA_OID, DAVID_OID = LAKESIDE.accounts[2].oid, RIVERSIDE.accounts[2].oid, RIVERSIDE.accounts[3].oid


def options(clinic: Clinic) -> dict[str, object]:
    [meeting] = clinic.meetings()
    return dict(meeting["options"])


def doors(clinic: Clinic) -> tuple[object, object]:
    held = options(clinic)
    scope = held["lobbyBypassSettings"]
    assert isinstance(scope, dict)
    return scope["scope"], held["allowMeetingChat"]


def let_time_pass(clinic: Clinic) -> None:
    """Everything of the visit lies ten minutes further back, and is looked at now."""
    clinic.database.execute("UPDATE visits_fact SET at = at - interval '10 minutes'")
    clinic.database.execute("UPDATE visits_visit SET due_at = now() WHERE due_at IS NOT NULL")


def look_now(clinic: Clinic) -> None:
    clinic.database.execute("UPDATE visits_visit SET look_at = now() WHERE look_at IS NOT NULL")


def over(call: Call) -> None:
    """Everybody has left, and Graph told nobody of it."""
    clinician, patient = call.clinician_comes(), call.patient_knocks()
    call.act(patient, "admit")
    shows(call.clinic, call.csn, clinician="connected", patient="connected")
    disturb(call.clinic, "lost", 0)
    call.act(patient, "leave")
    call.act(clinician, "leave")


def test_a_lost_tail_is_mended_then_the_meeting_is_closed_and_deleted_and_a_launch_opens_another(
    clinic: Clinic,
) -> None:
    call = begun(clinic)
    over(call)
    look_now(clinic)
    shows(clinic, call.csn, clinician="disconnected", patient="disconnected")
    left = [when for _, event, when in call.trail() if event == "participant-disconnected"]
    assert left == sorted(told_by_graph(clinic))
    let_time_pass(clinic)
    until(lambda: doors(clinic) == ("organizer", "disabled"))
    carla = clinic.visitor()
    clinic.database.execute("UPDATE visits_ending SET due_at = now(), ended_at = ended_at - interval '2 days'")
    until(lambda: clinic.meetings() == [])
    assert clinic.subscriptions() == []
    key = meeting_at(clinic, enter(clinic, CARLA, call.csn, carla))[1]
    [meeting] = clinic.meetings()
    assert key == meeting["key"] != call.key
    assert [one["meeting"] for one in clinic.subscriptions()] == [meeting["id"]]
    assert doors(clinic) == ("organization", "limited")


def told_by_graph(clinic: Clinic) -> list[datetime]:
    """When people left, as the notifications say that were lost."""
    known = tell(clinic.house, "graph", "notifications", "GET")
    lost = [item["payload"] for item in known["sent"] if item["status"] == "lost by a fault"]
    leaving = [one for one in lost if any("removedState" in delta for delta in one.get("participants@delta", []))]
    return [datetime.fromisoformat(one["eventDateTime"]) for one in leaving]


def join_teams(visitor: Visitor, page: Shown) -> Shown:
    return visitor.press(page, "Join now")


def test_the_nurse_opens_and_leaves_and_the_physician_admits_the_patient_but_no_stranger(clinic: Clinic) -> None:
    carla, david = clinic.visitor(), clinic.visitor()
    csn = clinic.add_visit(CARLA)
    opened = enter(clinic, CARLA, csn, carla)
    key = meeting_at(clinic, opened)[1]
    in_teams = join_teams(carla, opened)
    call = Call(clinic, csn, key)
    pia = clinic.visitor()
    pia.follow(enter(clinic, PIA, csn, pia), "Go to your visit")
    patient = call.patient_knocks()
    shows(clinic, csn, clinician="connected", patient="waiting")
    call.comes("stranger", kind="member", tid=LAKESIDE_TID, oid=LUIS)
    carla.press(in_teams, "Leave")
    shows(clinic, csn, clinician="disconnected", patient="waiting")
    second = join_teams(david, enter(clinic, DAVID, csn, david))
    assert "Dr. Luis Ortega" in second.text
    visit_page = david.open(clinic.press(DAVID, csn))
    rows = [" ".join(row.get_text(" ").split()) for row in visit_page.soup.select(".people li")]
    [stranger] = [row for row in rows if "Somebody with an account of another" in row]
    assert "In the Teams lobby" in stranger
    act = second.soup.find("input", attrs={"name": "seat", "value": patient})
    assert act, second.text
    david.post(second.url, data={"act": "admit", "seat": patient}, timeout=10).raise_for_status()
    until(lambda: ("patient", "participant-connected") in [line[:2] for line in call.trail()])
    assert [one["key"] for one in clinic.meetings()] == [key]
    assert options(clinic)["allowedPresenters"] == "organization"


def test_a_meeting_that_is_gone_gives_way_at_the_next_press_unless_somebody_is_in_it(clinic: Clinic) -> None:
    call = begun(clinic)
    clinician = call.clinician_comes()
    until(lambda: call.trail())
    long_ago = "UPDATE visits_visit SET opened_at = opened_at - interval '5 minutes'"
    clinic.database.execute(long_ago)
    switch(clinic.house, "graph", **{"account-gone": [CARLA_OID]})
    david = clinic.visitor()
    assert meeting_at(clinic, enter(clinic, DAVID, call.csn, david))[1] == call.key
    call.act(clinician, "leave")
    until(lambda: len(call.trail()) == 2)
    david.follow(david.open(clinic.press(DAVID, call.csn)), "Open Teams again")
    [organizer] = [one["organizer"] for one in clinic.meetings() if one["key"] != call.key]
    assert organizer == DAVID_OID
    [left] = clinic.rows("SELECT generation, step FROM visits_ending")
    assert left["generation"] == 1
