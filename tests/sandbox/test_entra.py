"""Signing in at the Entra stand-in, over HTTP."""

from concurrent.futures import ThreadPoolExecutor

import pytest
import requests
from bs4 import BeautifulSoup

from sandbox.cast import LAKESIDE, LAKESIDE_TID, RIVERSIDE, RIVERSIDE_TID
from tests.sandbox.entra_browser import Browser, back, key_of
from tests.sandbox.standins import Sandbox

ADA, BEN, _, _, _, GITA_AS_GUEST, DAN = RIVERSIDE.accounts
GITA = LAKESIDE.accounts[1]
PERSONAL_KEY = "9188040d-6c67-4c5b-b112-36a304b66dad/00000000-0000-0000-9c1b-0000000000d1"
TEAMS = "5e3ce6c0-2b1f-4285-8d4b-75ee78787346"
EVERYBODY_WID = "b79fbf4d-3ef9-4689-8143-76b194e85509"


def offered(page: str) -> list[str]:
    return [str(button["value"]) for button in BeautifulSoup(page, "html.parser").select("button[name=account]")]


@pytest.fixture(scope="module", autouse=True)
def entra(sandbox: Sandbox) -> None:
    sandbox.start("entra")


@pytest.fixture
def browser(sandbox: Sandbox) -> Browser:
    sandbox.reset("entra")
    return Browser(sandbox)


@pytest.mark.parametrize(
    ("tenant", "issuing"),
    [("organizations", "{tenantid}"), ("common", "{tenantid}"), (RIVERSIDE_TID, RIVERSIDE_TID)],
)
def test_discovery_and_keys_name_the_template_or_the_tenant(browser: Browser, tenant: str, issuing: str) -> None:
    document = browser.ask(browser.entra(f"/{tenant}/v2.0/.well-known/openid-configuration")).json()
    keys = browser.ask(document["jwks_uri"]).json()["keys"]
    assert document["issuer"] == browser.entra(f"/{issuing}/v2.0")
    assert {key["issuer"] for key in keys} == {document["issuer"]}
    assert len({key["kid"] for key in keys}) == 2
    assert not any("d" in key for key in keys)


def test_discovery_of_an_unknown_tenant_is_refused_with_its_number(browser: Browser) -> None:
    response = browser.ask(browser.entra(f"/{'0' * 8}/v2.0/.well-known/openid-configuration"))
    assert (response.status_code, response.json()["error_codes"]) == (400, [90002])


def test_the_code_flow_gives_an_id_token_that_another_library_verifies(browser: Browser) -> None:
    answer = back(browser.choose(browser.authorize_url(), account=key_of(RIVERSIDE, ADA)))
    claims = browser.verified(browser.redeem(code=answer["code"]).json()["id_token"])
    assert answer["state"] == "the state"
    assert claims["iss"] == browser.entra(f"/{RIVERSIDE_TID}/v2.0")
    assert (claims["tid"], claims["oid"], claims["nonce"]) == (RIVERSIDE_TID, ADA.oid, "the-nonce")
    assert (claims["preferred_username"], claims["name"], claims["ver"]) == (ADA.upn, ADA.name, "2.0")
    assert claims["wids"] == [*ADA.directory_roles, EVERYBODY_WID]
    assert "roles" not in claims


def test_without_the_scope_profile_the_id_token_does_not_tell_who_it_is(browser: Browser) -> None:
    claims = browser.sign_in(key_of(RIVERSIDE, BEN), scope="openid")
    assert claims.keys().isdisjoint({"tid", "oid", "name", "preferred_username"})


def test_a_code_is_good_once(browser: Browser) -> None:
    code = back(browser.choose(browser.authorize_url(), account=key_of(RIVERSIDE, ADA)))["code"]
    assert browser.redeem(code=code).status_code == 200
    replay = browser.redeem(code=code)
    assert (replay.status_code, replay.json()["error"], replay.json()["error_codes"]) == (400, "invalid_grant", [54005])


