"""`make tour`: walk the first visit and take the screenshots of docs/tour.md, at desktop and phone width.

It runs a house of its own, with data that is forgotten afterwards.
"""

import shutil
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Browser, Page, expect, sync_playwright

from sandbox.launcher.house import House
from sandbox.launcher.place import home
from tests.conftest import CHROMIUM_FLAGS, VIEWPORTS, chromium_path
from tests.stories import people

PICTURES = Path(__file__).resolve().parents[2] / "docs" / "tour"
CHART_MILLISECONDS = 30_000


class Camera:
    """Takes every picture twice: as the page is, and at the other width."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def take(self, page: Page, name: str) -> None:
        """Save `<name>-desktop.png` and `<name>-phone.png` of a page that stays as it is."""
        before = page.viewport_size
        for width, size in VIEWPORTS.items():
            page.set_viewport_size(size)
            page.wait_for_load_state()
            page.screenshot(path=self.folder / f"{name}-{width}.png", full_page=True)
        if before:
            page.set_viewport_size(before)


def walk(house: House, arrive: Callable[[], Page], camera: Camera) -> None:
    """The five minutes of a first visit."""
    ada, ben, epic, schedule, mychart = (arrive() for _ in range(5))
    link = configure(house, ada, camera)
    approve(house, ben, epic, link, camera)
    people.open_hyperspace(schedule, house.urls)
    people.open_mychart(mychart, house.urls)
    camera.take(mychart, "09-mychart")
    waiting = people.begin_visit(mychart)
    expect(waiting.get_by_role("heading", name="You are in the right place")).to_be_visible()
    expect(people.status_of(schedule)).to_contain_text("Waiting", timeout=CHART_MILLISECONDS)
    camera.take(waiting, "10-waiting")
    camera.take(schedule, "11-schedule-waiting")
    meet(schedule, waiting, camera)


def configure(house: House, ada: Page, camera: Camera) -> str:
    """The administrator's screens."""
    ada.goto(house.urls["web"])
    camera.take(ada, "01-sign-in")
    people.sign_in_with_microsoft(ada, "Ada Lindqvist")
    ada.get_by_role("link", name="Give consent first").click()
    camera.take(ada, "02-consent")
    ada.get_by_role("link", name="Give consent at Microsoft").click()
    ada.get_by_role("button", name="Accept").click()
    people.add_base_url(ada, house.urls, "Ben Okafor")
    camera.take(ada, "03-submitted")
    link = people.copied(ada, "Link for the approver")
    ada.get_by_role("link", name="All FHIR base URLs").click()
    camera.take(ada, "04-configuration")
    return link


def approve(house: House, ben: Page, epic: Page, link: str, camera: Camera) -> None:
    """The analyst's screens, in the portal and in the EHR."""
    ben.goto(link)
    people.sign_in_with_microsoft(ben, "Ben Okafor")
    camera.take(ben, "05-before-you-sign-in")
    people.fill_client_records(ben, epic, house.urls)
    ben.get_by_role("link", name="Sign in with Epic").click()
    people.pick(ben, "Ben Okafor")
    camera.take(ben, "06-decision")
    ben.get_by_role("button", name="Approve", exact=True).click()
    camera.take(ben, "07-records")
    people.paste_records(ben, epic, house.urls)
    camera.take(epic, "08-fdi")


def meet(schedule: Page, waiting: Page, camera: Camera) -> None:
    """The visit itself."""
    call = people.begin_visit(schedule)
    people.pick(call, "Carla Mendes")
    camera.take(call, "12-is-this-you")
    call.get_by_role("button", name="Yes, both are mine").click()
    people.join_as_member(call)
    expect(waiting.get_by_role("heading", name="Your visit is ready")).to_be_visible(timeout=CHART_MILLISECONDS)
    camera.take(waiting, "13-ready")
    waiting.get_by_role("link", name="Go to your visit").click()
    people.join_as_guest(waiting, "Pia")
    camera.take(waiting, "14-lobby")
    people.admit(call, "Pia")
    expect(people.status_of(schedule).locator(".presence.connected")).to_have_count(2, timeout=CHART_MILLISECONDS)
    camera.take(call, "15-in-teams")
    again = people.begin_visit(schedule)
    expect(again.locator(".people")).to_contain_text("In the visit")
    camera.take(again, "16-visit-page")
    waiting.get_by_role("button", name="Leave").click()
    call.get_by_role("button", name="Leave").click()
    expect(people.status_of(schedule).locator(".presence.disconnected")).to_have_count(2, timeout=CHART_MILLISECONDS)
    camera.take(schedule, "17-schedule-after")


def main() -> None:
    """Run the house, walk, forget the house."""
    data = home() / "tour"
    shutil.rmtree(data, ignore_errors=True)
    PICTURES.mkdir(exist_ok=True)
    with House(data) as house, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium_path(), args=CHROMIUM_FLAGS)
        walk(house, lambda: _arrive(browser), Camera(PICTURES))
        browser.close()
    shutil.rmtree(data)


def _arrive(browser: Browser) -> Page:
    context = browser.new_context(viewport=VIEWPORTS["desktop"])
    context.set_default_timeout(10_000)
    return context.new_page()


if __name__ == "__main__":
    main()
