"""Records: what is entered in Epic, and the keys that prove us there. Nothing here changes anything."""

import pytest
import requests

from sandbox.launcher.house import House
from tests.portal import steps
from tests.portal.steps import Shown, Visitor

CONTEXT = "sessionId=%CSN%&externalId=%EXTERNALID%&externalIdType=%EXTERNALIDTYPE%"
MNEMONICS = ("URL", "CLIENTID", "LAUNCHTYPE", "CONTEXT")


@pytest.fixture(scope="module")
def ada(shared_house: House) -> Visitor:
    return steps.administrator(shared_house)


@pytest.fixture(scope="module")
def approved(shared_house: House, ada: Visitor) -> tuple[Visitor, Shown]:
    """Ben, and the records that he reached by approving."""
    return steps.approved(shared_house, ada)


def jwks(house: House, environment: str) -> requests.Response:
    return requests.get(f"{house.urls['web']}/jwks/{environment}.json", timeout=steps.SECONDS)


def test_the_records_hold_exactly_the_connections_launch_urls(
    shared_house: House, approved: tuple[Visitor, Shown]
) -> None:
    _, page = approved
    ref, web, ids = page.path.split("/")[2], shared_house.urls["web"], shared_house.environment
    contexts = {"": CONTEXT, "group-": CONTEXT.replace("%CSN%", "%CONFERENCEID%")}
    expected = [
        [f"{web}/launch/{ref}/{group}{side}/", ids[f"EHR_TESTING_{side.upper()}_CLIENT_ID"], "6", context]
        for group, context in contexts.items()
        for side in ("provider", "patient")
    ]
    *visits, device_test, board = page.soup.select("section.panel")
    assert page.rows("URL", device_test) == [f"{web}/launch/{ref}/device-test/"]
    assert page.rows("CONTEXT", device_test) == []
    assert page.rows("URL", board) == [f"{web}/launch/{ref}/board/"]
    assert page.rows("CONTEXT", board) == ["departmentId=%LOGINDEPTID%"]
    for section, values in zip(visits, expected, strict=True):
        assert [page.rows(mnemonic, section) for mnemonic in MNEMONICS] == [[value] for value in values]
        block = "\n".join(f"{name}={value}" for name, value in zip(MNEMONICS, values, strict=True))
        assert page.rows("The whole record", section) == [block.replace("\n", " ")]
        assert [str(button["data-copy"]) for button in section.select("[data-copy]")] == [*values, block]


def test_each_row_is_attested_or_to_be_confirmed(approved: tuple[Visitor, Shown]) -> None:
    _, page = approved
    marks = [steps.words(mark) for mark in page.soup.select("section.panel")[0].select("dt .state")]
    assert marks == ["Attested", "Attested", "Attested", "Confirm with Epic"]


def test_the_redirect_uris_stay_on_the_approvers_page(shared_house: House, approved: tuple[Visitor, Shown]) -> None:
    ben, records = approved
    ref, web = records.path.split("/")[2], shared_house.urls["web"]
    page = ben.open(f"/approve/{ref}/")
    assert page.rows("Redirect URI") == [
        f"{web}/approve/epic/callback",
        f"{web}/launch/{ref}/provider/callback",
        f"{web}/launch/{ref}/group-provider/callback",
        f"{web}/launch/{ref}/board/callback",
        f"{web}/launch/{ref}/patient/callback",
        f"{web}/launch/{ref}/group-patient/callback",
        f"{web}/launch/{ref}/device-test/callback",
    ]
    assert not page.has_button("Approve")


def test_the_list_of_records_names_what_is_approved(ada: Visitor, approved: tuple[Visitor, Shown]) -> None:
    page = ada.open("/records/")
    assert page.link(steps.words(approved[1].soup.select_one(".address")).rsplit(" ", 1)[0]).endswith(approved[1].path)


def test_before_approval_there_are_no_records(ada: Visitor, approved: tuple[Visitor, Shown]) -> None:
    waiting = steps.submit(ada, environment="production")
    page = ada.open(waiting.path.replace("configure", "records"))
    assert "Not approved yet: there are no records." in page.text
    assert page.soup.select("[data-copy]") == []


def test_all_three_steps_are_ticked(ada: Visitor, approved: tuple[Visitor, Shown]) -> None:
    assert len(ada.open("/records/").soup.select(".step--done")) == 3


@pytest.mark.parametrize("environment", ["testing", "production"])
def test_the_keys_are_public_and_nothing_else(shared_house: House, environment: str) -> None:
    answer = jwks(shared_house, environment)
    (key,) = answer.json()["keys"]
    assert key.keys() == {"kty", "n", "e", "kid", "use", "alg", "x5c"}
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.headers["Cache-Control"] == "public, max-age=3600"


def test_testing_and_production_have_keys_of_their_own(shared_house: House) -> None:
    testing, production = (jwks(shared_house, name).json()["keys"] for name in ("testing", "production"))
    assert testing[0]["n"] != production[0]["n"]


def test_another_environment_has_no_keys(shared_house: House) -> None:
    assert jwks(shared_house, "staging").status_code == 404