@pytest.mark.parametrize(
    ("changes", "status", "number"),
    [
        ({"client_secret": "wrong"}, 401, 7000215),
        ({"client_secret": None}, 401, 7000218),
        ({"code_verifier": "v" * 43}, 400, 70000),
        ({"code_verifier": None}, 400, 900144),
        ({"redirect_uri": "http://elsewhere.example/"}, 400, 70000),
        ({"client_id": "unknown"}, 400, 700016),
        ({"grant_type": "password"}, 400, 70003),
        ({"code": "made-up"}, 400, 70000),
    ],
)
def test_a_wrong_redemption_is_refused_in_entras_shape(
    browser: Browser, changes: dict[str, str | None], status: int, number: int
) -> None:
    code = back(browser.choose(browser.authorize_url(), account=key_of(RIVERSIDE, ADA)))["code"]
    response = browser.redeem(**({"code": code} | changes))
    body = response.json()
    assert (response.status_code, body["error_codes"]) == (status, [number])
    assert body["error_description"].startswith(f"AADSTS{number}: ")
    assert {"error", "timestamp", "trace_id", "correlation_id"} <= body.keys()


def test_the_secret_may_also_come_in_the_authorization_header(browser: Browser) -> None:
    code = back(browser.choose(browser.authorize_url(), account=key_of(RIVERSIDE, ADA)))["code"]
    data = {"grant_type": "authorization_code", "code": code, "redirect_uri": browser.redirect_uri}
    response = requests.post(
        browser.entra("/organizations/oauth2/v2.0/token"),
        data=data | {"code_verifier": browser.verifier},
        auth=(browser.client_id, browser.sandbox.environment["SANDBOX_APP_CLIENT_SECRET"]),
        timeout=10,
    )
    assert response.status_code == 200


@pytest.mark.parametrize(
    "changes",
    [{"client_id": "unknown"}, {"redirect_uri": "http://elsewhere.example/"}, {"redirect_uri": None}],
)
def test_an_unknown_client_or_redirect_uri_gets_a_page_and_no_redirect(
    browser: Browser, changes: dict[str, str | None]
) -> None:
    response = browser.ask(browser.authorize_url(**changes))
    assert response.status_code == 400
    assert "Sign-in stopped" in response.text
    assert "Location" not in response.headers


def test_the_public_client_signs_in_with_pkce_and_never_without(browser: Browser) -> None:
    browser.client_id, browser.redirect_uri = TEAMS, browser.sandbox.url("teams", "/signin/callback")
    refused = back(browser.ask(browser.authorize_url(code_challenge=None, code_challenge_method=None)))
    code = back(browser.choose(browser.authorize_url(), account=key_of(RIVERSIDE, ADA)))["code"]
    answer = browser.redeem(code=code, client_secret=None).json()
    assert (refused["error"], refused["state"]) == ("invalid_request", "the state")
    assert browser.verified(answer["id_token"])["aud"] == TEAMS


def test_a_challenge_by_another_method_than_s256_is_refused(browser: Browser) -> None:
    assert back(browser.ask(browser.authorize_url(code_challenge_method="plain")))["error"] == "invalid_request"


def test_the_subject_differs_between_clients(browser: Browser) -> None:
    at_connector = browser.sign_in(key_of(RIVERSIDE, ADA))["sub"]
    browser.client_id, browser.redirect_uri = TEAMS, browser.sandbox.url("teams", "/signin/callback")
    code = back(browser.choose(browser.authorize_url(prompt="login"), account=key_of(RIVERSIDE, ADA)))["code"]
    assert browser.verified(browser.redeem(code=code, client_secret=None).json()["id_token"])["sub"] != at_connector


def test_the_picker_of_organizations_offers_home_accounts_of_both_tenants_and_a_personal_one(browser: Browser) -> None:
    keys = offered(browser.ask(browser.authorize_url()).text)
    assert key_of(RIVERSIDE, ADA) in keys
    assert key_of(LAKESIDE, GITA) in keys
    assert PERSONAL_KEY in keys
    assert key_of(RIVERSIDE, GITA_AS_GUEST) not in keys


def test_the_picker_of_one_tenant_offers_its_accounts_and_guests_alone(browser: Browser) -> None:
    keys = offered(browser.ask(browser.authorize_url(RIVERSIDE_TID)).text)
    assert sorted(keys) == sorted(key_of(RIVERSIDE, account) for account in RIVERSIDE.accounts)


