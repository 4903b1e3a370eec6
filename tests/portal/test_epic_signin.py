"""The approver's sign-in at the EHR: what proves something, and what does not."""

from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import psycopg
import pytest
import requests
from psycopg.rows import DictRow

from sandbox.launcher.house import House
from tests.portal import steps
from tests.portal.steps import Shown, Visitor, explained, words
from tests.stories.people import INSTANCE

Proofs = Callable[[], list[dict[str, Any]]]
BEN = "Ben Okafor"
SIGNED_IN = "You signed in to the EHR"
SWITCHES = (
    "no_openid",
    "november_2018",
    "fhiruser_relative",
    "fhiruser_person",
    "id_token_without_kid",
    "scopes_nested",
    "smart_configuration_absent",
    "issuer_elsewhere",
    "unauthorized_for_forbidden",
    "errors_not_fhir",
    "authorize_access_denied",
    "authorize_unauthorized_client",
    "authorize_invalid_request",
    "authorize_invalid_scope",
    "authorize_server_error",
    "token_invalid_client",
    "token_unauthorized_client",
    "token_invalid_scope",
    "token_invalid_grant",
)
NOT_FINISHED = "This EHR sign-in cannot be finished"
DENIED = "Epic did not let you sign in to the connector"
REFUSED = "The EHR did not finish the sign-in"
DOWN = "The EHR is not answering"


@pytest.fixture(scope="module")
def link(shared_house: House) -> str:
    return steps.submit(steps.administrator(shared_house)).rows("Link for the approver")[0]


@pytest.fixture(scope="module")
def arrived(shared_house: House, link: str) -> tuple[Visitor, Shown]:
    """Ben with his page, everything entered in Epic."""
    return steps.approver(shared_house, link)


@pytest.fixture(autouse=True)
def epic_behaves_again(shared_house: House, arrived: tuple[Visitor, Shown]) -> Iterator[None]:
    yield
    requests.delete(f"{shared_house.urls['epic']}/sandbox/faults", timeout=steps.SECONDS)
    steps.switch(shared_house, "epic", **dict.fromkeys(SWITCHES, False))
    steps.enter_client_records(shared_house, arrived[1])
    grant(shared_house, arrived[1], "Practitioner", "Organization")
    steps.forget_cache(shared_house)


def grant(house: House, page: Shown, *apis: str) -> None:
    """Let the provider app read these resources in Epic, and no others."""
    steps.tell(house, "epic", f"{INSTANCE}/clients/{page.rows('Client ID')[0]}", "PUT", apis=list(apis))


@pytest.fixture
def proofs(shared_database: psycopg.Connection[DictRow]) -> Proofs:
    """What the sign-ins of one test have proved so far."""
    query = "SELECT proof FROM connector_ehrsignin WHERE id > %s ORDER BY id"
    before = [row["id"] for row in shared_database.execute("SELECT id FROM connector_ehrsignin").fetchall()]
    return lambda: [row["proof"] for row in shared_database.execute(query, [max(before, default=0)]).fetchall()]


def state_of(page: Shown) -> str:
    return parse_qs(urlsplit(page.url).query)["state"][0]


def callback(shared_house: House, **query: str) -> str:
    return f"{shared_house.urls['web']}/approve/epic/callback?{urlencode(query)}"


def is_signed_in(visitor: Visitor) -> bool:
    return visitor.open("/approve/").heading == "Approve or view"


