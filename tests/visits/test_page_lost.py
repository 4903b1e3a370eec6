"""A page that refreshes itself, in a browser with JavaScript, once it is lost: it says so instead of standing still."""

from collections.abc import Callable

from playwright.sync_api import Page, expect

from tests.visits.steps import CARLA, MICROSOFT, PIA, YES, Clinic

LOST = "Please press the button again"
SILENCE = "UPDATE visits_launch SET handle_until = now() - interval '1 second'"
Person = Callable[..., Page]


def heading(page: Page, text: str) -> None:
    expect(page.get_by_role("heading", level=1)).to_have_text(text, timeout=10_000)


def is_told_to_press_again(clinic: Clinic, page: Page) -> None:
    """The page finds out by itself, and then shows the help line like any error page."""
    clinic.database.execute(SILENCE)
    clinic.forget_cache()  # where the time of a handle is known as well
    heading(page, LOST)
    expect(page.locator("body")).to_contain_text("+1 555 0100")
    expect(page.locator("#state")).to_have_count(0)


def test_a_waiting_page_that_is_lost_tells_the_patient_to_press_again(clinic: Clinic, person: Person) -> None:
    page = person("phone")
    page.goto(clinic.press(PIA))
    heading(page, "You are in the right place")
    is_told_to_press_again(clinic, page)


def test_a_visit_page_that_is_lost_tells_the_clinician_to_press_again(clinic: Clinic, person: Person) -> None:
    page = person()
    page.goto(clinic.press(CARLA))
    page.get_by_role("button", name=MICROSOFT[CARLA]).click()
    with page.expect_request("**/join/") as join:
        page.get_by_role("button", name=YES).click()
    page.wait_for_url(f"{clinic.house.urls['teams']}/**")
    page.goto(join.value.url.removesuffix("join/"))
    heading(page, "Video visit")
    is_told_to_press_again(clinic, page)
