"""Admin consent: asked of Microsoft, proved by an app token that works, and by nothing else."""

import re
from itertools import product
from urllib.parse import unquote, urlencode, urlsplit

import psycopg
from psycopg.rows import DictRow

from sandbox.cast import LAKESIDE_TID, RIVERSIDE_TID
from sandbox.launcher.house import House
from tests.portal import steps
from tests.portal.steps import Shown, Visitor, explained

ADA = "Ada Lindqvist"
GIVE = "Give consent at Microsoft"
NOT_FINISHED = "This consent cannot be finished"
MISSING = "Admin consent is missing"


def signed_in(house: House, name: str = ADA) -> Visitor:
    visitor = Visitor(house)
    visitor.sign_in(name)
    return visitor


def at_microsoft(visitor: Visitor) -> Shown:
    """The consent page at Microsoft, for the account that is signed in there already."""
    return visitor.follow(visitor.open("/consent/"), GIVE)


def come_back(visitor: Visitor, **query: str) -> Shown:
    return visitor.open(f"/consent/callback/?{urlencode(query)}")


def state_of(page: Shown) -> str:
    found = re.search(r"[?&]state=([^&]+)", page.url)
    assert found
    return unquote(found[1])


def has_consented(visitor: Visitor) -> bool:
    return MISSING not in visitor.open("/configure/").text


def test_consent_that_was_given_is_proved_and_shown(house: House) -> None:
    ada = signed_in(house)
    assert not has_consented(ada)
    page = ada.press(at_microsoft(ada), "Accept")
    assert (page.heading, has_consented(ada)) == ("Configuration information", True)
    assert "Riverside Health" in steps.words(page.soup.header)
    assert "Admin consent was given and works." in ada.open("/consent/").text


def test_without_consent_no_base_url_can_be_added(house: House) -> None:
    assert signed_in(house).open("/configure/add/").heading == "Allow the connector in Microsoft 365"


def test_consent_denied_at_microsoft_says_so_and_changes_nothing(house: House) -> None:
    ada = signed_in(house)
    explained(house, ada.press(at_microsoft(ada), "Cancel"), "Admin consent was not given", 403)
    assert not has_consented(ada)


def test_a_callback_proves_nothing_by_itself(house: House) -> None:
    ada = signed_in(house)
    page = come_back(ada, state=state_of(at_microsoft(ada)), tenant=RIVERSIDE_TID, admin_consent="True")
    explained(house, page, "Consent is not visible yet", 503)
    assert not has_consented(ada)


def test_a_forged_tenant_in_the_callback_changes_neither_organization(house: House) -> None:
    lena = signed_in(house, "Lena Larsen")
    steps.consent(house, LAKESIDE_TID)
    ada = signed_in(house)
    page = come_back(ada, state=state_of(at_microsoft(ada)), tenant=LAKESIDE_TID, admin_consent="True")
    explained(house, page, "Consent is not visible yet", 503)
    assert (has_consented(ada), has_consented(lena)) == (False, False)


def test_a_callback_without_the_right_state_is_refused(house: House) -> None:
    ada = signed_in(house)
    steps.consent(house)
    for state in ({}, {"state": "forged"}, {"state": ""}):
        at_microsoft(ada)
        explained(house, come_back(ada, tenant=RIVERSIDE_TID, admin_consent="True", **state), NOT_FINISHED, 400)
    assert not has_consented(ada)


def test_a_callback_that_comes_again_proves_nothing_more(house: House) -> None:
    ada = signed_in(house)
    back = ada.press(at_microsoft(ada), "Accept", follow=False).response.headers["Location"]
    assert ada.open(back).heading == "Configuration information"
    explained(house, ada.open(back), NOT_FINISHED, 400)


def test_a_third_person_gives_consent_through_a_forwarded_link(house: House) -> None:
    ada, third = signed_in(house), Visitor(house)
    forwarded = ada.press(ada.open("/ready/"), "Forward : Admin consent").rows("Link")[0]
    page = third.open(forwarded)
    assert page.heading == "Admin consent"
    thanked = third.press(third.press(third.follow(page, GIVE), ADA), "Accept")
    assert (thanked.heading, thanked.status) == ("Thank you: consent works", 200)
    assert third.open("/ready/").path == "/signin/"
    assert has_consented(ada)
    assert "Consent was given" in third.press(third.open(forwarded), "Check again").text


def test_consent_before_anybody_has_signed_in_makes_the_organization(house: House) -> None:
    third = Visitor(house)
    at_microsoft = third.follow(third.open("/consent/give/"), GIVE)
    assert urlsplit(at_microsoft.url).path == "/organizations/v2.0/adminconsent"
    assert third.press(third.press(at_microsoft, ADA), "Accept").heading == "Thank you: consent works"
    assert has_consented(signed_in(house))


def test_a_forged_tenant_makes_no_organization(house: House, house_database: psycopg.Connection[DictRow]) -> None:
    third = Visitor(house)
    state = state_of(third.follow(third.open("/consent/give/"), GIVE))
    page = come_back(third, state=state, tenant=LAKESIDE_TID, admin_consent="True")
    explained(house, page, "Consent is not visible yet", 503)
    assert house_database.execute("SELECT count(*) AS n FROM connector_organization").fetchone() == {"n": 0}


def test_consent_declined_by_a_third_person_says_so(house: House) -> None:
    third = Visitor(house)
    page = third.press(third.follow(third.open("/consent/give/"), GIVE), "Cancel")
    explained(house, page, "Admin consent was not given", 403)


def test_consent_given_by_somebody_else_counts_after_check_again(house: House) -> None:
    ada = signed_in(house)
    page = ada.press(ada.open("/consent/"), "Check again")
    explained(house, page, "Consent is not visible yet", 503)
    steps.consent(house)
    again = ada.follow(page, "Try again")
    assert ada.press(again, "Check again").heading == "Configuration information"
    assert has_consented(ada)


def test_while_microsoft_fails_or_is_down_consent_stays_unproved(house: House) -> None:
    ada = signed_in(house)
    steps.consent(house)
    graph = ("graph", "/v1.0/organization", "Microsoft 365 is not answering")
    entra = ("entra", "/oauth2/v2.0/token", "Microsoft sign-in is not answering")
    for (stand_in, path, heading), kind in product((graph, entra), ("status", "throttle", "broken", "html")):
        steps.fault(house, stand_in, path, kind, times=1)
        explained(house, ada.press(ada.open("/consent/"), "Check again"), heading, 503)
    house.kill("graph")
    explained(house, ada.press(ada.open("/consent/"), "Check again"), graph[-1], 503)
    assert not has_consented(ada)


def test_consent_is_asked_of_the_persons_own_tenant(house: House) -> None:
    page = at_microsoft(signed_in(house, "Lena Larsen"))
    assert urlsplit(page.url).path == f"/{LAKESIDE_TID}/v2.0/adminconsent"