@pytest.mark.parametrize(
    ("switched", "how", "kind", "who", "organization"),
    [
        ("no_openid", "token", "", False, False),
        ("november_2018", "token", "", False, False),
        ("fhiruser_relative", "openid", "Practitioner", True, True),
        ("fhiruser_person", "openid", "Person", False, False),
        ("id_token_without_kid", "openid", "Practitioner", True, True),
        ("scopes_nested", "openid", "Practitioner", True, True),
        ("smart_configuration_absent", "openid", "Practitioner", True, True),
    ],
)
def test_what_real_ehrs_do_differently_breaks_nothing(
    shared_house: House,
    arrived: tuple[Visitor, Shown],
    proofs: Proofs,
    switched: str,
    how: str,
    kind: str,
    who: bool,
    organization: bool,
) -> None:
    steps.switch(shared_house, "epic", **{switched: True})
    ben, page = arrived
    page = steps.sign_in_at_ehr(ben, page)
    assert SIGNED_IN in page.text
    assert ("The EHR says you are Ben Okafor" in page.text) is who
    assert ("This EHR offers no OpenID" in page.text) is (how == "token")
    assert ("did not grant reading your name" in page.text) is (how == "openid" and not who)
    assert ("It is the EHR of Riverside Health" in page.text) is organization
    assert ("we go by its host: localhost" in page.text) is not organization
    (proof,) = proofs()
    assert (proof["how"], proof["kind"]) == (how, kind)
    assert page.has_button("Approve")


def test_an_issuer_on_another_host_is_kept_with_the_approval(
    shared_house: House, arrived: tuple[Visitor, Shown], proofs: Proofs
) -> None:
    ben, page = arrived
    steps.switch(shared_house, "epic", issuer_elsewhere=True)
    assert SIGNED_IN in steps.sign_in_at_ehr(ben, page).text
    (proof,) = proofs()
    host = shared_house.urls["epic"].removeprefix("http://")
    assert proof["hosts"] == sorted([host, host.replace("localhost", "127.0.0.1")])
    assert proof["token_host"] == host


@pytest.mark.parametrize("switched", ["unauthorized_for_forbidden", "errors_not_fhir"])
def test_where_the_ehr_grants_no_reading_the_sign_in_itself_is_the_proof(
    shared_house: House, arrived: tuple[Visitor, Shown], switched: str
) -> None:
    ben, page = arrived
    steps.switch(shared_house, "epic", **{switched: True})
    grant(shared_house, page)
    assert "The EHR did not grant reading your name." in steps.sign_in_at_ehr(ben, page).text


@pytest.mark.parametrize("name", ["Pia Sandberg", "Rosa Sandberg"], ids=["patient", "proxy"])
def test_a_patient_or_proxy_cannot_approve(
    shared_house: House, arrived: tuple[Visitor, Shown], proofs: Proofs, name: str
) -> None:
    ben, page = arrived
    shown = steps.sign_in_at_ehr(ben, page, name)
    explained(shared_house, shown, "A patient's account cannot approve", 403)
    assert proofs() == []
    assert ben.follow(shown, "Try again").path == page.path


def test_cancelled_at_the_ehr_the_portal_session_stays(shared_house: House, arrived: tuple[Visitor, Shown]) -> None:
    ben, page = arrived
    state = state_of(steps.at_ehr(ben, page))
    shown = ben.open(callback(shared_house, error="access_denied", state=state))
    explained(shared_house, shown, DENIED, 403)
    assert is_signed_in(ben)
    explained(shared_house, ben.open(callback(shared_house, code="late", state=state)), NOT_FINISHED, 400)


def marked(page: Shown) -> list[str]:
    """The items of *Before you sign in* that the page marks, each with the record it stands on."""
    found = page.soup.select(".copy-row:has(.state), p:has(> .state)")
    return [words(one.dt or one).partition(" Ask for")[0].removesuffix(" Compare this") for one in found]


