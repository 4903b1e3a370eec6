"""Limits at the numbers that a hospital has, in the running house, where everybody comes from one address."""

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import quote

from tests.portal.steps import Shown, Visitor
from tests.stories.people import fhir_base
from tests.visits import steps
from tests.visits.steps import PIA, Clinic

WAIT = "Please wait a minute"
CLINIC = 500
AT_ONCE = 16
IN_A_MINUTE = 30  # LIMIT_LAUNCHES, LIMIT_SIGN_INS is half of it
TWO_MINUTES = 2 * (IN_A_MINUTE + 2)  # where a minute ends in between


def address_of_launch(clinic: Clinic) -> str:
    return f"/launch/{clinic.ref}/provider/?iss={quote(fhir_base(clinic.house.urls), safe='')}&launch=l1"


def reached(clinic: Clinic) -> list[str]:
    """Which limits the log says somebody met."""
    return [line["kind"] for line in steps.log_lines(clinic, "web") if line["event"] == "limit reached"]


def until_told_to_wait(ask: Callable[[], Shown]) -> tuple[Shown, int]:
    """(the page on which somebody who asks without end is told to wait, how often he asked before)."""
    for asked in range(TWO_MINUTES):
        page = ask()
        if page.status == 429:
            return page, asked
    raise AssertionError("Nobody was told to wait.")


def test_five_hundred_clinicians_behind_one_address_get_in_within_one_minute(clinic: Clinic) -> None:
    address, house = address_of_launch(clinic), clinic.house

    def first_press(_: int) -> int:
        return Visitor(house).open(address, follow=False).status

    with ThreadPoolExecutor(AT_ONCE) as everybody:
        statuses = Counter(everybody.map(first_press, range(CLINIC)))
    assert statuses == {302: CLINIC}


def test_a_browser_that_launches_without_end_rests_and_a_patient_beside_it_gets_in(clinic: Clinic) -> None:
    visitor, address = clinic.visitor(), address_of_launch(clinic)
    before = len(reached(clinic))
    page, asked = until_told_to_wait(lambda: visitor.open(address, follow=False))
    assert asked > IN_A_MINUTE
    steps.explained(clinic, page, WAIT, 429)
    assert 0 < int(page.response.headers["Retry-After"]) <= 60
    assert reached(clinic)[before:] == ["launch"]
    assert clinic.visitor().open(clinic.press(PIA)).heading == "You are in the right place"


def test_a_browser_that_signs_in_without_end_rests_and_a_colleague_beside_it_is_let_in(clinic: Clinic) -> None:
    visitor = clinic.visitor()
    page, asked = until_told_to_wait(lambda: visitor.open("/signin/start/", follow=False))
    assert asked > IN_A_MINUTE // 2
    steps.explained(clinic, page, WAIT, 429)
    assert clinic.visitor().sign_in("Ada Lindqvist").heading == "Configuration information"
