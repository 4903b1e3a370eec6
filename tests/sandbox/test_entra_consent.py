"""Admin consent, app tokens, switches and the console of the Entra stand-in, over HTTP."""

from collections.abc import Callable
from typing import Any

import jwt
import pytest
import requests

from sandbox.cast import LAKESIDE, LAKESIDE_TID, RIVERSIDE, RIVERSIDE_TID, Account, Tenant
from tests.sandbox.entra_browser import Browser, back, key_of
from tests.sandbox.standins import Sandbox

ADA, BEN = RIVERSIDE.accounts[:2]
DAN = RIVERSIDE.accounts[6]
LENA = LAKESIDE.accounts[0]


@pytest.fixture(scope="module", autouse=True)
def entra(sandbox: Sandbox) -> None:
    sandbox.start("entra")


@pytest.fixture
def browser(sandbox: Sandbox) -> Browser:
    sandbox.reset("entra")
    return Browser(sandbox)


def test_an_app_token_needs_consent_and_carries_what_was_consented(browser: Browser) -> None:
    before = browser.app_token()
    assert (before.status_code, before.json()["error"]) == (400, "unauthorized_client")
    assert before.json()["error_codes"] == [700016]
    answer = back(browser.choose(browser.consent_url(), account=key_of(RIVERSIDE, ADA), accept="yes"))
    assert (answer["admin_consent"], answer["tenant"], answer["state"]) == ("True", RIVERSIDE_TID, "s1")
    token = browser.app_token().json()["access_token"]
    key = jwt.PyJWKClient(browser.entra("/common/discovery/v2.0/keys")).get_signing_key_from_jwt(token)
    claims = jwt.decode(token, key, algorithms=["RS256"], audience=browser.sandbox.url("graph"))
    assert (claims["tid"], claims["appid"]) == (RIVERSIDE_TID, browser.client_id)
    assert "OnlineMeetings.ReadWrite.All" in claims["roles"]
    assert browser.app_token(LAKESIDE_TID).status_code == 400


@pytest.mark.parametrize(
    ("tid", "changes", "status", "number"),
    [
        (RIVERSIDE_TID, {"client_secret": "wrong"}, 401, 7000215),
        (RIVERSIDE_TID, {"scope": "User.Read"}, 400, 1002012),
        ("nowhere", {}, 400, 90002),
        ("organizations", {}, 400, 50059),
    ],
)
def test_a_wrong_request_for_an_app_token_is_refused(
    browser: Browser, tid: str, changes: dict[str, str], status: int, number: int
) -> None:
    requests.post(browser.entra(f"/sandbox/consents/{RIVERSIDE_TID}"), json={}, timeout=10).raise_for_status()
    assert browser.app_token().status_code == 200
    response = browser.app_token(tid, **changes)
    assert (response.status_code, response.json()["error_codes"]) == (status, [number])


def test_the_consent_page_names_organization_and_permissions_and_can_be_declined(browser: Browser) -> None:
    browser.sign_in(key_of(RIVERSIDE, ADA))
    page = browser.ask(browser.consent_url())
    assert "Riverside Health" in page.text
    assert "Create and change online meetings" in page.text
    answer = back(browser.choose(browser.consent_url(), account=key_of(RIVERSIDE, ADA), cancel="yes"))
    assert (answer["error"], answer["admin_consent"], answer["state"]) == ("access_denied", "True", "s1")
    assert browser.app_token().status_code == 400


@pytest.mark.parametrize(("tenant", "account"), [(RIVERSIDE, BEN), (LAKESIDE, LENA)])
def test_nobody_but_a_global_administrator_can_consent(browser: Browser, tenant: Tenant, account: Account) -> None:
    key = key_of(tenant, account)
    page = browser.choose(browser.consent_url(), account=key, accept="yes")
    assert "An administrator is needed" in page.text
    answer = back(browser.choose(browser.consent_url(), account=key, cancel="yes"))
    assert answer["error"] == "permission_denied"
    assert browser.app_token(tenant.tid).status_code == 400


@pytest.mark.parametrize(
    ("change", "number"),
    [({"client_id": "unknown"}, 700016), ({"redirect_uri": "http://elsewhere.example/"}, 50011)],
)
def test_a_wrong_consent_request_gets_a_page_and_no_redirect(
    browser: Browser, change: dict[str, str], number: int
) -> None:
    response = browser.ask(browser.consent_url(**change))
    assert (response.status_code, f"AADSTS{number}" in response.text) == (400, True)


def test_a_disabled_account_cannot_consent(browser: Browser) -> None:
    response = browser.choose(browser.consent_url(), account=key_of(RIVERSIDE, DAN), accept="yes")
    assert (response.status_code, "AADSTS50057" in response.text) == (403, True)