@pytest.mark.parametrize(
    ("switched", "heading", "status", "items"),
    [
        ("authorize_access_denied", DENIED, 403, ["Ask for this You sign in"]),
        ("authorize_unauthorized_client", "Epic does not let this client ID sign in", 403, ["Client ID"]),
        ("authorize_invalid_request", "Epic does not accept the sign-in request", 403, ["Redirect URI"]),
        ("authorize_invalid_scope", "A scope is missing in Epic", 403, ["Scopes"]),
        ("authorize_server_error", "Epic could not finish the sign-in", 503, []),
        ("token_invalid_client", "Epic does not know the connector's keys yet", 403, ["JWKS URL"]),
        ("token_unauthorized_client", "Epic does not let this client ID sign in", 403, ["Client ID"]),
        ("token_invalid_scope", "A scope is missing in Epic", 403, ["Scopes"]),
        ("token_invalid_grant", "The EHR did not accept its own answer", 403, ["Redirect URI"]),
    ],
)
def test_each_error_of_epics_points_at_the_missing_item(
    shared_house: House,
    arrived: tuple[Visitor, Shown],
    proofs: Proofs,
    switched: str,
    heading: str,
    status: int,
    items: list[str],
) -> None:
    ben, page = arrived
    steps.switch(shared_house, "epic", **{switched: True})
    shown = steps.at_ehr(ben, page)
    shown = ben.press(shown, BEN) if switched.startswith("token") else shown
    explained(shared_house, shown, heading, status)
    assert [one[:24] for one in marked(shown)] == items
    assert ben.follow(shown, "Try again").path == page.path
    assert proofs() == []


@pytest.mark.parametrize("missing", ["redirect_uris", "client_id"])
def test_left_on_epics_own_error_page_the_approver_finds_what_is_missing(
    shared_house: House, arrived: tuple[Visitor, Shown], missing: str
) -> None:
    ben, page = arrived
    if missing == "redirect_uris":
        client = page.rows("Client ID")[0]
        steps.tell(shared_house, "epic", f"{INSTANCE}/clients/{client}", "PUT", redirect_uris=[])
        assert steps.at_ehr(ben, page).heading == "OAuth2 error"
    else:
        at_ehr = ben.open(f"{page.path}epic/", follow=False).response.headers["Location"]
        assert ben.open(at_ehr.replace(page.rows("Client ID")[0], "another")).heading == "OAuth2 error"
    shown = ben.follow(ben.open(page.path), "Epic shows an error and does not send you back?")
    explained(shared_house, shown, "Epic shows an error and does not send you back", 200)
    assert marked(shown) == ["Client ID", "Redirect URI"]


def test_what_epic_keeps_of_our_keys_and_for_how_long_is_said(
    shared_house: House, arrived: tuple[Visitor, Shown]
) -> None:
    ben, page = arrived
    steps.switch(shared_house, "epic", token_invalid_client=True)
    assert "Epic keeps keys for up to 29 hours." in steps.sign_in_at_ehr(ben, page).text


def test_only_the_approver_is_told_what_may_be_missing(shared_house: House, arrived: tuple[Visitor, Shown]) -> None:
    nora = Visitor(shared_house)
    nora.sign_in("Nora Novak")
    assert nora.open(f"{arrived[1].path}epic/error/").status == 404


@pytest.mark.parametrize("error", ["something_new", "<script>", ""])
def test_an_error_that_nobody_has_named_points_at_all_that_may_be_missing(
    shared_house: House, arrived: tuple[Visitor, Shown], error: str
) -> None:
    ben, page = arrived
    state = state_of(steps.at_ehr(ben, page))
    shown = ben.open(callback(shared_house, error=error, state=state))
    explained(shared_house, shown, REFUSED, 403)
    assert len(marked(shown)) == 3
    assert "<script>" not in shown.text


def test_a_sign_in_that_fails_leaves_the_portal_session(shared_house: House, arrived: tuple[Visitor, Shown]) -> None:
    ben, page = arrived
    state = state_of(steps.at_ehr(ben, page))
    explained(
        shared_house,
        ben.open(callback(shared_house, code="forged", state=state)),
        "The EHR did not accept its own answer",
        403,
    )
    assert is_signed_in(ben)


def test_a_sign_in_cannot_be_replayed(shared_house: House, arrived: tuple[Visitor, Shown], proofs: Proofs) -> None:
    ben, page = arrived
    back = ben.press(steps.at_ehr(ben, page), BEN, follow=False).response.headers["Location"]
    assert SIGNED_IN in ben.open(back).text
    explained(shared_house, ben.open(back), NOT_FINISHED, 400)
    assert len(proofs()) == 1
    assert is_signed_in(ben)


