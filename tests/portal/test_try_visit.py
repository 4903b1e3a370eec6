"""Try a visit: an analyst goes through both sides of a test visit, with real calls, and everything says TEST."""

import time
from collections.abc import Iterator

import pytest

from sandbox.epic.people import PEOPLE
from sandbox.launcher.house import House
from tests.conftest import first_day
from tests.portal.steps import Shown, Visitor, tell, words
from tests.stories.people import INSTANCE
from tests.visits import steps
from tests.visits.steps import Clinic

[CARLA] = [person for person in PEOPLE if person.login == "CMENDES"]
[PIA] = [person for person in PEOPLE if person.login == "pia"]
IDS = {
    "session": "770011",
    "provider_external_id": CARLA.external_id,
    "provider_external_id_type": CARLA.external_id_type,
    "patient_external_id": PIA.external_id,
    "patient_external_id_type": PIA.external_id_type,
}
SECRET = [IDS["session"], CARLA.external_id.strip(), PIA.external_id.strip()]


@pytest.fixture(scope="module")
def clinic(running_house: House) -> Iterator[Clinic]:
    with steps.opened(first_day(running_house)) as clinic:
        yield clinic


@pytest.fixture(scope="module")
def ben(clinic: Clinic) -> Visitor:
    """The approver, who has signed in to the EHR for the live settings."""
    visitor = clinic.visitor()
    visitor.sign_in("Ben Okafor")
    return visitor


@pytest.fixture(scope="module")
def begun(clinic: Clinic, ben: Visitor) -> Shown:
    return ben.press(ben.open(f"/try/{clinic.ref}/"), "Begin the test visit", follow=True, **IDS)


def until(visitor: Visitor, page: Shown, text: str) -> Shown:
    deadline = time.monotonic() + 15
    while text not in page.text:
        assert time.monotonic() < deadline, page.text
        time.sleep(0.3)
        page = visitor.open(page.url)
    return page


def calls(page: Shown) -> list[str]:
    cells = [words(row.find_all("td")[1]) for row in page.soup.select("#timeline tbody tr")]
    return [cell for cell in cells if cell.startswith("TEST: Call")]


def test_who_has_not_signed_in_to_the_ehr_does_so_first(clinic: Clinic) -> None:
    page = clinic.administrator.open(f"/try/{clinic.ref}/")
    assert page.link("Sign in with Epic").endswith(f"/approve/{clinic.ref}/epic/?for=try")
    assert not page.has_button("Begin the test visit")


def test_an_ehr_sign_in_for_trying_leads_back_here(clinic: Clinic, ben: Visitor) -> None:
    page = ben.open(f"/approve/{clinic.ref}/epic/?for=try")
    page = ben.press(page, "Ben Okafor") if page.path != f"/try/{clinic.ref}/" else page
    assert page.has_button("Begin the test visit")


def test_tokens_are_not_ids(clinic: Clinic, ben: Visitor) -> None:
    page = ben.press(ben.open(f"/try/{clinic.ref}/"), "Begin the test visit", follow=True, **IDS | {"session": "%CSN%"})
    assert "not the token" in page.errors["session"]
    assert page.value("patient_external_id") == PIA.external_id


def test_the_page_says_test_and_what_it_does_not_prove(begun: Shown) -> None:
    assert begun.heading == "TEST: Test visit"
    assert "What this does not prove" in begun.text
    assert "TEST: Test visit begun" in begun.text


def test_both_sides_go_to_one_meeting_and_the_timeline_shows_calls_without_ids(
    clinic: Clinic, ben: Visitor, begun: Shown
) -> None:
    waiting = ben.open(begun.link("Open the patient's side"))
    assert "TEST" in waiting.text
    visit = ben.open(begun.link("Open the clinician's side"))
    assert "TEST" in visit.text
    ben.open(visit.link("Join in Teams"))
    [meeting] = clinic.meetings()
    assert meeting["subject"].startswith("TEST ")
    page = until(ben, begun, "Teams meeting opened")
    page = until(ben, page, "The EHR was told")
    assert {"Microsoft Graph", "EHR"} <= {line.split(", ")[0].removeprefix("TEST: Call: ") for line in calls(page)}
    assert [word for word in SECRET if word in page.text] == []
    told = tell(clinic.house, "epic", f"{INSTANCE}/status", "GET")
    assert PIA.external_id in str(told)


def test_an_administrator_reads_the_timeline_but_goes_in_only_after_his_own_ehr_sign_in(
    clinic: Clinic, begun: Shown
) -> None:
    page = clinic.administrator.open(begun.url)
    assert "TEST: Test visit begun" in page.text
    assert clinic.administrator.open(begun.link("Open the patient's side")).status == 404


def test_a_production_connection_is_not_tried(clinic: Clinic, ben: Visitor) -> None:
    assert ben.open(f"/try/{clinic.returned_ref}/").status == 404
