"""Microsoft sign-in to the portal: who administers, who approves, who reaches nothing."""

from urllib.parse import urlencode, urlsplit

import pytest

from sandbox.cast import LAKESIDE_TID, RIVERSIDE
from sandbox.launcher.house import House
from tests.portal import steps
from tests.portal.steps import Shown, Visitor, explained

ADA, BEN = "Ada Lindqvist", "Ben Okafor"
OIDS = {account.name: account.oid for account in RIVERSIDE.accounts}
NOT_FINISHED = "This sign-in cannot be finished"
CONSENT = "Allow the connector in Microsoft 365"


def reaches_nothing_but_consent(visitor: Visitor) -> bool:
    """Every step leads to the consent page, and none shows anything."""
    return {visitor.open(path).heading for path in ("/", "/configure/", "/configure/add/")} == {CONSENT}


def callback(house: House, **query: str) -> str:
    return f"{house.urls['web']}/signin/microsoft/callback/?{urlencode(query)}"


def leave_for_microsoft(visitor: Visitor) -> Shown:
    return visitor.follow(visitor.open("/signin/"), "Sign in with Microsoft")


def test_a_directory_role_in_the_token_makes_an_administrator(house: House) -> None:
    assert Visitor(house).sign_in(ADA).heading == "Configuration information"


def test_an_app_role_in_the_token_makes_an_administrator(house: House) -> None:
    steps.switch(house, "entra", app_roles={OIDS[BEN]: ["Connector.Administrator"]}, leave_out_wids=True)
    assert Visitor(house).sign_in(BEN).heading == "Configuration information"


def test_with_neither_claim_an_administrator_reaches_nothing_but_consent_and_administers_after_it(house: House) -> None:
    steps.switch(house, "entra", leave_out_wids=True, leave_out_roles=True)
    ada = Visitor(house)
    assert ada.sign_in(ADA).heading == CONSENT
    assert reaches_nothing_but_consent(ada)
    steps.consent(house)
    assert ada.press(ada.open("/consent/"), "Check again").heading == "Configuration information"
    assert Visitor(house).sign_in(ADA).heading == "Configuration information"


def test_with_neither_claim_somebody_without_a_role_does_not_administer_after_consent(house: House) -> None:
    steps.switch(house, "entra", leave_out_wids=True, leave_out_roles=True)
    steps.consent(house)
    ben = Visitor(house)
    assert ben.sign_in(BEN).heading == CONSENT
    explained(house, ben.press(ben.open("/consent/"), "Check again"), "There is nothing here for your account", 403)
    assert reaches_nothing_but_consent(ben)


def test_a_role_that_was_taken_away_ends_with_the_next_sign_in(house: House) -> None:
    steps.switch(house, "entra", app_roles={OIDS[BEN]: ["Connector.Administrator"]})
    Visitor(house).sign_in(BEN)
    steps.administrator(house)
    steps.switch(house, "entra", app_roles={})
    explained(house, Visitor(house).sign_in(BEN), "There is nothing here for your account", 403)


def test_neither_administrator_nor_approver_is_told_whom_to_ask(house: House) -> None:
    steps.administrator(house)
    page = Visitor(house).sign_in("Nora Novak")
    explained(house, page, "There is nothing here for your account", 403)
    assert f"A Microsoft 365 administrator of your organization: {ADA}" in page.text


def test_another_organizations_administrator_sees_nothing_of_this_one(house: House) -> None:
    ada = steps.administrator(house)
    ref = steps.submit(ada).path.split("/")[-2]
    lena = steps.administrator(house, "Lena Larsen", LAKESIDE_TID)
    assert "No FHIR base URL yet" in lena.open("/configure/").text
    assert "Nothing to approve yet" in lena.open("/approve/").text
    assert "Nothing is approved yet" in lena.open("/records/").text
    for path in (f"/configure/{ref}/", f"/approve/{ref}/", f"/approve/{ref}/epic/", f"/records/{ref}/"):
        assert lena.open(path).status == 404
        assert ada.open(path, follow=False).status in {200, 404}, "an administrator's own, or the approver's alone"
    decision = lena.post(
        f"{house.urls['web']}/approve/{ref}/decision/",
        data={"action": "approve", "csrfmiddlewaretoken": lena.open("/consent/").value("csrfmiddlewaretoken")},
        timeout=steps.SECONDS,
    )
    assert decision.status_code == 404


