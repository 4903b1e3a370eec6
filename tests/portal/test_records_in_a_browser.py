"""The records, the checker and the build guide in a browser: for screen readers, by keyboard, on a phone, on paper."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from sandbox.launcher.house import House
from tests.conftest import VIEWPORTS
from tests.portal import steps
from tests.portal.test_pages import press, signed_in, tab_to, violations

CHECKED = ".checked"


@pytest.fixture(scope="module")
def address(shared_house: House) -> str:
    """The page of the records of an approved connection."""
    _, page = steps.approved(shared_house, steps.administrator(shared_house))
    return page.url


@pytest.fixture
def page(shared_house: House, address: str, person: Callable[..., Page]) -> Page:
    """That page, in the administrator's browser."""
    page = signed_in(shared_house, person())
    page.goto(address)
    return page


def check(page: Page, address: str, pasted: str) -> None:
    """Paste into the checker and have the answer on the page."""
    page.goto(f"{address}check/")
    page.get_by_label("What stands in the EHR").fill(pasted)
    page.get_by_role("button", name="Check", exact=True).click()
    expect(page.locator(CHECKED).first).to_be_visible()


def patients_record(page: Page) -> str:
    block = page.locator("section.panel").nth(1).locator(".copy-rows--more [data-copy]")
    return str(block.get_attribute("data-copy"))


def overflow(page: Page) -> int:
    """How many pixels the page is wider than its window."""
    return int(page.evaluate("document.documentElement.scrollWidth - innerWidth"))


def test_axe_finds_nothing_wrong_and_nothing_is_wider_than_a_phone(page: Page, address: str) -> None:
    wrong = {"records": violations(page)}
    swapped = patients_record(page).replace("%CSN%", "%CNS%").replace("LAUNCHTYPE=6\n", "")
    page.goto(f"{address}guide/all/")
    wrong["guide"] = violations(page)
    page.goto(f"{address}guide/fdi/")
    wrong["a page of the guide"] = violations(page)
    check(page, address, swapped)
    wrong["what was found"] = violations(page)
    page.set_viewport_size(VIEWPORTS["phone"])
    wrong["what was found, on a phone"] = violations(page)
    widths = [overflow(page)]
    page.goto(address)
    widths.append(overflow(page))
    assert {name: found for name, found in wrong.items() if found} == {}
    assert max(widths) <= 0


def test_a_record_is_checked_by_keyboard_alone(page: Page, address: str) -> None:
    record = patients_record(page)
    tab_to(page, "Check what stands in Epic")
    press(page, "Enter")
    expect(page.get_by_role("heading", name="Check what stands in Epic")).to_be_visible()
    tab_to(page, "People and data")  # the last of the rail
    press(page, "Tab")
    expect(page.get_by_label("What stands in the EHR")).to_be_focused()
    page.keyboard.insert_text(record)
    press(page, "Tab")
    expect(page.get_by_label("Which record is it?")).to_be_focused()
    tab_to(page, "Check")
    press(page, "Enter")
    expect(page.locator(f"{CHECKED} h2")).to_contain_text("Right")


def test_on_paper_are_all_records_and_nothing_that_can_be_pressed(page: Page, address: str) -> None:
    page.emulate_media(media="print")
    for panel in page.locator("section.panel").all():
        expect(panel).to_be_visible()
    expect(page.get_by_text("The whole record").first).to_be_hidden()
    expect(page.get_by_role("button", name="Print")).to_be_hidden()
    page.goto(f"{address}guide/all/")
    expect(page.locator(".actions")).to_be_hidden()


def test_the_file_is_downloaded_and_the_checker_finds_all_of_it_right(page: Page, address: str) -> None:
    with page.expect_download() as started:
        page.get_by_role("link", name="Download").click()
    check(page, address, started.value.path().read_text())
    expect(page.locator(CHECKED)).to_have_count(9)
    for title in page.locator(f"{CHECKED} h2").all():
        expect(title).to_contain_text("Right")


def test_without_javascript_nothing_offers_what_it_cannot_do(
    shared_house: House, address: str, person: Callable[..., Page]
) -> None:
    page = signed_in(shared_house, person(javascript=False))
    page.goto(address)
    expect(page.get_by_role("button", name="Print")).to_have_count(0)
    expect(page.locator("[data-copy]").first).to_be_hidden()
    check(page, address, "CLIENTID=nobody")
    expect(page.locator(CHECKED)).to_contain_text("Wrong")