@pytest.mark.parametrize(
    "query", [{"code": "x", "state": "forged"}, {"code": "x"}, {}], ids=["forged", "none", "empty"]
)
def test_a_callback_without_a_state_of_ours_proves_nothing(
    shared_house: House, arrived: tuple[Visitor, Shown], query: dict[str, str]
) -> None:
    ben, _ = arrived
    explained(shared_house, ben.open(callback(shared_house, **query)), NOT_FINISHED, 400)
    assert is_signed_in(ben)


def test_a_sign_in_ends_in_the_browser_where_it_began(
    shared_house: House, link: str, arrived: tuple[Visitor, Shown]
) -> None:
    ben, page = arrived
    back = ben.press(steps.at_ehr(ben, page), BEN, follow=False).response.headers["Location"]
    elsewhere = Visitor(shared_house)
    elsewhere.sign_in_by_link(link, BEN)
    explained(shared_house, elsewhere.open(back), NOT_FINISHED, 400)
    assert Visitor(shared_house).open(back).heading == "Sign in"


def test_an_id_token_for_another_sign_in_is_refused(
    shared_house: House, arrived: tuple[Visitor, Shown], proofs: Proofs
) -> None:
    ben, page = arrived
    at_ehr = steps.at_ehr(ben, page)
    nonce = parse_qs(urlsplit(at_ehr.url).query)["nonce"][0]
    page = ben.press(ben.open(at_ehr.url.replace(nonce, "another")), BEN)
    explained(shared_house, page, "The EHR's sign-in could not be trusted", 403)
    assert proofs() == []
    assert is_signed_in(ben)


def test_keys_that_are_not_ours_are_refused_by_the_ehr(shared_house: House, arrived: tuple[Visitor, Shown]) -> None:
    ben, page = arrived
    others = page.rows("JWKS URL")[0].replace("testing", "production")
    steps.tell(shared_house, "epic", f"{INSTANCE}/clients/{page.rows('Client ID')[0]}", "PUT", jwks_url=others)
    shown = steps.sign_in_at_ehr(ben, page)
    explained(shared_house, shown, "Epic does not know the connector's keys yet", 403)
    assert marked(shown) == ["JWKS URL"]


@pytest.mark.parametrize(
    ("path", "kind", "heading"),
    [
        ("smart-configuration", "status", DOWN),
        ("smart-configuration|metadata", "html", "The EHR's address does not answer as expected"),
    ],
)
def test_an_ehr_that_fails_before_the_sign_in_is_told(
    shared_house: House, arrived: tuple[Visitor, Shown], path: str, kind: str, heading: str
) -> None:
    ben, page = arrived
    steps.fault(shared_house, "epic", path, kind)
    explained(shared_house, steps.at_ehr(ben, page), heading, 503)


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/oauth2/token", "status"),
        ("/oauth2/token", "html"),
        ("/oauth2/token", "broken"),
        ("/PublicKeys/", "status"),
        ("/PublicKeys/", "html"),
        ("smart-configuration", "throttle"),
    ],
)
def test_an_ehr_that_fails_after_the_sign_in_is_told(
    shared_house: House, arrived: tuple[Visitor, Shown], path: str, kind: str
) -> None:
    ben, page = arrived
    at_ehr = steps.at_ehr(ben, page)
    steps.fault(shared_house, "epic", path, kind)
    shown = ben.press(at_ehr, BEN)
    explained(shared_house, shown, DOWN, 503)
    assert is_signed_in(ben)


def test_while_the_ehr_cannot_be_read_the_sign_in_still_counts(
    shared_house: House, arrived: tuple[Visitor, Shown]
) -> None:
    ben, page = arrived
    steps.fault(shared_house, "epic", "/R4/Practitioner", "status")
    assert "The EHR did not grant reading your name." in steps.sign_in_at_ehr(ben, page).text
