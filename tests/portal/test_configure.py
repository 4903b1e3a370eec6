"""Configure: a FHIR base URL is typed, checked live and submitted to an approver. These tests leave no trace."""

from collections.abc import Iterator

import pytest
import requests

from sandbox.cast import RIVERSIDE_TID
from sandbox.launcher.house import House
from tests.portal import steps
from tests.portal.steps import Shown, Visitor
from tests.stories.people import fhir_base

BEN = "Ben Okafor"
SUBMIT = "Submit for approval"
METADATA, SMART = "/R4/metadata", "smart-configuration"


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
    assert list(page.errors) == [field], page.errors
    assert message in page.errors[field]
    assert message in steps.words(page.soup.select_one(".error-summary"))
    assert {name: page.value(name) for name in typed} == typed
    assert not page.has_button(SUBMIT)


@pytest.mark.parametrize(
    ("base_url", "message"),
    [
        ("ehr.hospital.example/api/FHIR/R4", "begins with https://"),
        ("ftp://ehr.hospital.example/api/FHIR/R4", "begins with https://"),
        ("http://ehr.hospital.example/api/FHIR/R4", "must begin with https://"),
        ("https://ada:secret@ehr.hospital.example/api/FHIR/R4", "Leave out the user name and password"),
        ("https://ehr.hospital.example/api/FHIR/R4?x=1", "Leave out everything from ? or # on"),
        ("https://ehr.hospital.example/api/FHIR/R4#x", "Leave out everything from ? or # on"),
        ("https://", "not a complete address"),
        ("https://ehr hospital/api/FHIR/R4", "not a complete address"),
        ("https://[fe80::1]/api/FHIR/R4", "inside a private network"),
        ("https://[::ffff:10.0.0.1]/api/FHIR/R4", "inside a private network"),
        ("https://10.20.30.40/api/FHIR/R4", "inside a private network"),
        ("https://169.254.169.254/api/FHIR/R4", "inside a private network"),
        ("https://127.0.0.1/api/FHIR/R4", "inside a private network"),
        ("https://ehr.hospital.example:70000/api/FHIR/R4", "not a complete address"),
    ],
)
def test_an_address_that_cannot_be_asked_is_an_error_at_its_field(ada: Visitor, base_url: str, message: str) -> None:
    page = steps.check(ada, base_url=base_url, environment="production")
    refused(page, "base_url", message, base_url=base_url, environment="production", approver=BEN)


@pytest.mark.parametrize(
    ("path", "kind", "message"),
    [
        (METADATA, "status", "answers with an error of its own"),
        (SMART, "status", "answers with an error of its own"),
        (METADATA, "throttle", "answers with an error of its own"),
        (METADATA, "html", "but not as FHIR"),
        (METADATA, "broken", "but not as FHIR"),
    ],
)
def test_an_ehr_that_fails_is_an_error_at_its_address(
    shared_house: House, ada: Visitor, path: str, kind: str, message: str
) -> None:
    steps.fault(shared_house, "epic", path, kind)
    page = steps.check(ada)
    refused(page, "base_url", message, base_url=fhir_base(ada.urls), environment="testing", approver=BEN)


def test_a_server_that_is_no_fhir_server_is_an_error_at_its_address(ada: Visitor) -> None:
    base_url = f"{ada.urls['epic']}/interconnect-tst"
    refused(steps.check(ada, base_url=base_url), "base_url", "but not as FHIR", base_url=base_url)


def test_nothing_typed_is_an_error_at_each_field(ada: Visitor) -> None:
    page = ada.press(ada.open("/configure/add/"), "Check", base_url="", approver=" ")
    assert (page.status, sorted(page.errors)) == (422, ["approver", "base_url"])


def test_the_page_says_what_answered(ada: Visitor) -> None:
    assert "Epic May 2026 answers here with FHIR R4 ." in steps.check(ada).text


def test_a_slash_at_the_end_and_capital_letters_in_the_host_do_not_matter(ada: Visitor) -> None:
    typed = fhir_base(ada.urls).replace("localhost", "LOCALHOST") + "/"
    page = steps.check(ada, base_url=typed)
    assert "answers here" in page.text
    assert page.value("base_url") == typed


