"""`make tour`: walk the first visit and take the screenshots of docs/tour.md, at desktop and phone width.

It runs a house of its own, with data that is forgotten afterwards.
"""

import shutil
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

from playwright.sync_api import Browser, Page, expect, sync_playwright

from sandbox.epic.people import PEOPLE
from sandbox.launcher.house import House
from sandbox.launcher.place import home
from tests.conftest import CHROMIUM_FLAGS, VIEWPORTS, chromium_path, house_addresses
from tests.stories import people

PICTURES = Path(__file__).resolve().parents[2] / "docs" / "tour"
CHART_MILLISECONDS = 30_000
CARLA, PIA = (next(one for one in PEOPLE if one.login == login) for login in ("CMENDES", "pia"))
TEST_VISIT = {
    "session": "770012",
    "provider_external_id": CARLA.external_id,
    "provider_external_id_type": CARLA.external_id_type,
    "patient_external_id": PIA.external_id,
    "patient_external_id_type": PIA.external_id_type,
}


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
    ref = approve(house, ben, epic, link, camera)
    make_ready(house, ada, camera)
    prepare(house, ben, ref, camera)
    people.open_hyperspace(schedule, house.urls)
    people.open_mychart(mychart, house.urls)
    camera.take(mychart, "09-mychart")
    waiting = people.begin_visit(mychart)
    expect(waiting.get_by_role("heading", name="You are in the right place")).to_be_visible()
    expect(people.status_of(schedule)).to_contain_text("Waiting", timeout=CHART_MILLISECONDS)
    camera.take(waiting, "10-waiting")
    camera.take(schedule, "11-schedule-waiting")
    try_devices(waiting, camera)
    meet(schedule, waiting, camera)
    somebody_waits(house, schedule, arrive(), camera)
    leave_without_the_ehr(house, schedule, camera)
    look_back(house, ada, ref, camera)
    count(house, ada, ref, camera)


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


def approve(house: House, ben: Page, epic: Page, link: str, camera: Camera) -> str:
    """The analyst's screens, in the portal and in the EHR; returns the connection's ref."""
    ben.goto(link)
    people.sign_in_with_microsoft(ben, "Ben Okafor")
    camera.take(ben, "05-before-you-sign-in")
    people.fill_client_records(ben, epic, house.urls)
    ben.get_by_role("link", name="Sign in with Epic").click()
    people.pick(ben, "Ben Okafor")
    camera.take(ben, "06-decision")
    ben.get_by_role("button", name="Approve", exact=True).click()
    camera.take(ben, "07-records")
    people.paste_records(ben, epic, house.urls, *people.RECORDS)
    camera.take(epic, "08-fdi")
    return urlsplit(ben.url).path.split("/")[2]


def make_ready(house: House, ada: Page, camera: Camera) -> None:
    """Everything outstanding, half of it tried."""
    ada.goto(f"{house.urls['web']}/ready/")
    for line in ("policy", "licence", "region"):
        ada.locator(f"#{line} form[action$='/check/'] button").click()
        expect(ada.locator(f"#{line}")).to_contain_text("Last tried")
    camera.take(ada, "18-getting-ready")


def prepare(house: House, ben: Page, ref: str, camera: Camera) -> None:
    """What the analyst has at hand before the first patient: guide, checker, a test visit."""
    ben.goto(f"{house.urls['web']}/records/{ref}/guide/fdi/")
    camera.take(ben, "19-guide")
    ben.goto(f"{house.urls['web']}/records/{ref}/")
    block = people.copied(ben, "The whole record")
    ben.goto(f"{house.urls['web']}/records/{ref}/check/")
    ben.locator("[name=pasted]").fill(block.replace("%EXTERNALID%", "%CSN%").replace("LAUNCHTYPE=6", "LAUNCHTYPE=5"))
    ben.get_by_role("button", name="Check", exact=True).click()
    camera.take(ben, "20-checker")
    ben.goto(f"{house.urls['web']}/try/{ref}/")
    for name, value in TEST_VISIT.items():
        ben.locator(f"[name={name}]").fill(value)
    ben.get_by_role("button", name="Begin the test visit").click()
    for side in ("patient", "clinician"):
        with ben.expect_popup() as window:
            ben.get_by_role("link", name=f"Open the {side}'s side").click()
        window.value.wait_for_load_state()
    window.value.get_by_role("link", name="Join in Teams").click()
    for said in ("Microsoft Graph", "The EHR was told"):
        expect(ben.locator("#timeline")).to_contain_text(said, timeout=CHART_MILLISECONDS)
    camera.take(ben, "21-try-a-visit")


def look_back(house: House, ada: Page, ref: str, camera: Camera) -> None:
    """What an administrator looks at from day to day."""
    pages = {"22-status": f"status/{ref}/", "23-keys": "keys/", "24-history": "history/"}
    for name, path in pages.items():
        ada.goto(f"{house.urls['web']}/{path}")
        camera.take(ada, name)


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
    people.leave(waiting)
    people.leave(call)
    expect(people.status_of(schedule).locator(".presence.disconnected")).to_have_count(2, timeout=CHART_MILLISECONDS)
    camera.take(schedule, "17-schedule-after")


def try_devices(waiting: Page, camera: Camera) -> None:
    """The device check, on the way into a visit."""
    waiting.get_by_role("link", name="Check camera and microphone").click()
    waiting.get_by_role("button", name="Start the check").click()
    expect(waiting.locator("video")).to_be_visible()
    camera.take(waiting, "25-device-check")
    waiting.get_by_role("link", name="Back to your visit").click()


def somebody_waits(house: House, schedule: Page, mychart: Page, camera: Camera) -> None:
    """Another patient waits, and the board shows it."""
    people.open_mychart(mychart, house.urls, "Tom Ash")
    waiting = people.begin_visit(mychart, "770012")
    expect(waiting.get_by_role("heading", name="You are in the right place")).to_be_visible()
    people.begin_visit(schedule, "770012").close()  # it names the visit's department
    with schedule.expect_popup() as window:
        schedule.get_by_role("button", name="Visit board").click()
    expect(window.value.get_by_role("heading", name="Video visits")).to_be_visible()
    camera.take(window.value, "26-board")


def leave_without_the_ehr(house: House, schedule: Page, camera: Camera) -> None:
    """The clinician's open visits, by Microsoft sign-in alone."""
    page = schedule.context.new_page()
    page.goto(f"{house.urls['web']}/visits/")
    people.sign_in_with_microsoft(page, "Carla Mendes")
    expect(page.get_by_role("heading", name="My open visits")).to_be_visible()
    camera.take(page, "27-open-visits")


def count(house: House, ada: Page, ref: str, camera: Camera) -> None:
    """What became of the visits: what the EHR was told, one visit's timeline, the reports."""
    ada.goto(f"{house.urls['web']}/status/{ref}/writebacks/")
    camera.take(ada, "28-writebacks")
    ada.goto(f"{house.urls['web']}/status/{ref}/visits/")
    ada.locator("main table a").nth(1).click()  # the newest but one: the visit that was held
    camera.take(ada, "29-timeline")
    for name, path in {"30-reports": "reports/", "31-charts": "reports/charts/", "32-month": "reports/month/"}.items():
        ada.goto(f"{house.urls['web']}/{path}")
        camera.take(ada, name)


def main() -> None:
    """Run the house, walk, forget the house."""
    data = home() / "tour"
    shutil.rmtree(data, ignore_errors=True)
    PICTURES.mkdir(exist_ok=True)
    with House(data, extra_env=house_addresses("house")) as house, sync_playwright() as playwright:
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