def test_a_page_that_is_not_there_explains_itself(house: House) -> None:
    ada = Visitor(house)
    ada.sign_in(ADA)
    explained(house, ada.open("/configure/0123456789abcdef/"), "There is no page here", 404)


def test_a_personal_account_is_refused(house: House) -> None:
    visitor = Visitor(house)
    page = visitor.sign_in("Carla Mendes")
    explained(house, page, "A personal Microsoft account cannot be used here", 403)
    assert visitor.open("/").heading == "Sign in"


def test_a_disabled_account_does_not_get_past_microsoft(house: House) -> None:
    assert urlsplit(Visitor(house).sign_in("Dan Former").url).netloc in house.urls["entra"]


def test_a_cancelled_sign_in_says_so(house: House) -> None:
    visitor = Visitor(house)
    page = visitor.press(leave_for_microsoft(visitor), "Cancel")
    explained(house, page, "You cancelled the sign-in", 400)


def test_a_sign_in_cannot_be_replayed(house: House) -> None:
    visitor = Visitor(house)
    back = visitor.press(leave_for_microsoft(visitor), ADA, follow=False).response.headers["Location"]
    assert visitor.open(back).heading == "Configuration information"
    explained(house, visitor.open(back), NOT_FINISHED, 400)


def test_a_sign_in_ends_in_the_browser_where_it_began(house: House) -> None:
    visitor, other = Visitor(house), Visitor(house)
    back = visitor.press(leave_for_microsoft(visitor), ADA, follow=False).response.headers["Location"]
    explained(house, other.open(back), NOT_FINISHED, 400)
    assert other.open("/configure/").heading == "Sign in"


@pytest.mark.parametrize("query", [{"code": "forged", "state": "forged"}, {"state": "forged"}, {"code": "forged"}, {}])
def test_a_forged_callback_signs_nobody_in(house: House, query: dict[str, str]) -> None:
    visitor = Visitor(house)
    explained(house, visitor.open(callback(house, **query)), NOT_FINISHED, 400)
    assert visitor.open("/").heading == "Sign in"


def test_a_forged_code_in_a_sign_in_that_was_begun_signs_nobody_in(house: House) -> None:
    visitor = Visitor(house)
    state = urlsplit(leave_for_microsoft(visitor).url).query.partition("state=")[2].partition("&")[0]
    page = visitor.open(callback(house, code="forged", state=state))
    assert page.status >= 400
    assert page.reference
    assert visitor.open("/").heading == "Sign in"


@pytest.mark.parametrize("kind", ["status", "broken", "html"])
def test_a_sign_in_while_microsoft_fails_says_so(house: House, kind: str) -> None:
    steps.fault(house, "entra", "/oauth2/v2.0/token", kind)
    explained(house, Visitor(house).sign_in(ADA), "Microsoft sign-in is not answering", 503)


def test_a_sign_in_while_microsoft_names_no_keys_says_so(house: House) -> None:
    steps.fault(house, "entra", "/discovery/v2.0/keys", "status")
    explained(house, Visitor(house).sign_in(ADA), "Microsoft sign-in is not answering", 503)


def test_a_sign_in_survives_a_change_of_microsofts_keys(house: House) -> None:
    Visitor(house).sign_in(ADA)
    steps.tell(house, "entra", "keys/rotate")
    assert Visitor(house).sign_in(ADA).heading == "Configuration information"


def test_a_sign_in_leads_to_the_page_that_was_wanted(house: House) -> None:
    assert Visitor(house).sign_in(ADA, wanted="/records/").heading == "Review and finish"


def test_a_sign_in_leads_to_no_other_site(house: House) -> None:
    page = Visitor(house).sign_in(ADA, wanted="https://elsewhere.example/")
    assert page.url == f"{house.urls['web']}/configure/"


def test_who_signs_out_is_out(house: House) -> None:
    visitor = Visitor(house)
    assert visitor.press(visitor.sign_in(ADA), "Sign out").heading == "Sign in"
    assert visitor.open("/configure/").heading == "Sign in"


def test_a_form_without_its_token_is_refused_with_an_explanation(house: House) -> None:
    visitor = Visitor(house)
    visitor.sign_in(ADA)
    answer = visitor.post(f"{house.urls['web']}/configure/add/", data={}, timeout=steps.SECONDS)
    explained(house, Shown(answer), "This form is too old", 403)