@pytest.mark.parametrize("switched", ["smart_configuration_absent", "november_2018"])
def test_without_smart_configuration_the_metadata_is_enough(shared_house: House, ada: Visitor, switched: str) -> None:
    steps.switch(shared_house, "epic", **{switched: True})
    page = steps.check(ada)
    assert "Its sign-in addresses come from the FHIR metadata" in page.text
    assert page.has_button(SUBMIT)


def test_a_smart_configuration_with_nested_scopes_is_read(shared_house: House, ada: Visitor) -> None:
    steps.switch(shared_house, "epic", scopes_nested=True)
    assert steps.check(ada).has_button(SUBMIT)


def test_another_release_than_r4_is_told_and_allowed(ada: Visitor) -> None:
    page = steps.check(ada, base_url=f"{ada.urls['epic']}/interconnect-tst/api/FHIR/DSTU2")
    assert "This is not FHIR R4" in page.text
    assert page.has_button(SUBMIT)


def test_an_approver_is_found_by_the_beginning_of_a_name(ada: Visitor) -> None:
    page = steps.check(ada, approver="ben ok")
    assert "Ben Okafor , ben.okafor@riverside.example, Epic customer analyst" in page.text
    assert page.has_button(SUBMIT)


@pytest.mark.parametrize("typed", ["ben.okafor@riverside.example", "BEN.OKAFOR@riverside.example"])
def test_an_approver_is_found_by_sign_in_name(ada: Visitor, typed: str) -> None:
    page = steps.check(ada, approver=typed)
    assert "Ben Okafor , ben.okafor@riverside.example" in page.text
    assert page.has_button(SUBMIT)


def test_where_several_are_found_one_is_chosen(ada: Visitor) -> None:
    page = steps.check(ada, approver="Dr")
    choices = {steps.words(one.parent).partition(",")[0]: str(one["value"]) for one in page.soup.select("[type=radio]")}
    assert {"Dr. Carla Mendes", "Dr. David Kim"} <= choices.keys()
    assert not page.has_button(SUBMIT)
    page = ada.press(page, "Check", approver_oid=choices["Dr. David Kim"])
    assert "Dr. David Kim , david.kim@riverside.example" in page.text
    assert page.has_button(SUBMIT)


def test_somebody_who_was_not_found_cannot_be_chosen(ada: Visitor) -> None:
    page = ada.press(steps.check(ada, approver="Dr"), "Check", approver_oid="a0000002-3c1b-4a52-9f1e-000000000002")
    assert not page.has_button(SUBMIT)


@pytest.mark.parametrize("typed", ["Zacharias", "zacharias@riverside.example", '"', "ben.okafor@lakeside.example"])
def test_an_unknown_approver_is_an_error_at_the_field(ada: Visitor, typed: str) -> None:
    refused(steps.check(ada, approver=typed), "approver", "Nobody in your directory has this name", approver=typed)


@pytest.mark.parametrize("typed", ["Dan Former", "dan.former@riverside.example"])
def test_a_disabled_account_cannot_approve(ada: Visitor, typed: str) -> None:
    refused(steps.check(ada, approver=typed), "approver", "This account is disabled", approver=typed)


def test_the_administrator_may_name_himself(ada: Visitor) -> None:
    assert steps.check(ada, approver="Ada Lindqvist").has_button(SUBMIT)


@pytest.mark.parametrize("kind", ["status", "throttle", "broken", "html"])
def test_while_graph_fails_the_search_says_so_and_loses_nothing(shared_house: House, ada: Visitor, kind: str) -> None:
    steps.fault(shared_house, "graph", "/v1.0/users", kind)
    page = steps.check(ada)
    refused(page, "approver", "Microsoft Graph did not answer", base_url=fhir_base(ada.urls), approver=BEN)
    assert "answers here" in page.text


@pytest.mark.usefixtures("users_cannot_be_read")
def test_a_permission_that_is_missing_is_told_at_the_field(ada: Visitor) -> None:
    refused(steps.check(ada), "approver", "a permission has not been granted", approver=BEN)


def suggested(visitor: Visitor, typed: str) -> list[str]:
    """The sign-in names that are offered while somebody types."""
    form = {"approver": typed, "csrfmiddlewaretoken": visitor.cookies["csrf"]}
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
