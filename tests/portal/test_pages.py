"""The portal's pages in a browser: nothing that a screen reader, a keyboard or a phone could not use."""

from collections.abc import Callable
from typing import Any

from axe_playwright_python.sync_playwright import Axe
from django.urls import reverse
from playwright.sync_api import Page, expect

from portal.urls import urlpatterns
from sandbox.cast import RIVERSIDE_TID
from sandbox.launcher.house import House
from tests.conftest import VIEWPORTS
from tests.portal import steps
from tests.portal.steps import Visitor
from tests.stories.people import fhir_base, sign_in_with_microsoft

Person = Callable[..., Page]
IDS = (
    "session",
    "provider_external_id",
    "provider_external_id_type",
    "patient_external_id",
    "patient_external_id_type",
)
OPTIONS = {
    "preload": False,
    "resultTypes": ["violations"],
}  # axe would fetch the style sheets by itself, which the policy forbids
FOCUSED = """() => {
    const at = document.activeElement;
    return ["INPUT", "SELECT"].includes(at.tagName) ? at.name : at.innerText;
}"""
ADDRESSES = {str(one.name): one for one in urlpatterns}
# Every page of the portal, and what its address takes.
PAGES = {
    "consent": {},
    "consent_give": {},
    "consent_give_tenant": {"tid": RIVERSIDE_TID},
    "ready": {},
    "proof": {},
    "forward": {"token": ""},
    "configure": {},
    "configure_add": {},
    "connection": {"ref": ""},
    "edit": {"ref": ""},
    "details": {"ref": ""},
    "approve": {},
    "approve_one": {"ref": ""},
    "ehr_signin_not_sent_back": {"ref": ""},
    "preflight": {"ref": ""},
    "status": {},
    "status_one": {"ref": ""},
    "writebacks": {"ref": ""},
    "visits": {"ref": ""},
    "visit_timeline": {"ref": "", "visit": ""},
    "mails": {},
    "reports": {},
    "reports_charts": {},
    "reports_month": {},
    "reports_readers": {},
    "try_visit": {"ref": ""},
    "test_visit": {"ref": "", "visit": ""},
    "keys": {},
    "people": {},
    "end": {},
    "trail": {},
    "history": {},
    "history_one": {"ref": ""},
    "records": {},
    "record": {"ref": ""},
    "record_check": {"ref": ""},
    "guide": {"ref": ""},
    "guide_whole": {"ref": ""},  # all screens of the guide
    "guide_screen": {"ref": "", "slug": "fdi"},
}
# Addresses that lead on, take a form, or give a file or a part of a page.
NO_PAGES = {
    *("portal", "signout", "consent_start", "consent_start_tenant", "consent_callback", "configure_people", "act"),
    *("ready_organizer", "ready_check", "ready_check_connection", "ready_confirm", "ready_forward"),
    *("ready_forward_connection", "ehr_signin", "ehr_signin_callback", "decide", "send_again", "downtime_announce"),
    *("downtime_end", "mails_again", "test_side", "keys_rotate", "history_export", "history_one_export"),
    *("record_download", "record_certificate", "writeback_again", "target_on", "reports_export"),
    *("person_erase", "end_ask", "end_off", "end_export", "end_receipt"),
    *("trail_verify", "trail_export", "reports_reader_name", "reports_reader_remove", "reports_allowance"),
}
# Pages that only a press leads to: the page before, and the button.
PRESSED = {
    "edit": "button[value=compare]",
    "record_check": "main form button",
    "ready": "#region form[action$='/forward/'] button",
    "status_one": "form[action$='/downtime/'] button",
}
FIVE = ("ready", "configure", "approve_one", "record", "status_one")  # on a phone, in the dark and without JavaScript
# What a person tabs through, in order; of a group of radio buttons the chosen one, else the first.
WATCH_FOCUS = """() => {
    const places = "a[href], button, input:not([type=hidden]), select, textarea, summary";
    const first = (one) => [...document.getElementsByName(one.name)].find((other) => other.checked)
        ?? document.getElementsByName(one.name)[0];
    window.wanted = [...document.querySelectorAll(places)].filter((one) =>
        one.checkVisibility({visibilityProperty: true}) && !one.disabled && one.tabIndex >= 0
        && (one.type !== "radio" || one === first(one)));
    window.reached = new Map();
    document.body.tabIndex = -1;  // a page may have put the focus on a field: begin at its top
    document.body.focus();
    document.body.removeAttribute("tabindex");
    document.addEventListener("focusin", (event) => {
        const outline = getComputedStyle(event.target).outlineStyle;
        if (!window.reached.has(event.target)) window.reached.set(event.target, outline);
    });
    const dates = document.querySelectorAll("input[type=datetime-local], input[type=date], input[type=month]").length;
    return window.wanted.length + 8 * dates + 2;
}"""
FOCUS_FAULTS = """() => {
    const name = (one) => one.outerHTML.slice(0, 120);
    const order = [...window.reached.keys()].filter((one) => window.wanted.includes(one));
    const missed = window.wanted.filter((one) => !window.reached.has(one)).map((one) => "not reached: " + name(one));
    const unseen = order.filter((one) => window.reached.get(one) === "none").map((one) => "unseen: " + name(one));
    const early = order.filter((one, at) => at && window.wanted.indexOf(one) < window.wanted.indexOf(order[at - 1]));
    return [...missed, ...unseen, ...early.map((one) => "out of order: " + name(one))];
}"""


