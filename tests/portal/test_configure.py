"""Configure: a FHIR base URL is typed into a row, checked live and said what there is to say. These tests leave no
trace."""

from collections.abc import Iterator

import pytest
import requests

from sandbox.cast import RIVERSIDE_TID
from sandbox.launcher.house import House
from tests.portal import steps
from tests.portal.steps import Shown, Visitor
from tests.stories.people import fhir_base

BEN = "Ben Okafor"
METADATA, SMART = "/R4/metadata", "smart-configuration"
# Whoever is named so keeps a row from being submitted, so that it only says what it found.
NOBODY = "Zacharias"


@pytest.fixture(scope="module")
def ada(shared_house: House) -> Visitor:
    return steps.administrator(shared_house)


@pytest.fixture(autouse=True)
def stand_ins_behave_again(shared_house: House) -> Iterator[None]:
    yield
    for name in ("epic", "graph"):
        requests.delete(f"{shared_house.urls[name]}/sandbox/faults", timeout=steps.SECONDS)
    steps.switch(shared_house, "epic", smart_configuration_absent=False, scopes_nested=False, november_2018=False)


@pytest.fixture
def users_cannot_be_read(shared_house: House) -> Iterator[None]:
    """The organization's consent lacks the permission that the search needs."""
    steps.tell(shared_house, "entra", f"consents/{RIVERSIDE_TID}", granted=True, dropped=["User.Read.All"])
    steps.forget_cache(shared_house)
    yield
    steps.consent(shared_house)
    steps.forget_cache(shared_house)


def refused(page: Shown, field: str, message: str, **typed: str) -> None:
    """One field is at fault, the summary says the same, and what was typed is still there."""
    assert page.status == 422
    assert list(page.errors) == [f"new-1-{field}"], page.errors
    assert message in page.errors[f"new-1-{field}"]
    assert message in steps.words(page.soup.select_one(".error-summary"))
    assert {name: page.value(f"new-1-{name}") for name in typed} == typed


def looked_at(visitor: Visitor, **typed: str) -> Shown:
    """A row that names nobody, with what the page says about its address."""
    page = steps.done(visitor, approver=NOBODY, **typed)
    assert list(page.errors) == ["new-1-approver"], page.errors
    return page


@pytest.mark.parametrize(
    ("base_url", "message"),
    [
        ("ehr.hospital.example/api/FHIR/R4", "begins with https://"),
        ("ftp://ehr.hospital.example/api/FHIR/R4", "begins with https://"),
        ("https://ada:secret@ehr.hospital.example/api/FHIR/R4", "Leave out the user name and password"),
        ("https://ehr.hospital.example/api/FHIR/R4?x=1", "Leave out everything from ? or # on"),
        ("https://ehr.hospital.example/api/FHIR/R4#x", "Leave out everything from ? or # on"),
        ("https://", "not a complete address"),
        ("https://ehr hospital/api/FHIR/R4", "not a complete address"),
        ("https://ehr.hospital.example:70000/api/FHIR/R4", "not a complete address"),
        ("https://ehr.hospit\u0430l.example/api/FHIR/R4", "letters outside a to z"),
        ("https://ehr.hospital.example/" + "x" * 500, "too long"),
    ],
)
def test_an_address_that_cannot_be_is_an_error_at_its_field(ada: Visitor, base_url: str, message: str) -> None:
    page = steps.done(ada, base_url=base_url, environment="production")
    refused(page, "base_url", message, base_url=base_url, environment="production", approver=BEN)


@pytest.mark.parametrize(
    "base_url",
    [
        "https://[fe80::1]/api/FHIR/R4",
        "https://[::ffff:10.0.0.1]/api/FHIR/R4",
        "https://10.20.30.40/api/FHIR/R4",
        "https://169.254.169.254/api/FHIR/R4",
        "https://127.0.0.1/api/FHIR/R4",
    ],
)
def test_an_address_inside_a_private_network_is_an_error_at_its_field(ada: Visitor, base_url: str) -> None:
    refused(steps.done(ada, base_url=base_url), "base_url", "private", base_url=base_url, approver=BEN)


@pytest.mark.parametrize(("path", "kind"), [(SMART, "status"), (METADATA, "html"), (METADATA, "broken")])
def test_an_ehr_that_fails_is_said_at_its_address(shared_house: House, ada: Visitor, path: str, kind: str) -> None:
    steps.fault(shared_house, "epic", path, kind)
    page = steps.done(ada, approver=NOBODY)
    told = page.errors.get("new-1-base_url", "") + steps.words(page.soup.select_one(".row .notice--warning"))
    assert told
    assert page.value("new-1-base_url") == fhir_base(ada.urls)


def test_an_empty_row_says_what_it_lacks(ada: Visitor) -> None:
    page = ada.press_in_row(ada.open("/configure/add/"), "new-1", "Done", approver=" ")
    assert (page.status, sorted(page.errors)) == (422, ["new-1-approver", "new-1-base_url"])


def test_the_row_says_what_answered(ada: Visitor) -> None:
    assert "Epic May 2026 answers here with FHIR R4 ." in looked_at(ada).text


def test_a_slash_at_the_end_and_capital_letters_in_the_host_do_not_matter(ada: Visitor) -> None:
    typed = fhir_base(ada.urls).replace("localhost", "LOCALHOST") + "/"
    page = looked_at(ada, base_url=typed)
    assert "answers here" in page.text
    assert page.value("new-1-base_url") == typed


@pytest.mark.parametrize("switched", ["smart_configuration_absent", "november_2018"])
def test_without_smart_configuration_the_metadata_is_enough(shared_house: House, ada: Visitor, switched: str) -> None:
    steps.switch(shared_house, "epic", **{switched: True})
    assert "answers here" in looked_at(ada).text


