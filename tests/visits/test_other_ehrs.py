"""A visit at an Epic of November 2018, and at an EHR that is no Epic: through the portal, both sides, up to Teams."""

from dataclasses import replace
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.portal import steps as portal
from tests.portal.steps import Shown, Visitor, switch, tell
from tests.stories.people import INSTANCE
from tests.visits.call import Call, shows
from tests.visits.steps import CARLA, PIA, Clinic, enter, is_teams, meeting_at, until

OLD, ORACLE = "november_2018", "oracle_health"
READY, HERE = "Your visit is ready", "The clinic can see that you are here."


def asked_at_ehr(page: Shown) -> dict[str, str]:
    """What the EHR was asked for on the way to a page."""
    [address] = [step.url for step in page.response.history if "/oauth2/authorize" in step.url and INSTANCE in step.url]
    return {name: value for name, [value] in parse_qs(urlsplit(address).query).items()}


# The tests run in this order: what the last ones settle stays settled.


def test_an_epic_of_november_2018_completes_a_visit_up_to_the_chart(clinic: Clinic) -> None:
    switch(clinic.house, "epic", **{OLD: True})
    csn, patient, clinician = clinic.add_visit(CARLA), clinic.visitor(), clinic.visitor()
    waiting = patient.open(clinic.press(PIA, csn))
    asked = asked_at_ehr(waiting)
    assert not {"code_challenge", "code_challenge_method", "nonce"} & set(asked)
    assert asked["scope"] == "launch"
    until(patient, waiting, HERE)
    call = Call(clinic, csn, meeting_at(clinic, enter(clinic, CARLA, csn, clinician))[1])
    assert is_teams(clinic, patient.follow(until(patient, waiting, READY), "Go to your visit").url)
    call.clinician_comes()
    call.act(call.patient_knocks(), "admit")
    shows(clinic, csn, clinician="connected", patient="connected")
    # The link that the first visit made is found again by the id of CONTEXT.
    assert is_teams(clinic, clinic.visitor().open(clinic.press(CARLA, "770011")).url)


def test_a_clinician_whom_the_records_context_names_need_not_come_first(clinic: Clinic) -> None:
    record = clinic.records["patient"]
    clinic.paste("patient", record | {"CONTEXT": f"{record['CONTEXT']}&clinician=e-cmendes"})
    assert presses(clinic, PIA, "770011")[1].heading == "You are in the right place"  # she is nobody here yet
    enter(clinic, CARLA, "770011")
    patient, page = presses(clinic, PIA, clinic.add_visit(CARLA))
    assert page.heading == READY
    assert meeting_at(clinic, patient.follow(page, "Go to your visit"))[0] == "visit"


def test_a_launch_token_and_a_code_may_be_as_long_as_a_jwt(clinic: Clinic) -> None:
    address = clinic.press(PIA)
    answer = clinic.visitor().open(f"{address.partition('launch=')[0]}launch={'x' * 6000}", follow=False)
    assert answer.status == 302
    assert parse_qs(urlsplit(answer.response.headers["Location"]).query)["launch"] == ["x" * 6000]


@pytest.fixture(scope="module")
def settled(open_clinic: Clinic) -> Clinic:
    """The clinic whose EHR is an Oracle Health: one client with a secret for both sides, which knows visits by their
    appointments; settled and approved on the portal's pages while the EHR behaves so."""
    open_clinic.tidy_up()
    switch(open_clinic.house, "epic", **{ORACLE: True})
    client_id = open_clinic.records["provider"]["CLIENTID"]
    secret = client(open_clinic, client_id, authentication="client_secret")["secret"]
    ada, page = open_clinic.administrator, open_clinic.administrator.open(f"/configure/{open_clinic.ref}/")
    compared = ada.press(
        ada.follow(page, "Settings"),
        "See what changes",
        ehr_kind="oracle",
        session_kind="appointment",
        authentication="client_secret_basic",
        client_secret=secret,
        patient_client_id=client_id,
        patient_scopes="launch openid fhirUser patient/Appointment.read",
    )
    approve(open_clinic, ada.press(compared, "Submit for approval"), client_id)
    both = {slot: record | {"CLIENTID": client_id} for slot, record in open_clinic.records.items()}
    return replace(open_clinic, records=both)


def client(clinic: Clinic, client_id: str, **changes: object) -> dict[str, str]:
    changed: dict[str, str] = tell(clinic.house, "epic", f"{INSTANCE}/clients/{client_id}", "PUT", **changes)
    return changed


def approve(clinic: Clinic, submitted: Shown, client_id: str) -> None:
    """Ben signs in at the EHR and approves; both buttons come back to the one client."""
    ben, page = portal.approver(clinic.house, submitted.rows("Link for the approver")[0])
    client(clinic, client_id, redirect_uris=page.rows("Redirect URI"), authentication="client_secret")
    records = ben.press(portal.sign_in_at_ehr(ben, page), "Approve")
    assert records.heading == "Integration records", records.text


@pytest.fixture
def oracle(settled: Clinic) -> Clinic:
    settled.tidy_up()
    switch(settled.house, "epic", **{ORACLE: True})
    return settled


def presses(clinic: Clinic, login: str, csn: str) -> tuple[Visitor, Shown]:
    visitor = clinic.visitor()
    return visitor, visitor.open(clinic.press(login, csn))


def test_another_smart_ehr_completes_a_visit(oracle: Clinic) -> None:
    patient, waiting = presses(oracle, PIA, "770011")
    asked = asked_at_ehr(waiting)
    assert asked["scope"] == "launch openid fhirUser patient/Appointment.rs"
    assert {"code_challenge", "nonce"} <= set(asked)
    assert waiting.heading == "You are in the right place"
    door, key = meeting_at(oracle, enter(oracle, CARLA, "770011"))
    ready = until(patient, waiting, READY)
    assert meeting_at(oracle, patient.follow(ready, "Go to your visit")) == ("visit", key)
    assert door == "teams"
    [visit] = oracle.rows("SELECT session_kind, starts_at, ends_at FROM visits_visit")
    assert visit["session_kind"] == "appointment"
    assert (visit["ends_at"] - visit["starts_at"]).seconds == 20 * 60


def test_a_linked_clinician_whom_the_appointment_names_need_not_come_first(oracle: Clinic) -> None:
    enter(oracle, CARLA, "770011")
    csn = oracle.add_visit(CARLA)
    patient, page = presses(oracle, PIA, csn)
    assert page.heading == READY
    key = meeting_at(oracle, patient.follow(page, "Go to your visit"))[1]
    assert meeting_at(oracle, enter(oracle, CARLA, csn))[1] == key
    assert len(oracle.meetings()) == 2


def test_a_meeting_that_cannot_be_opened_for_the_patient_leaves_him_waiting(oracle: Clinic) -> None:
    enter(oracle, CARLA, "770011")
    oracle.fail("graph", "onlineMeetings", "status", 503)
    _visitor, page = presses(oracle, PIA, oracle.add_visit(CARLA))
    assert (page.status, page.heading) == (200, "You are in the right place")


def test_a_visit_that_the_ehr_has_cancelled_says_so(oracle: Clinic) -> None:
    enter(oracle, CARLA, "770011")
    switch(oracle.house, "epic", visits_cancelled=True)
    _visitor, page = presses(oracle, PIA, oracle.add_visit(CARLA))
    assert page.heading == "This visit will not take place"
    assert "+1 555 0100" in page.soup.get_text()
    assert len(oracle.meetings()) == 1
