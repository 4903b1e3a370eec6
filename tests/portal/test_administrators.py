"""Who administers the organization, who approves for it, and who reaches nothing."""

from sandbox.cast import LAKESIDE_TID, RIVERSIDE
from sandbox.launcher.house import House
from tests.portal import steps
from tests.portal.steps import Visitor, explained

ADA, BEN = "Ada Lindqvist", "Ben Okafor"
OIDS = {account.name: account.oid for account in RIVERSIDE.accounts}
CONSENT = "Allow the connector in Microsoft 365"


def reaches_nothing_but_consent(visitor: Visitor) -> bool:
    """Every step leads to the consent page, and none shows anything."""
    return {visitor.open(path).heading for path in ("/", "/configure/", "/configure/add/")} == {CONSENT}


def test_an_app_role_in_the_token_makes_an_administrator(house: House) -> None:
    steps.switch(house, "entra", app_roles={OIDS[BEN]: ["Connector.Administrator"]}, leave_out_wids=True)
    assert Visitor(house).sign_in(BEN).heading == "Getting ready"


def test_with_neither_claim_an_administrator_reaches_nothing_but_consent_and_administers_after_it(house: House) -> None:
    steps.switch(house, "entra", leave_out_wids=True, leave_out_roles=True)
    ada = Visitor(house)
    assert ada.sign_in(ADA).heading == CONSENT
    assert reaches_nothing_but_consent(ada)
    steps.consent(house)
    assert ada.press(ada.open("/consent/"), "Check again").heading == "Configuration information"
    assert Visitor(house).sign_in(ADA).heading == "Configuration information"


def test_with_neither_claim_a_role_that_a_group_holds_makes_an_administrator(house: House) -> None:
    steps.switch(house, "entra", leave_out_wids=True, leave_out_roles=True)
    steps.consent(house, LAKESIDE_TID)
    assert Visitor(house).sign_in("Omar Haddad").heading == "Getting ready"


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