def test_a_guest_gets_the_resource_tenants_id_and_another_object_id_than_at_home(browser: Browser) -> None:
    at_home = browser.sign_in(key_of(LAKESIDE, GITA))
    as_guest = browser.verified(
        browser.redeem(code=back(browser.ask(browser.authorize_url(RIVERSIDE_TID)))["code"]).json()["id_token"]
    )
    assert (at_home["tid"], at_home["oid"]) == (LAKESIDE_TID, GITA.oid)
    assert (as_guest["tid"], as_guest["oid"]) == (RIVERSIDE_TID, GITA_AS_GUEST.oid)
    assert as_guest["preferred_username"] == at_home["preferred_username"] == GITA.upn


def test_a_personal_account_signs_in_with_the_personal_tenants_id(browser: Browser) -> None:
    assert browser.sign_in(PERSONAL_KEY)["tid"] == PERSONAL_KEY.split("/")[0]


def test_an_account_of_another_tenant_is_refused_at_a_tenants_own_path(browser: Browser) -> None:
    response = browser.choose(browser.authorize_url(LAKESIDE_TID), account=key_of(RIVERSIDE, ADA))
    assert response.status_code == 403
    assert "AADSTS50020" in response.text


def test_a_disabled_account_is_refused_with_a_page(browser: Browser) -> None:
    response = browser.choose(browser.authorize_url(), account=key_of(RIVERSIDE, DAN))
    assert response.status_code == 403
    assert "AADSTS50057" in response.text


def test_cancel_takes_the_person_back_with_access_denied(browser: Browser) -> None:
    answer = back(browser.choose(browser.authorize_url(), cancel="yes"))
    assert (answer["error"], answer["state"]) == ("access_denied", "the state")


def test_who_is_signed_in_goes_straight_through_unless_the_client_wants_the_picker(browser: Browser) -> None:
    browser.sign_in(key_of(RIVERSIDE, BEN))
    assert "code" in back(browser.ask(browser.authorize_url()))
    picker = browser.ask(browser.authorize_url(prompt="select_account"))
    assert "Signed in" in picker.text
    assert offered(picker.text)[0] == key_of(RIVERSIDE, BEN)


def test_prompt_none_answers_at_once_or_says_why_not(browser: Browser) -> None:
    silent = browser.authorize_url(prompt="none")
    assert back(browser.ask(silent))["error"] == "login_required"
    browser.sign_in(key_of(RIVERSIDE, BEN))
    assert "code" in back(browser.ask(silent))
    browser.sign_in(key_of(RIVERSIDE, ADA))
    assert back(browser.ask(silent))["error"] == "interaction_required"
    assert "code" in back(browser.ask(browser.authorize_url(prompt="none", login_hint=ADA.upn)))


def test_signing_out_forgets_the_accounts_of_the_browser(browser: Browser) -> None:
    browser.sign_in(key_of(RIVERSIDE, BEN))
    home = browser.sandbox.url("connector", "/")
    url = browser.entra("/organizations/oauth2/v2.0/logout")
    assert browser.ask(f"{url}?post_logout_redirect_uri={home}").headers["Location"] == home
    assert back(browser.ask(browser.authorize_url(prompt="none")))["error"] == "login_required"
    assert "signed out" in browser.ask(f"{url}?post_logout_redirect_uri=http://elsewhere.example/").text


def test_form_post_brings_code_and_state_in_a_form(browser: Browser) -> None:
    page = browser.choose(browser.authorize_url(response_mode="form_post"), account=key_of(RIVERSIDE, ADA))
    form = BeautifulSoup(page.text, "html.parser").select_one("form")
    assert form
    fields = {str(field["name"]): str(field["value"]) for field in form.select("input")}
    assert form["action"] == browser.redirect_uri
    assert fields["state"] == "the state"
    assert browser.redeem(code=fields["code"]).status_code == 200


def test_a_code_redeemed_twice_at_once_gives_one_token(browser: Browser) -> None:
    code = back(browser.choose(browser.authorize_url(), account=key_of(RIVERSIDE, ADA)))["code"]
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: browser.redeem(code=code).status_code, range(4)))
    assert sorted(answers) == [200, 400, 400, 400]
