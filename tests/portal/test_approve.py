"""Approve: the named person alone, after his own EHR sign-in, once; or returned with a reason."""

import psycopg
import pytest
from psycopg.rows import DictRow

from sandbox.cast import RIVERSIDE_TID
from sandbox.launcher.house import House
from tests.portal import steps
from tests.portal.steps import Shown, Visitor
from tests.stories.people import fhir_base

RETURN = "Return to the administrator"
OVERTAKEN = "This was decided or changed in the meantime."


@pytest.fixture
def ada(house: House) -> Visitor:
    return steps.administrator(house)


@pytest.fixture
def link(ada: Visitor) -> str:
    return steps.submit(ada).rows("Link for the approver")[0]


def signed_in_twice(house: House, link: str) -> tuple[Visitor, Shown]:
    """Ben with his page after both sign-ins: Microsoft's and Epic's."""
    ben, page = steps.approver(house, link)
    return ben, steps.sign_in_at_ehr(ben, page)


def decisions(database: psycopg.Connection[DictRow]) -> list[str]:
    return [row["kind"] for row in database.execute("SELECT kind FROM connector_decision ORDER BY at").fetchall()]


def test_the_approver_signs_in_twice_and_approves(house: House, ada: Visitor, link: str) -> None:
    ben, page = signed_in_twice(house, link)
    assert "You signed in to the EHR" in page.text
    assert "The EHR says you are Ben Okafor . It is the EHR of Riverside Health ." in page.text
    records = ben.press(page, "Approve")
    assert (records.heading, records.status) == ("Integration records", 200)
    assert "Approved" in ada.open("/configure/").text
    assert (
        "Approved, revision 1 Ben Okafor" in ada.open(f"/configure/{page.rows('Redirect URI')[1].split('/')[4]}/").text
    )


def test_before_the_sign_in_the_approver_sees_what_epic_must_know(house: House, link: str) -> None:
    page = Visitor(house).sign_in_by_link(link, "Ben Okafor")
    ref = page.path.split("/")[2]
    web, ids = house.urls["web"], house.environment
    assert page.rows("Client ID") == [
        ids[f"EHR_TESTING_{kind}_CLIENT_ID"] for kind in ("PROVIDER", "PATIENT", "BACKEND")
    ]
    redirects = page.rows("Redirect URI")
    assert redirects[:2] == [f"{web}/approve/epic/callback", f"{web}/launch/{ref}/provider/callback"]
    assert f"{web}/launch/{ref}/patient/callback" in redirects
    assert page.rows("JWKS URL") == [f"{web}/jwks/testing.json"] * 3
    assert page.rows("Scopes")[:2] == [
        "launch openid fhirUser user/Practitioner.read user/Organization.read",
        "launch openid fhirUser",
    ]
    assert "client systems" in page.text


def test_a_guest_signs_in_at_the_organization_and_approves(house: House, ada: Visitor) -> None:
    link = steps.submit(ada, approver="Gita Rao").rows("Link for the approver")[0]
    assert f"/signin/{RIVERSIDE_TID}/" in link
    gita, page = steps.approver(house, link, "Gita Rao")
    assert gita.press(steps.sign_in_at_ehr(gita, page), "Approve").heading == "Integration records"


def test_a_guest_who_signs_in_at_home_does_not_find_it(house: House, ada: Visitor) -> None:
    link = steps.submit(ada, approver="Gita Rao").rows("Link for the approver")[0]
    gita = Visitor(house)
    gita.sign_in("Gita Rao")
    assert gita.open(link.partition("next=")[2]).status == 404


def test_another_persons_link_leads_nowhere(house: House, link: str) -> None:
    nora = Visitor(house)
    page = nora.sign_in_by_link(link, "Nora Novak")
    steps.explained(house, page, "There is no page here", 404)
    assert nora.open(page.path + "epic/").status == 404


