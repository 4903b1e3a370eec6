"""The approver's sign-in at the EHR: what proves something, and what does not."""

from urllib.parse import parse_qs, urlencode, urlsplit

import psycopg
import pytest
from psycopg.rows import DictRow

from sandbox.launcher.house import House
from tests.portal import steps
from tests.portal.steps import Shown, Visitor, explained
from tests.stories.people import INSTANCE

BEN = "Ben Okafor"
SIGNED_IN = "You signed in to the EHR"
START = "Sign in with Epic"
NOT_FINISHED = "This EHR sign-in cannot be finished"
REFUSED = "The EHR did not finish the sign-in"
DOWN = "The EHR is not answering"


@pytest.fixture
def link(house: House) -> str:
    return steps.submit(steps.administrator(house)).rows("Link for the approver")[0]


@pytest.fixture
def arrived(house: House, link: str) -> tuple[Visitor, Shown]:
    """Ben with his page, everything entered in Epic."""
    return steps.approver(house, link)


def state_of(page: Shown) -> str:
    return parse_qs(urlsplit(page.url).query)["state"][0]


def callback(house: House, **query: str) -> str:
    return f"{house.urls['web']}/approve/epic/callback?{urlencode(query)}"


def is_signed_in(visitor: Visitor) -> bool:
    return visitor.open("/approve/").heading == "Approve or view"


def proofs(database: psycopg.Connection[DictRow]) -> list[dict[str, object]]:
    return [row["proof"] for row in database.execute("SELECT proof FROM connector_ehrsignin").fetchall()]


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
    house: House,
    arrived: tuple[Visitor, Shown],
    house_database: psycopg.Connection[DictRow],
    switched: str,
    how: str,
    kind: str,
    who: bool,
    organization: bool,
) -> None:
    steps.switch(house, "epic", **{switched: True})
    ben, page = arrived
    page = steps.sign_in_at_ehr(ben, page)
    assert SIGNED_IN in page.text
    assert ("The EHR says you are Ben Okafor" in page.text) is who
    assert ("It is the EHR of Riverside Health" in page.text) is organization
    assert ("we go by its host: localhost" in page.text) is not organization
    (proof,) = proofs(house_database)
    assert (proof["how"], proof["kind"]) == (how, kind)
    assert ben.press(page, "Approve").heading == "Integration records"


def test_an_issuer_on_another_host_is_kept_with_the_approval(
    house: House, arrived: tuple[Visitor, Shown], house_database: psycopg.Connection[DictRow]
) -> None:
    ben, page = arrived
    steps.switch(house, "epic", issuer_elsewhere=True)
    assert SIGNED_IN in steps.sign_in_at_ehr(ben, page).text
    (proof,) = proofs(house_database)
    host = house.urls["epic"].removeprefix("http://")
    assert proof["hosts"] == sorted([host, host.replace("localhost", "127.0.0.1")])


@pytest.mark.parametrize("switched", ["unauthorized_for_forbidden", "errors_not_fhir"])
def test_where_the_ehr_grants_no_reading_the_sign_in_itself_is_the_proof(
    house: House, arrived: tuple[Visitor, Shown], switched: str
) -> None:
    ben, page = arrived
    steps.switch(house, "epic", **{switched: True})
    steps.tell(house, "epic", f"{INSTANCE}/clients/{page.rows('Client ID')[0]}", "PUT", apis=[])
    assert "The EHR did not grant reading your name." in steps.sign_in_at_ehr(ben, page).text


@pytest.mark.parametrize("name", ["Pia Sandberg", "Rosa Sandberg"], ids=["patient", "proxy"])
def test_a_patient_or_proxy_cannot_approve(
    house: House, arrived: tuple[Visitor, Shown], house_database: psycopg.Connection[DictRow], name: str
) -> None:
    ben, page = arrived
    shown = steps.sign_in_at_ehr(ben, page, name)
    explained(house, shown, "A patient's account cannot approve", 403)
    assert proofs(house_database) == []
    assert not ben.follow(shown, "Check again").has_button("Approve")


def test_cancelled_at_the_ehr_the_portal_session_stays(house: House, arrived: tuple[Visitor, Shown]) -> None:
    ben, page = arrived
    state = state_of(ben.follow(page, START))
    explained(house, ben.open(callback(house, error="access_denied", state=state)), REFUSED, 403)
    assert is_signed_in(ben)
    explained(house, ben.open(callback(house, code="late", state=state)), NOT_FINISHED, 400)