def test_every_address_of_the_portal_is_a_page_that_is_looked_at_or_none() -> None:
    assert ADDRESSES.keys() == PAGES.keys() | NO_PAGES


def violations(page: Page) -> list[str]:
    """What axe finds wrong with a page: rule, impact, where. One that was just exchanged or resized is looked at once
    more."""
    if not _violations(page):
        return []
    page.wait_for_timeout(500)
    return _violations(page)


def _violations(page: Page) -> list[str]:
    found: list[dict[str, Any]] = Axe().run(page, options=OPTIONS).response["violations"]
    return [f"{one['id']} ({one['impact']}): {node['html']}" for one in found for node in one["nodes"]]


def signed_in(house: House, page: Page) -> Page:
    page.goto(house.urls["web"])
    sign_in_with_microsoft(page, "Ada Lindqvist")
    expect(page.get_by_role("heading", name="Configuration information")).to_be_visible()
    return page


def keyboard_faults(page: Page) -> list[str]:
    """What cannot be reached with the Tab key, comes out of order, or does not show that it has the focus."""
    for _ in range(page.evaluate(WATCH_FOCUS)):
        page.keyboard.press("Tab")
    found: list[str] = page.evaluate(FOCUS_FAULTS)
    return found


def too_wide(page: Page) -> list[str]:
    fits: bool = page.evaluate("() => document.documentElement.scrollWidth <= window.innerWidth")
    return [] if fits else ["wider than the screen"]


def seen(house: House, visitor: Visitor) -> dict[str, dict[str, str]]:
    """What the addresses of the pages take, of a connection that is approved, with a proposal, a test visit and a
    forwarded line."""
    ben, records = steps.approved(house, visitor)
    ref = records.path.split("/")[2]
    visit = ben.press(
        ben.open(f"/try/{ref}/"), "Begin the test visit", follow=True, **dict.fromkeys(IDS, "1")
    ).path.split("/")[3]
    shared = visitor.press(visitor.open("/ready/"), "Forward : Application access policy")
    token = shared.rows("Link")[0].split("/")[-2]
    steps.submit(visitor)
    known = {"ref": ref, "visit": visit, "token": token}
    return {name: {key: value or known[key] for key, value in taken.items()} for name, taken in PAGES.items()}


def test_nothing_is_wrong_with_any_page_for_a_screen_reader_and_for_a_keyboard(house: House, person: Person) -> None:
    visitor = steps.administrator(house)
    page, plain = person(), person("phone", javascript=False)
    page.goto(f"{house.urls['web']}/signin/")
    wrong = {"signin": violations(page)}
    signed_in(house, page)
    wrong["configure, empty"] = violations(page)
    taken = seen(house, visitor)
    addresses = {name: house.urls["web"] + reverse(name, kwargs=taken[name]) for name in PAGES}
    page.goto(addresses["configure_add"])
    page.locator(".row").get_by_role("button", name="Done").click()
    expect(page.get_by_role("alert")).to_be_visible()
    wrong["configure_add, with errors"] = violations(page)
    page.get_by_role("button", name="Edit").click()
    expect(page.locator(".row")).to_have_count(2)
    wrong["configure, two rows open"] = violations(page)
    for name, address in addresses.items():
        page.goto(address)
        wrong[name] = violations(page) + keyboard_faults(page)
    for name, button in PRESSED.items():
        page.goto(addresses[name])
        if name == "record_check":
            page.locator("[name=pasted]").fill("URL=https://elsewhere.example/launch")
        page.locator(button).first.click()
        page.wait_for_load_state()
        wrong[f"{name}, pressed"] = violations(page)
    for path in ("consent/callback/", "nowhere/"):  # an error page of ours, and none
        page.goto(f"{house.urls['web']}/{path}")
        wrong[path] = violations(page)
    signed_in(house, plain)
    for name in FIVE:
        page.set_viewport_size(VIEWPORTS["phone"])  # tables become cards, rows become blocks
        page.goto(addresses[name])
        wrong[f"{name}, on a phone"] = violations(page) + too_wide(page)
        page.set_viewport_size(VIEWPORTS["desktop"])
        page.emulate_media(color_scheme="dark")
        page.reload()  # colours that are still changing have no contrast to speak of
        wrong[f"{name}, in the dark"] = violations(page)
        page.emulate_media(color_scheme="light")
        plain.goto(addresses[name])
        expect(plain.get_by_role("heading", level=1)).to_have_text(page.locator("h1").inner_text())
        expect(plain.locator("main form")).to_have_count(page.locator("main form").count())
    assert {name: found for name, found in wrong.items() if found} == {}


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