def test_an_administrator_who_is_not_the_approver_sees_but_cannot_decide(house: House, ada: Visitor, link: str) -> None:
    page = ada.open(link.partition("next=")[2])
    assert "What Epic's client records must hold" in page.text
    assert not page.has_button("Approve")
    assert not page.has_button(RETURN)
    assert ada.open(page.path + "epic/").status == 404
    form = Visitor(house).sign_in_by_link(link, "Ben Okafor")
    sent = {"revision": form.value("revision"), "action": "return", "reason": "No", "csrfmiddlewaretoken": ""}
    sent["csrfmiddlewaretoken"] = page.value("csrfmiddlewaretoken")
    answer = ada.post(f"{house.urls['web']}{page.path}decision/", data=sent, timeout=steps.SECONDS)
    assert answer.status_code == 404


def test_the_administrator_who_named_himself_approves(house: House, ada: Visitor) -> None:
    link = steps.submit(ada, approver="Ada Lindqvist").rows("Link for the approver")[0]
    page = ada.open(link.partition("next=")[2])
    steps.enter_client_records(house, page)
    assert ada.press(steps.sign_in_at_ehr(ada, page), "Approve").heading == "Integration records"


def test_without_an_ehr_sign_in_nothing_is_approved(
    house: House, link: str, house_database: psycopg.Connection[DictRow]
) -> None:
    ben, page = steps.approver(house, link)
    assert not page.has_button("Approve")
    pressed = page.button(RETURN)
    pressed["value"] = "approve"
    assert "Sign in to the EHR first" in ben.press(page, RETURN).text
    assert decisions(house_database) == []


def test_approve_sent_twice_decides_once(house: House, link: str, house_database: psycopg.Connection[DictRow]) -> None:
    ben, page = signed_in_twice(house, link)
    ben.press(page, "Approve")
    assert OVERTAKEN in ben.press(page, "Approve").text
    assert decisions(house_database) == ["approve"]


def test_what_was_submitted_again_meanwhile_is_not_approved(
    house: House, ada: Visitor, link: str, house_database: psycopg.Connection[DictRow]
) -> None:
    ben, page = signed_in_twice(house, link)
    steps.submit(ada, approver="Nora Novak")
    steps.submit(ada)
    again = ben.press(page, "Approve")
    assert OVERTAKEN in again.text
    assert again.link("Sign in with Epic")
    assert decisions(house_database) == []


def test_returned_with_a_reason_the_administrator_reads_it(house: House, ada: Visitor, link: str) -> None:
    ben, page = steps.approver(house, link)
    page = ben.press(page, RETURN, reason="The sandbox's address, not the testing one.")
    assert (page.heading, "Returned" in page.text) == ("Approve or view", True)
    shown = ada.open(f"/configure/{link.split('/')[-2]}/")
    assert "The sandbox's address, not the testing one." in shown.text
    assert "Returned, revision 1 Ben Okafor" in shown.text
    assert "Returned" in ada.open("/configure/").text


def test_returned_without_a_reason_is_an_error_at_the_field(
    house: House, link: str, house_database: psycopg.Connection[DictRow]
) -> None:
    ben, page = steps.approver(house, link)
    again = ben.press(page, RETURN, reason="  ")
    assert (again.status, list(again.errors)) == (422, ["reason"])
    assert decisions(house_database) == []


def test_what_was_returned_can_be_submitted_again(house: House, ada: Visitor, link: str) -> None:
    ben, page = steps.approver(house, link)
    ben.press(page, RETURN, reason="Wrong environment.")
    assert "It waits for Ben Okafor" in steps.submit(ada).text
    assert ben.open(page.path).link("Sign in with Epic")


def test_of_the_ehr_sign_in_only_that_it_happened_is_kept(
    house: House, link: str, house_database: psycopg.Connection[DictRow]
) -> None:
    ben, page = signed_in_twice(house, link)
    ben.press(page, "Approve")
    (row,) = house_database.execute("SELECT proof FROM connector_decision").fetchall()
    host = house.urls["epic"].removeprefix("http://")
    assert row["proof"] == {
        "how": "openid",
        "kind": "Practitioner",
        "name_shown": True,
        "organization_shown": True,
        "hosts": [host],
        "token_host": host,
    }


def test_an_approval_opens_the_address_as_it_was_checked(house: House, link: str) -> None:
    _, page = steps.approver(house, link)
    assert page.heading.replace(" ", "") == fhir_base(house.urls)
