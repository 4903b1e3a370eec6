"""The portal's pages in a browser: nothing that a screen reader, a keyboard or a phone could not use."""

from collections.abc import Callable
from typing import Any

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from sandbox.launcher.house import House
from tests.conftest import VIEWPORTS
from tests.portal import steps
from tests.stories.people import fhir_base, sign_in_with_microsoft

Person = Callable[..., Page]
OPTIONS = {"preload": False}  # axe would fetch the style sheets by itself, which the policy forbids
FOCUSED = """() => {
    const at = document.activeElement;
    return ["INPUT", "SELECT"].includes(at.tagName) ? at.name : at.innerText;
}"""
PATHS = (
    "configure/",
    "configure/add/",
    "configure/{ref}/",
    "configure/{ref}/edit/",
    "configure/{ref}/details/",
    "approve/",
    "approve/{ref}/",
    "history/",
    "history/{ref}/",
    "records/",
    "records/{ref}/",
    "consent/",
    "consent/give/",
    "ready/",
    "ready/proof/",
    "consent/callback/",  # an error page of ours
    "nowhere/",
)


def violations(page: Page) -> list[str]:
    """What axe finds wrong with a page: rule, impact, where."""
    found: list[dict[str, Any]] = Axe().run(page, options=OPTIONS).response["violations"]
    return [f"{one['id']} ({one['impact']}): {node['html']}" for one in found for node in one["nodes"]]


def signed_in(house: House, page: Page) -> Page:
    page.goto(house.urls["web"])
    sign_in_with_microsoft(page, "Ada Lindqvist")
    expect(page.get_by_role("heading", name="Configuration information")).to_be_visible()
    return page


def test_axe_finds_nothing_wrong_with_any_page(house: House, person: Person) -> None:
    visitor = steps.administrator(house)
    page = person()
    page.goto(f"{house.urls['web']}/signin/")
    wrong = {"signin/": violations(page)}
    signed_in(house, page)
    wrong["configure/, empty"] = violations(page)
    ref = steps.approved(house, visitor)[1].path.split("/")[2]
    page.goto(f"{house.urls['web']}/configure/add/")
    page.locator(".row").get_by_role("button", name="Done").click()
    expect(page.get_by_role("alert")).to_be_visible()
    wrong["configure/add/, with errors"] = violations(page)
    page.get_by_role("button", name="Edit").click()
    expect(page.locator(".row")).to_have_count(2)
    wrong["configure/, two rows open"] = violations(page)
    for path in PATHS:
        page.goto(f"{house.urls['web']}/{path.format(ref=ref)}")
        wrong[path] = violations(page)
    page.set_viewport_size(VIEWPORTS["phone"])
    for path in ("configure/", f"records/{ref}/"):  # tables become cards, rows become blocks
        page.goto(f"{house.urls['web']}/{path}")
        wrong[f"{path}, on a phone"] = violations(page)
    assert {path: found for path, found in wrong.items() if found} == {}


def press(page: Page, *keys: str) -> None:
    for key in keys:
        page.keyboard.press(key)


def focused(page: Page) -> str:
    """The name of the field, or the text of the button or link, that has the focus."""
    name: str = page.evaluate(FOCUSED)
    return name.strip()


def tab_to(page: Page, name: str) -> None:
    """Press Tab until this field, button or link has the focus."""
    for _ in range(30):
        if focused(page) == name:
            return
        press(page, "Tab")
    raise AssertionError(f"No number of tabs leads to “{name}”")


def test_a_row_is_filled_and_sent_by_keyboard_alone(house: House, person: Person) -> None:
    steps.administrator(house)
    page = signed_in(house, person())
    page.goto(f"{house.urls['web']}/configure/add/")
    expect(page.locator("[name=new-1-base_url]")).to_be_focused()
    page.keyboard.type(fhir_base(house.urls))
    tab_to(page, "new-1-environment")
    page.keyboard.type("Production")
    tab_to(page, "new-1-approver")
    page.keyboard.type("ben.okafor@riverside.example")
    press(page, "Enter")
    expect(page.locator("main")).to_contain_text("looks like a testing system, and it is marked production")
    tab_to(page, "Done")
    press(page, "Enter")
    expect(page.locator("main")).to_contain_text("It waits for Ben Okafor")
    expect(page.locator("main")).to_contain_text("Production")


def test_an_added_row_takes_the_focus_and_leaves_the_other_as_it_was(house: House, person: Person) -> None:
    steps.administrator(house)
    page = signed_in(house, person())
    page.goto(f"{house.urls['web']}/configure/add/")
    expect(page.locator("[name=new-1-base_url]")).to_be_focused()
    page.keyboard.type("https://one.example/R4")
    tab_to(page, "Add another row")
    press(page, "Enter")
    expect(page.locator("[name=new-2-base_url]")).to_be_focused()
    expect(page.locator("[name=new-1-base_url]")).to_have_value("https://one.example/R4")


def test_without_javascript_the_grid_adds_changes_and_cancels(house: House, person: Person) -> None:
    steps.administrator(house)
    page = signed_in(house, person(javascript=False))
    page.goto(f"{house.urls['web']}/configure/add/")
    page.locator("[name=new-1-base_url]").fill(fhir_base(house.urls))
    page.get_by_role("button", name="Add another row").click()
    page.locator("#row-new-2").get_by_role("button", name="Cancel").click()
    page.locator("[name=new-1-approver]").fill("Ben Okafor")
    page.locator("#row-new-1").get_by_role("button", name="Done").click()
    expect(page.locator("main")).to_contain_text("It waits for Ben Okafor")
    page.get_by_role("link", name="All FHIR base URLs").click()
    page.get_by_role("button", name="Edit").click()
    page.get_by_label("Label").fill("Cardiology")
    page.locator(".row").get_by_role("button", name="Done").click()
    expect(page.locator("main")).to_contain_text("Cardiology")


def test_the_first_tab_skips_to_the_content(house: House, person: Person) -> None:
    page = person()
    page.goto(f"{house.urls['web']}/signin/")
    press(page, "Tab")
    assert focused(page) == "Skip to content"
    press(page, "Enter", "Tab")
    assert focused(page) == "Sign in with Microsoft"
