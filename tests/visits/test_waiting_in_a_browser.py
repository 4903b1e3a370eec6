"""The waiting page on a phone: it goes on by itself, is read out only when it changes, can be read at twice the size,
and is left by a real tap."""

from collections.abc import Callable
from urllib.parse import urlsplit

from playwright.sync_api import Browser, Page, expect

from tests.portal.steps import switch
from tests.portal.test_pages import violations
from tests.visits.steps import CARLA, PIA, Clinic, enter
from tests.visits.waiting_pages import APP

Person = Callable[..., Page]
LARGE = {"width": 195, "height": 422}  # what a page has of a phone of 390 px at 200 % zoom
WAITS, READY = "You are in the right place", "Your visit is ready"
COUNT = """() => {
    window.changes = 0;
    const count = () => window.changes++;
    new MutationObserver(count).observe(document.querySelector("main"), {childList: true, subtree: true});
}"""
NO_STORAGE = """for (const name of ["localStorage", "sessionStorage", "indexedDB"]) {
    Object.defineProperty(window, name, {get() { throw new DOMException("denied", "SecurityError"); }});
}"""


def heading(page: Page, text: str, milliseconds: float = 10_000) -> None:
    expect(page.get_by_role("heading", level=1)).to_have_text(text, timeout=milliseconds)


def fits(page: Page, selector: str = "main") -> None:
    """At 200 % zoom nothing is cut off to the right, and axe finds nothing wrong at either size."""
    usual = page.viewport_size
    assert usual
    assert violations(page) == []
    page.set_viewport_size(LARGE)  # type: ignore[arg-type]
    assert page.evaluate("document.documentElement.scrollWidth") <= LARGE["width"]
    assert violations(page) == []
    page.set_viewport_size(usual)


def test_a_waiting_phone(clinic: Clinic, person: Person) -> None:
    page = person("phone")
    page.add_init_script(NO_STORAGE)
    page.goto(clinic.press(PIA))
    expect(page.locator("main")).to_contain_text("The clinic can see that you are here.", timeout=20_000)
    fits(page)
    # Refreshed without a change, nothing moves: a screen reader stays silent, a finger on its place.
    page.evaluate(COUNT)
    for _ in range(2):
        with page.expect_response(lambda answer: answer.status == 204):
            pass
    assert page.evaluate("window.changes") == 0
    # Out of the network it says so; back in it, it asks at once.
    page.context.set_offline(True)
    expect(page.get_by_role("status")).to_contain_text("There is no connection right now")
    enter(clinic, CARLA)
    page.context.set_offline(False)
    heading(page, READY, 3_000)
    expect(page.get_by_role("status")).not_to_contain_text("There is no connection")
    fits(page)
    # A reload and the way back from Teams find the same page.
    page.reload()
    heading(page, READY)
    page.get_by_role("link", name="Go to your visit").click()
    page.wait_for_url(f"{clinic.house.urls['teams']}/**")
    page.go_back()
    expect(page.get_by_role("link", name="Go back to your visit")).to_be_visible()
    page.get_by_role("link", name="Go back to your visit").click()
    page.wait_for_url(f"{clinic.house.urls['teams']}/**")


def test_a_phone_that_wakes_asks_at_once(clinic: Clinic, person: Person) -> None:
    page = person("phone")
    page.clock.install()
    with page.expect_response(lambda answer: answer.status == 204):  # it has begun to ask
        page.goto(clinic.press(PIA))
    heading(page, WAITS)
    page.clock.pause_at(page.evaluate("Date.now() + 1000"))  # asleep: no timer runs
    enter(clinic, CARLA)
    heading(page, WAITS)
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    heading(page, READY, 10_000)


def test_out_of_an_app_by_a_tap(clinic: Clinic, chromium: Browser) -> None:
    switch(clinic.house, "graph", **{"virtual-appointment-refused": True})
    enter(clinic, CARLA)
    app = chromium.new_context(user_agent=APP, viewport={"width": 390, "height": 844})
    safari = chromium.new_context(viewport={"width": 390, "height": 844}, java_script_enabled=False)
    try:
        page = app.new_page()
        page.goto(clinic.press(PIA))
        fits(page)
        expect(page.locator("#state")).to_contain_text("Join as a guest")
        with app.expect_page() as tapped:
            page.get_by_role("link", name="Open in Safari").click()
        link = tapped.value.url
        assert urlsplit(link).netloc == urlsplit(clinic.house.urls["web"]).netloc
        fits(tapped.value)
        other = safari.new_page()
        other.goto(link)
        other.get_by_role("button", name="Go on here").click()
        heading(other, READY)
        heading(page, READY)
        expect(page.locator("main")).to_contain_text("This visit was opened in another browser")
        fits(page)
        other.goto(link)
        heading(other, "Please press the button again")
    finally:
        app.close()
        safari.close()