def test_the_older_consent_path_needs_no_scope_and_the_newer_one_does(browser: Browser) -> None:
    query = {"client_id": browser.client_id, "redirect_uri": browser.sandbox.url("connector", "/consent/callback/")}
    older = browser.get(browser.entra(f"/{RIVERSIDE_TID}/adminconsent"), params=query, timeout=10)
    newer = browser.get(browser.entra(f"/{RIVERSIDE_TID}/v2.0/adminconsent"), params=query, timeout=10)
    assert "Pick an account" in older.text
    assert (newer.status_code, "AADSTS70011" in newer.text) == (400, True)


def test_a_single_permission_can_be_dropped_in_one_tenant(browser: Browser) -> None:
    for tid in (RIVERSIDE_TID, LAKESIDE_TID):
        requests.post(browser.entra(f"/sandbox/consents/{tid}"), json={}, timeout=10).raise_for_status()
    browser.switch(dropped_permissions={RIVERSIDE_TID: ["User.Read.All"]})
    held = [
        jwt.decode(browser.app_token(tid).json()["access_token"], options={"verify_signature": False})["roles"]
        for tid in (RIVERSIDE_TID, LAKESIDE_TID)
    ]
    assert ["User.Read.All" in roles for roles in held] == [False, True]


def test_the_claims_of_roles_can_be_given_and_left_out(browser: Browser) -> None:
    browser.switch(app_roles={ADA.oid: ["Administrator"]})
    assert browser.sign_in(key_of(RIVERSIDE, ADA))["roles"] == ["Administrator"]
    browser.switch(leave_out_wids=True, leave_out_roles=True)
    assert browser.sign_in(key_of(RIVERSIDE, ADA)).keys().isdisjoint({"wids", "roles"})


def header_of_id_token(browser: Browser) -> dict[str, Any]:
    code = back(browser.choose(browser.authorize_url(prompt="login"), account=key_of(RIVERSIDE, ADA)))["code"]
    return jwt.get_unverified_header(browser.redeem(code=code).json()["id_token"])


def test_the_key_id_can_be_left_out(browser: Browser) -> None:
    assert "kid" in header_of_id_token(browser)
    browser.switch(omit_kid=True)
    assert "kid" not in header_of_id_token(browser)


def test_a_rotated_key_stays_published_and_can_still_sign(browser: Browser) -> None:
    first = header_of_id_token(browser)["kid"]
    requests.post(browser.entra("/sandbox/keys/rotate"), timeout=10).raise_for_status()
    assert header_of_id_token(browser)["kid"] != first
    browser.switch(use_previous_key=True)
    assert header_of_id_token(browser)["kid"] == first
    browser.sign_in(key_of(RIVERSIDE, ADA))


def test_an_unknown_switch_is_refused(browser: Browser) -> None:
    assert requests.post(browser.entra("/sandbox/switches"), json={"no_such": True}, timeout=10).status_code == 400


def test_a_validation_token_speaks_for_the_publisher_of_notifications(browser: Browser) -> None:
    asked = {"tid": RIVERSIDE_TID, "aud": browser.client_id}
    token = requests.post(browser.entra("/sandbox/validation-token"), json=asked, timeout=10).json()["token"]
    claims = browser.verified(token)
    assert claims["azp"] == claims["appid"] == "0bf30f3b-4a52-48df-9a82-234910c4a086"
    assert (claims["tid"], claims["iss"]) == (RIVERSIDE_TID, browser.entra(f"/{RIVERSIDE_TID}/v2.0"))
    assert claims["nbf"] < claims["exp"]


def post_form(path: str, **data: str) -> Callable[[Browser], requests.Response]:
    return lambda browser: browser.post(browser.entra(f"/sandbox/{path}"), data=data or {"": ""}, timeout=10)


@pytest.mark.parametrize(
    ("act", "shown"),
    [
        (post_form("switches", omit_kid="on"), 'name="omit_kid" value="on" checked'),
        (post_form(f"consents/{RIVERSIDE_TID}", granted="on"), 'name="granted" value="on" checked'),
        (post_form("sign-out"), "Nobody."),
    ],
)
def test_the_console_sets_and_shows_it(
    browser: Browser, act: Callable[[Browser], requests.Response], shown: str
) -> None:
    browser.sign_in(key_of(RIVERSIDE, BEN))
    assert shown not in browser.ask(browser.entra("/sandbox/")).text
    assert shown in act(browser).text


def test_a_reset_signs_everybody_out_and_forgets_switches(browser: Browser) -> None:
    browser.sign_in(key_of(RIVERSIDE, BEN))
    browser.switch(omit_kid=True)
    browser.sandbox.reset("entra")
    assert back(browser.ask(browser.authorize_url(prompt="none")))["error"] == "login_required"
    assert "kid" in header_of_id_token(browser)
