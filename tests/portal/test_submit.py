"""Submitting: a row that is done becomes one connection with one proposal."""

from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
from psycopg.rows import DictRow

from sandbox.launcher.house import House
from tests.portal import steps
from tests.portal.steps import Visitor
from tests.stories.people import fhir_base

BEN = "Ben Okafor"


@pytest.fixture
def ada(house: House) -> Visitor:
    return steps.administrator(house)


def test_a_connection_that_was_submitted_waits_for_its_approver(house: House, ada: Visitor) -> None:
    page = steps.submit(ada, base_url=fhir_base(house.urls) + "/")
    assert page.heading.replace(" ", "") == fhir_base(house.urls)
    assert f"{BEN} can approve it now." in page.text
    assert f"It waits for {BEN}" in page.text
    assert "Needs approval (1)" in ada.open("/configure/").text


def test_the_same_row_sent_twice_makes_one_connection_with_one_revision(
    ada: Visitor, house_database: psycopg.Connection[DictRow]
) -> None:
    page = ada.open("/configure/add/")
    typed = {"base_url": fhir_base(ada.urls), "approver": BEN}
    with ThreadPoolExecutor(2) as both:
        pages = list(both.map(lambda _: ada.press_in_row(page, "new-1", "Done", **typed), range(2)))
    assert {shown.status for shown in pages} == {200}
    assert pages[0].url == pages[1].url
    counts = "SELECT (SELECT count(*) FROM connector_connection) c, (SELECT count(*) FROM connector_revision) r"
    assert house_database.execute(counts).fetchone() == {"c": 1, "r": 1}


def test_testing_and_production_of_one_address_are_two_connections_and_it_is_said_before(ada: Visitor) -> None:
    steps.submit(ada)
    page = steps.done(ada, environment="production")
    assert "has this address for the other environment too" in page.text
    assert "looks like a testing system, and it is marked production" in page.text
    page = ada.press_in_row(page, "new-1", "Done")
    assert f"It waits for {BEN}" in page.text
    assert "Production" in page.text


def test_a_row_names_another_approver_and_the_first_ones_link_is_dead(house: House, ada: Visitor) -> None:
    page = steps.submit(ada)
    link, ref = page.rows("Link for the approver")[0], page.path.split("/")[2]
    page = ada.press(ada.open("/configure/"), f"Edit {fhir_base(ada.urls)}, Testing")
    assert page.value(f"{ref}-approver") == "ben.okafor@riverside.example"
    page = ada.press_in_row(page, ref, "Done", approver="Nora Novak", label="Cardiology")
    assert page.rows("Link for the approver") == [link]
    assert "Cardiology" in page.text
    assert "It waits for Nora Novak" in page.text
    assert steps.Visitor(house).sign_in_by_link(link, BEN).status == 404
    assert steps.Visitor(house).sign_in_by_link(link, "Nora Novak").status == 200


def test_two_tabs_do_not_overwrite_each_other_unseen(ada: Visitor) -> None:
    ref = steps.submit(ada).path.split("/")[2]
    edit = f"Edit {fhir_base(ada.urls)}, Testing"
    one, other = (ada.press(ada.open("/configure/"), edit) for _ in range(2))
    ada.press_in_row(one, ref, "Done", approver="Nora Novak")
    page = ada.press_in_row(other, ref, "Done", approver="Gita Rao", label="Cardiology")
    assert page.status == 422
    assert "This was changed in the meantime: Nora Novak is the approver now" in page.text
    assert (page.value(f"{ref}-approver"), page.value(f"{ref}-label")) == ("Gita Rao", "Cardiology")
    assert "It waits for Gita Rao" in ada.press_in_row(page, ref, "Done").text


def test_an_address_that_is_in_the_list_already_is_changed_in_its_own_row(ada: Visitor) -> None:
    steps.submit(ada)
    page = steps.done(ada, approver="Nora Novak")
    assert list(page.errors) == ["new-1-base_url"]
    assert "in your list already" in page.errors["new-1-base_url"]
    assert page.link("Change it there")


def test_an_ehr_that_is_down_is_an_error_at_its_address_and_nothing_typed_is_lost(house: House, ada: Visitor) -> None:
    house.kill("epic")
    page = steps.done(ada)
    assert (page.status, list(page.errors)) == (422, ["new-1-base_url"])
    assert page.value("new-1-approver") == BEN
    house.start("epic")
    assert f"It waits for {BEN}" in ada.press_in_row(page, "new-1", "Done").text