def test_a_sign_in_that_fails_leaves_the_portal_session(house: House, arrived: tuple[Visitor, Shown]) -> None:
    ben, page = arrived
    state = state_of(ben.follow(page, START))
    explained(
        house, ben.open(callback(house, code="forged", state=state)), "The EHR did not accept its own answer", 403
    )
    assert is_signed_in(ben)


def test_a_sign_in_cannot_be_replayed(
    house: House, arrived: tuple[Visitor, Shown], house_database: psycopg.Connection[DictRow]
) -> None:
    ben, page = arrived
    back = ben.press(ben.follow(page, START), BEN, follow=False).response.headers["Location"]
    assert SIGNED_IN in ben.open(back).text
    explained(house, ben.open(back), NOT_FINISHED, 400)
    assert len(proofs(house_database)) == 1
    assert is_signed_in(ben)


@pytest.mark.parametrize(
    "query", [{"code": "x", "state": "forged"}, {"code": "x"}, {}], ids=["forged", "none", "empty"]
)
def test_a_callback_without_a_state_of_ours_proves_nothing(
    house: House, arrived: tuple[Visitor, Shown], query: dict[str, str]
) -> None:
    ben, _ = arrived
    explained(house, ben.open(callback(house, **query)), NOT_FINISHED, 400)
    assert is_signed_in(ben)


def test_a_sign_in_ends_in_the_browser_where_it_began(house: House, link: str, arrived: tuple[Visitor, Shown]) -> None:
    ben, page = arrived
    back = ben.press(ben.follow(page, START), BEN, follow=False).response.headers["Location"]
    elsewhere = Visitor(house)
    elsewhere.sign_in_by_link(link, BEN)
    explained(house, elsewhere.open(back), NOT_FINISHED, 400)
    assert Visitor(house).open(back).heading == "Sign in"


def test_an_id_token_for_another_sign_in_is_refused(
    house: House, arrived: tuple[Visitor, Shown], house_database: psycopg.Connection[DictRow]
) -> None:
    ben, page = arrived
    at_ehr = ben.follow(page, START)
    nonce = parse_qs(urlsplit(at_ehr.url).query)["nonce"][0]
    page = ben.press(ben.open(at_ehr.url.replace(nonce, "another")), BEN)
    explained(house, page, "The EHR's sign-in could not be trusted", 403)
    assert proofs(house_database) == []
    assert is_signed_in(ben)


def test_keys_that_are_not_ours_are_refused_by_the_ehr(house: House, arrived: tuple[Visitor, Shown]) -> None:
    ben, page = arrived
    others = page.rows("JWKS URL")[0].replace("testing", "production")
    steps.tell(house, "epic", f"{INSTANCE}/clients/{page.rows('Client ID')[0]}", "PUT", jwks_url=others)
    explained(house, steps.sign_in_at_ehr(ben, page), "The EHR does not accept the connector's client", 403)


@pytest.mark.parametrize(
    ("path", "kind", "heading"),
    [
        ("smart-configuration", "status", DOWN),
        ("smart-configuration|metadata", "html", "The EHR's address does not answer as expected"),
    ],
)
def test_an_ehr_that_fails_before_the_sign_in_is_told(
    house: House, arrived: tuple[Visitor, Shown], path: str, kind: str, heading: str
) -> None:
    ben, page = arrived
    steps.fault(house, "epic", path, kind)
    explained(house, ben.follow(page, START), heading, 503)


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
    house: House, arrived: tuple[Visitor, Shown], path: str, kind: str
) -> None:
    ben, page = arrived
    at_ehr = ben.follow(page, START)
    steps.fault(house, "epic", path, kind)
    shown = ben.press(at_ehr, BEN)
    explained(house, shown, DOWN, 503)
    assert is_signed_in(ben)


def test_while_the_ehr_cannot_be_read_the_sign_in_still_counts(house: House, arrived: tuple[Visitor, Shown]) -> None:
    ben, page = arrived
    steps.fault(house, "epic", "/R4/Practitioner", "status")
    assert "The EHR did not grant reading your name." in steps.sign_in_at_ehr(ben, page).text
