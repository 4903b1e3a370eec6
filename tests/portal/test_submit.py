"""Submitting: what was checked becomes one connection with one proposal."""

from concurrent.futures import ThreadPoolExecutor

import psycopg
from psycopg.rows import DictRow

from sandbox.launcher.house import House
from tests.portal import steps
from tests.stories.people import fhir_base

SUBMIT = "Submit for approval"


def test_a_connection_that_was_submitted_waits_for_its_approver(house: House) -> None:
    ada = steps.administrator(house)
    page = steps.submit(ada, base_url=fhir_base(house.urls) + "/")
    assert page.heading.replace(" ", "") == fhir_base(house.urls)
    assert "Submitted. Ben Okafor can approve it now." in page.text
    assert "It waits for Ben Okafor" in page.text
    assert "Needs approval" in ada.open("/configure/").text


def test_the_same_form_sent_twice_makes_one_connection_with_one_proposal(
    house: House, house_database: psycopg.Connection[DictRow]
) -> None:
    ada = steps.administrator(house)
    page = steps.check(ada)
    with ThreadPoolExecutor(2) as both:
        pages = list(both.map(lambda _: ada.press(page, SUBMIT), range(2)))
    assert {shown.status for shown in pages} == {200}
    assert pages[0].url == pages[1].url
    (connection,) = house_database.execute("SELECT live_id, proposed_id FROM connector_connection").fetchall()
    assert (connection["live_id"], connection["proposed_id"] is not None) == (None, True)


def test_testing_and_production_of_one_address_are_two_connections(house: House) -> None:
    ada = steps.administrator(house)
    refs = {steps.submit(ada).path, ada.press(steps.check(ada, environment="production"), SUBMIT).path}
    assert len(refs) == 2


def test_another_submission_names_another_approver_and_the_first_ones_link_is_dead(house: House) -> None:
    ada = steps.administrator(house)
    link = steps.submit(ada).rows("Link for the approver")[0]
    page = steps.submit(ada, approver="Nora Novak")
    assert page.rows("Link for the approver") == [link]
    assert "It waits for Nora Novak" in page.text
    assert steps.Visitor(house).sign_in_by_link(link, "Ben Okafor").status == 404
    assert steps.Visitor(house).sign_in_by_link(link, "Nora Novak").status == 200


def test_an_ehr_that_is_down_is_an_error_at_its_address(house: House) -> None:
    ada = steps.administrator(house)
    page = steps.check(ada)
    house.kill("epic")
    page = ada.press(page, SUBMIT)
    assert (page.status, list(page.errors)) == (422, ["base_url"])
    assert "Nothing answers at this address" in page.errors["base_url"]
    house.start("epic")
    assert "It waits for Ben Okafor" in ada.press(ada.press(page, "Check"), SUBMIT).text