def test_another_release_than_r4_is_told_and_allowed(ada: Visitor) -> None:
    page = looked_at(ada, base_url=f"{ada.urls['epic']}/interconnect-tst/api/FHIR/DSTU2")
    assert "DSTU2" in steps.words(page.soup.select_one(".row .notice--warning"))


def test_a_testing_address_marked_production_is_told(ada: Visitor) -> None:
    page = looked_at(ada, environment="production")
    assert "looks like a testing system, and it is marked production" in page.text


@pytest.mark.parametrize("approver", ["ben ok", "ben.okafor@riverside.example", "BEN.OKAFOR@riverside.example"])
def test_an_approver_is_found_by_the_beginning_of_a_name_or_by_sign_in_name(ada: Visitor, approver: str) -> None:
    page = steps.done(ada, approver=approver, environment="production")
    assert "The approver is Ben Okafor , ben.okafor@riverside.example" in page.text
    assert page.errors == {}


def test_the_administrator_may_name_himself(ada: Visitor) -> None:
    assert "The approver is Ada Lindqvist" in steps.done(ada, approver="Ada Lindqvist", environment="production").text


def test_a_guest_may_be_named(ada: Visitor) -> None:
    assert "The approver is Gita Rao" in steps.done(ada, approver="Gita Rao", environment="production").text


def test_where_several_are_found_one_is_chosen_in_the_row(ada: Visitor) -> None:
    page = steps.done(ada, approver="Dr", environment="production")
    choices = {steps.words(one.parent).partition(",")[0]: str(one["value"]) for one in page.soup.select("[type=radio]")}
    assert {"Dr. Carla Mendes", "Dr. David Kim"} <= choices.keys()
    page = ada.press_in_row(page, "new-1", "Done", approver_oid=choices["Dr. David Kim"])
    assert "The approver is Dr. David Kim , david.kim@riverside.example" in page.text


def test_somebody_who_was_not_found_cannot_be_chosen(ada: Visitor) -> None:
    page = steps.done(ada, approver="Dr", environment="production")
    page = ada.press_in_row(page, "new-1", "Done", approver_oid="a0000002-3c1b-4a52-9f1e-000000000002")
    assert list(page.errors) == ["new-1-approver"]


@pytest.mark.parametrize("typed", ["Zacharias", "zacharias@riverside.example", '"', "ben.okafor@lakeside.example"])
def test_an_unknown_approver_is_an_error_at_the_field(ada: Visitor, typed: str) -> None:
    refused(steps.done(ada, approver=typed), "approver", "Nobody in your directory has this name", approver=typed)


@pytest.mark.parametrize("typed", ["Dan Former", "dan.former@riverside.example"])
def test_a_disabled_account_cannot_approve(ada: Visitor, typed: str) -> None:
    refused(steps.done(ada, approver=typed), "approver", "This account is disabled", approver=typed)


@pytest.mark.parametrize("kind", ["status", "broken"])
def test_while_graph_fails_nobody_is_confirmed_and_nothing_typed_is_lost(
    shared_house: House, ada: Visitor, kind: str
) -> None:
    steps.fault(shared_house, "graph", "/v1.0/users", kind)
    page = steps.done(ada)
    assert page.status == 422
    assert "Microsoft could not confirm your account just now" in page.text
    assert (page.value("new-1-base_url"), page.value("new-1-approver")) == (fhir_base(ada.urls), BEN)


@pytest.mark.usefixtures("users_cannot_be_read")
def test_without_the_permission_to_read_users_nothing_is_submitted(ada: Visitor) -> None:
    page = steps.done(ada)
    assert (page.status, page.value("new-1-approver")) == (422, BEN)
    assert "check the admin consent" in page.text


def test_what_is_typed_in_one_row_survives_an_error_in_another(ada: Visitor) -> None:
    page = ada.press(ada.open("/configure/add/"), "Add another row")
    typed = {"new-1-base_url": "https://one.example/R4", "new-1-label": "Cardiology", "new-1-environment": "production"}
    page = ada.press(page, "Add another row", True, **typed)
    page = ada.press_in_row(page, "new-2", "Done", base_url="nonsense", approver=BEN)
    assert list(page.errors) == ["new-2-base_url"]
    assert {name: page.value(name) for name in typed} == typed
    page = ada.press_in_row(page, "new-2", "Cancel")
    assert [str(one["id"]) for one in page.soup.select(".row")] == ["row-new-1", "row-new-3"]
    assert {name: page.value(name) for name in typed} == typed


def suggested(visitor: Visitor, typed: str) -> list[str]:
    """The sign-in names that are offered while somebody types."""
    form = {"new-1-approver": typed, "csrfmiddlewaretoken": visitor.cookies["csrf"]}
    address = f"{visitor.urls['web']}/configure/people/"
    found = Shown(visitor.post(address, data=form, timeout=steps.SECONDS)).soup.find_all("option")
    return [str(option["value"]) for option in found]


def test_the_search_while_typing_offers_enabled_accounts(ada: Visitor) -> None:
    ada.open("/configure/add/")
    assert suggested(ada, "Da") == ["david.kim@riverside.example"]


def test_the_search_while_typing_answers_nobody_but_administrators(shared_house: House) -> None:
    nora = Visitor(shared_house)
    nora.sign_in("Nora Novak")
    assert suggested(nora, "Da") == []


def test_only_an_administrator_adds(shared_house: House) -> None:
    nora = Visitor(shared_house)
    nora.sign_in("Nora Novak")
    assert nora.open("/configure/add/").heading == "There is nothing here for your account"
