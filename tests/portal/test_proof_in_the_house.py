"""The proof between real processes: a worker runs it, Graph really calls the notification process, nothing is left."""

import time

import pytest

from sandbox.launcher.house import House
from tests.portal import steps
from tests.portal.steps import Shown, Visitor


@pytest.fixture(scope="module")
def ada(shared_house: House) -> Visitor:
    return steps.administrator(shared_house)


def finished(ada: Visitor, button: str) -> Shown:
    page = ada.press(ada.open("/ready/proof/"), button)
    for _second in range(60):
        if page.has_button("Prove again"):
            return page
        time.sleep(0.5)
        page = ada.open("/ready/proof/")
    raise AssertionError(page.text)


def left(house: House) -> int:
    return sum(len(steps.tell(house, "graph", kind, "GET")) for kind in ("meetings", "subscriptions"))


def test_everything_is_proved_and_cleaned_up(shared_house: House, ada: Visitor) -> None:
    assert "All of it works." in finished(ada, "Prove it now").text
    assert left(shared_house) == 0


def test_while_microsoft_cannot_reach_us_the_proof_says_where(shared_house: House, ada: Visitor) -> None:
    shared_house.kill("notifications")
    try:
        page = finished(ada, "Prove again")
    finally:
        shared_house.mend()
    assert "Microsoft could not reach the connector at its notification address" in page.text
    assert f"{shared_house.urls['notifications']}/notifications/graph/" in page.text
    assert left(shared_house) == 0


def test_without_the_policy_the_proof_stops_at_the_meeting(shared_house: House, ada: Visitor) -> None:
    steps.switch(shared_house, "graph", **{"access-policy-missing": True})
    page = finished(ada, "Prove again")
    steps.switch(shared_house, "graph", **{"access-policy-missing": False})
    assert "The PowerShell lines stand on “Getting ready”." in page.text
    assert left(shared_house) == 0


def test_every_line_of_getting_ready_can_be_tried(shared_house: House, ada: Visitor) -> None:
    page = ada.press(ada.open("/ready/"), "Check again : Application access policy")
    page = ada.press(page, "Check again : Teams licences")
    page = ada.press(page, "Check again : Admin consent")
    assert "A throwaway meeting was made in this account's name, and deleted." in page.text
    assert "This account has a Teams licence." in page.text
    assert "Consent was given: Microsoft 365 answers the connector." in page.text
    assert left(shared_house) == 0


def test_keys_are_known_once_the_ehr_gives_a_token_for_them(shared_house: House, ada: Visitor) -> None:
    steps.approved(shared_house, ada)
    page = ada.press(ada.open("/ready/"), "Check again : Keys known to Epic")
    assert "The EHR gave the connector a token of its own for its key." in page.text
