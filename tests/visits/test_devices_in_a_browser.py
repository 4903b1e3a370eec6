"""The device check in Chromium with a pretended camera and microphone: what works, what is blocked, what is missing."""

import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.conftest import CHROMIUM_FLAGS, VIEWPORTS, chromium_path
from tests.portal.steps import tell
from tests.portal.test_pages import violations
from tests.stories.people import INSTANCE
from tests.visits.steps import CARLA, PIA, Clinic, enter

Arrive = Callable[..., Page]
BOTH = ("camera", "microphone")
DEVICES = "--use-fake-device-for-media-stream"
CHECK = "Check camera and microphone"


@pytest.fixture
def arrive(chromium: Browser) -> Iterator[Arrive]:
    """Open a browser that allows what is named, and blocks what is not."""
    with ExitStack() as opened:

        def in_context(*allowed: str, browser: Browser = chromium, **options: Any) -> Page:
            context = browser.new_context(**({"viewport": VIEWPORTS["phone"]} | options))
            opened.callback(context.close)
            context.set_default_timeout(10_000)
            context.grant_permissions(list(allowed))
            return context.new_page()

        yield in_context


@contextmanager
def another(chromium: Browser, *devices: str) -> Iterator[Browser]:
    """Another Chromium, with these devices, which does not allow everything by itself."""
    flags = [flag for flag in CHROMIUM_FLAGS if "media-stream" not in flag]
    browser = chromium.browser_type.launch(executable_path=chromium_path(), args=[*flags, *devices])
    yield browser
    browser.close()


def press_test(clinic: Clinic) -> str:
    """Press *Test your device* in MyChart; returns the address that it opens."""
    record = clinic.records["patient"]
    url = record["URL"].replace("/patient/", "/device-test/")
    clinic.paste("device-test", {"URL": url, "CLIENTID": record["CLIENTID"], "LAUNCHTYPE": "6"})
    return str(tell(clinic.house, "epic", f"{INSTANCE}/launches", record="device-test", user=PIA)["url"])


def state(page: Page, part: str) -> Locator:
    return page.locator(f"#{part} .state:visible")


def notice(page: Page) -> Locator:
    return page.locator("#ask .notice:visible")


def test_from_the_waiting_page_everything_is_tried_while_she_goes_on_waiting(clinic: Clinic, arrive: Arrive) -> None:
    page = arrive(*BOTH)
    page.goto(clinic.press(PIA))
    clinic.database.execute("UPDATE visits_launch SET browser_hash = ''")  # as in a browser that keeps no cookie
    page.goto(f"{page.url}devices/")
    wrong = {"before": violations(page)}
    page.get_by_role("button", name="Start the check").click()
    expect(state(page, "camera")).to_have_text("Your camera works")
    expect(page.locator("#camera-title")).to_be_focused()
    expect(page.locator("#preview")).to_have_js_property("videoWidth", 640)
    expect(state(page, "microphone")).to_have_text("Your microphone works")  # Chromium's device beeps
    expect(state(page, "connection")).to_have_text("Fast enough for video", timeout=20_000)
    expect(page.locator("#download")).to_have_text(re.compile(r"\d"))
    page.get_by_role("button", name="Play a sound").click()
    page.get_by_role("button", name="I heard nothing").click()
    expect(state(page, "speaker")).to_have_text("No sound yet")
    page.get_by_role("button", name="Play a sound").click()
    page.get_by_role("button", name="I heard it").click()
    expect(state(page, "speaker")).to_have_text("Your speaker works")
    wrong["after"] = violations(page)
    page.set_viewport_size(VIEWPORTS["desktop"])
    wrong["on a desktop"] = violations(page)
    assert {name: found for name, found in wrong.items() if found} == {}

    # The visit begins meanwhile; she is told here, and one press leads back.
    enter(clinic, CARLA)
    expect(page.locator("#state")).to_contain_text("Your visit is ready", timeout=15_000)
    page.get_by_role("link", name="Español").click()  # the picker has followed the page's newest address
    page.get_by_role("link", name="Volver a su visita").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Su visita está lista")
    assert page.evaluate("Object.keys(localStorage)") == []
    kinds = [row["kind"] for row in clinic.rows("SELECT kind FROM visits_fact WHERE source = 'page' ORDER BY at")]
    assert "gone" not in kinds


def test_on_any_day_the_test_button_opens_the_check_alone_and_nothing_is_kept(clinic: Clinic, arrive: Arrive) -> None:
    before = clinic.rows("SELECT count(*) AS entries FROM connector_entry")
    page = arrive(*BOTH)
    page.goto(press_test(clinic))
    expect(page.get_by_role("heading", level=1)).to_have_text(CHECK)
    expect(page.locator("footer")).to_contain_text("+1 555 0100")
    expect(page.locator("#state")).to_have_count(0)
    page.get_by_role("link", name="Español").click()
    page.get_by_role("button").first.click()
    expect(state(page, "camera")).to_be_visible()
    assert clinic.rows("SELECT 1 FROM visits_launch UNION ALL SELECT 1 FROM visits_visit") == []
    assert clinic.rows("SELECT count(*) AS entries FROM connector_entry") == before


def test_what_is_blocked_missing_or_switched_off_says_what_to_do(
    clinic: Clinic, arrive: Arrive, chromium: Browser
) -> None:
    address = _address(clinic, arrive)

    with another(chromium, DEVICES) as asking:
        denied = _started(arrive(browser=asking), address)
        expect(notice(denied)).to_contain_text("Camera and microphone are blocked")
        expect(notice(denied)).to_contain_text("Click the sign to the left of the address")
        assert violations(denied) == []
        denied.context.grant_permissions(["microphone"])
        denied.get_by_role("button", name="Go on without camera").click()
        expect(state(denied, "camera")).to_have_text("Without camera")
        expect(state(denied, "microphone")).to_have_text("Your microphone works")
        denied.context.close()

        voice = _started(arrive("microphone", browser=asking), address)
        expect(state(voice, "camera")).to_have_text("Your camera is blocked")
        expect(state(voice, "microphone")).to_have_text("Your microphone works")
        voice.context.grant_permissions(list(BOTH))
        voice.get_by_role("button", name="Try with camera").click()
        expect(state(voice, "camera")).to_have_text("Your camera works")
        voice.context.close()

    with another(chromium, f"{DEVICES}=device-count=0") as blind:
        page = _started(arrive(*BOTH, browser=blind), address)
        expect(state(page, "camera")).to_have_text("No camera was found")
        expect(state(page, "microphone")).to_have_text("Your microphone works")
        assert violations(page) == []
        page.context.close()

    with another(chromium) as bare:
        page = _started(arrive(*BOTH, browser=bare), address)
        expect(notice(page)).to_contain_text("No camera and no microphone were found")
        page.context.close()


def test_an_app_or_frame_that_keeps_the_camera_is_named(clinic: Clinic, arrive: Arrive) -> None:
    address = _address(clinic, arrive)
    app = arrive(*BOTH)
    app.add_init_script("Object.defineProperty(Navigator.prototype, 'mediaDevices', { get: () => undefined })")
    expect(notice(_started(app, address))).to_contain_text("does not work inside this app or window")

    framing = arrive(*BOTH)
    framing.goto(clinic.house.urls["epic"])
    framing.evaluate(
        """src => {
            const frame = Object.assign(document.createElement("iframe"), { src, width: 380, height: 700 });
            document.body.replaceChildren(frame);
        }""",
        address,
    )
    frame = framing.frame_locator("iframe")
    frame.get_by_role("button", name="Start the check").click()
    expect(frame.locator("#ask .notice:visible")).to_contain_text("does not work inside this app or window")
    expect(frame.locator("#ask .notice:visible")).to_contain_text("Open the patient portal in your browser")


def test_without_javascript_the_page_says_so_and_leads_on(clinic: Clinic, arrive: Arrive) -> None:
    page = arrive(java_script_enabled=False)
    page.goto(clinic.press(PIA))
    page.goto(f"{page.url}devices/")
    expect(page.locator("main")).to_contain_text("needs JavaScript")
    expect(page.get_by_role("button", name="Start the check")).to_be_hidden()
    page.get_by_role("link", name="繁體中文").click()
    expect(page.locator("html")).to_have_attribute("lang", "zh-hant")
    page.locator("#back").click()
    expect(page.locator("html")).to_have_attribute("lang", "zh-hant")


def _address(clinic: Clinic, arrive: Arrive) -> str:
    """The check alone: its address is good for many browsers."""
    page = arrive()
    page.goto(press_test(clinic))
    return page.url


def _started(page: Page, address: str) -> Page:
    page.goto(address)
    page.get_by_role("button", name="Start the check").click()
    return page
