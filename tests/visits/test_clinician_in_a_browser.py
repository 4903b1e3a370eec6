"""A clinician's pages in Chromium: in Hyperspace's frame, on a phone, on a shared computer, with the EHR down."""

from collections.abc import Callable
from contextlib import closing

from playwright.sync_api import Browser, FrameLocator, Page, expect

from sandbox.cast import RIVERSIDE_TID
from sandbox.epic.records import IFRAME
from tests.conftest import CHROMIUM_FLAGS, VIEWPORTS, chromium_path
from tests.portal.steps import tell
from tests.portal.test_pages import violations
from tests.stories import people
from tests.visits.call import CARLA_OID
from tests.visits.steps import CARLA, DAVID, MICROSOFT, PIA, YES, Clinic
from tests.visits.test_linking import IPHONE, SIGN_IN, UNLINK

Person = Callable[..., Page]
NARROW = 360
PROCESSED = 20_000


def in_hyperspace(clinic: Clinic, page: Page, csn: str, name: str = "Carla Mendes, MD") -> FrameLocator:
    """Press the button in Hyperspace, whose record says that it opens a frame."""
    clinic.paste("provider", clinic.records["provider"] | {"LAUNCHTYPE": IFRAME})
    page.goto(people.ehr(clinic.house.urls, "hyperspace"))
    if page.locator("[data-csn]").count() == 0:
        people.pick(page, name)
    page.locator(f"[data-csn='{csn}']").get_by_role("button", name="Begin virtual visit").click()
    return page.frame_locator("iframe")


def is_sound(page: Page) -> None:
    """Nothing that a screen reader could not use, and nothing wider than a column beside a chart."""
    assert violations(page) == []
    size = page.viewport_size
    assert size
    page.set_viewport_size({"width": NARROW, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") <= NARROW
    page.set_viewport_size(size)


def links_here(clinic: Clinic, page: Page, login: str, csn: str) -> None:
    """A first time in a window of its own, up to Teams."""
    page.goto(clinic.press(login, csn))
    people.pick(page, MICROSOFT[login])
    is_sound(page)
    page.get_by_role("button", name=YES).click()
    page.wait_for_url(f"{clinic.house.urls['teams']}/**")


def blocking_popups(chromium: Browser) -> Browser:
    """Chromium as people have it: Playwright's own lets every page open windows."""
    return chromium.browser_type.launch(
        executable_path=chromium_path(), args=CHROMIUM_FLAGS, ignore_default_args=["--disable-popup-blocking"]
    )


def test_in_hyperspaces_frame_the_visit_page_stays_and_microsoft_and_teams_open_beside_it(
    clinic: Clinic, person: Person
) -> None:
    page = person()
    frame = in_hyperspace(clinic, page, "770011")
    with page.context.expect_page() as opened:
        frame.get_by_role("link", name=SIGN_IN).click()
    window = opened.value
    people.confirm_link(window)
    window.wait_for_url(f"{clinic.house.urls['teams']}/**")
    expect(frame.get_by_role("link", name="Open Teams again")).to_be_visible()  # the page went on by itself
    window.close()

    # Over http no cookie reaches a frame of another site, so that link was for one visit. Linked in a window of its
    # own it lasts, and Teams opens beside the frame without a press.
    links_here(clinic, person(), CARLA, "770012")
    with page.context.expect_page() as opened:
        frame = in_hyperspace(clinic, page, clinic.add_visit(CARLA))
    opened.value.wait_for_url(f"{clinic.house.urls['teams']}/**")
    expect(frame.get_by_role("link", name="Open Teams again")).to_be_visible()
    opened.value.close()


def test_a_browser_that_holds_the_window_back_is_told_of_and_its_link_works(
    clinic: Clinic, person: Person, chromium: Browser
) -> None:
    links_here(clinic, person(), CARLA, "770012")
    with closing(blocking_popups(chromium)) as browser:
        page = browser.new_page()
        with page.expect_event("framenavigated", lambda frame: "/visit/" in frame.url) as shown:
            frame = in_hyperspace(clinic, page, clinic.add_visit(CARLA))
        # Playwright looks into a frame with a gesture, which lets it open windows: not before its script has run.
        shown.value.wait_for_load_state()
        expect(frame.get_by_text("Your browser opened no window by itself")).to_be_visible()
        assert page.context.pages == [page]
        with page.context.expect_page() as opened:
            frame.get_by_role("link", name="Join in Teams").click()
        opened.value.wait_for_url(f"{clinic.house.urls['teams']}/**")


def test_the_page_says_who_waits_and_since_when_and_warns_of_one_too_many(clinic: Clinic, person: Person) -> None:
    page = person()
    links_here(clinic, page, CARLA, "770011")
    [key] = [meeting["key"] for meeting in clinic.meetings()]
    patient = person("phone")
    patient.goto(clinic.press(PIA))
    patient.get_by_role("link", name="Go to your visit").click()
    patient.wait_for_url(f"{clinic.house.urls['teams']}/**")
    tell(clinic.house, "teams", f"meetings/{key}/participants", kind="va", name="Pia")
    page.goto(clinic.press(CARLA))
    main = page.locator(people.MAIN)
    expect(main).to_contain_text("1 in the lobby, arrived through MyChart", timeout=PROCESSED)
    expect(main).to_contain_text("Admitting happens in Teams. Everybody of your organization")
    is_sound(page)
    page.get_by_role("link", name="Open Teams again").focus()
    tell(clinic.house, "teams", f"meetings/{key}/participants", kind="va", name="Somebody")
    expect(main).to_contain_text("check identity before admitting", timeout=PROCESSED)
    expect(main).to_contain_text("2 in the lobby")
    expect(page.get_by_role("link", name="Open Teams again")).to_be_focused()  # the page has renewed itself meanwhile


def test_on_a_shared_computer_the_page_asks_whose_account_it_is(clinic: Clinic, person: Person) -> None:
    links_here(clinic, person(), DAVID, "770011")
    page = person()
    links_here(clinic, page, CARLA, "770012")
    page.goto(clinic.press(DAVID, "770013"))
    page.wait_for_url(f"{clinic.house.urls['teams']}/**")  # nobody is held up
    page.goto(clinic.press(DAVID, "770013"))
    expect(page.locator(people.MAIN)).to_contain_text("Shared computer?")
    key = clinic.meetings()[-1]["key"]
    tell(clinic.house, "teams", f"meetings/{key}/participants", kind="member", tid=RIVERSIDE_TID, oid=CARLA_OID)
    expect(page.locator(people.MAIN)).to_contain_text("Is that you?", timeout=PROCESSED)
    page.get_by_role("button", name=UNLINK).click()
    page.get_by_role("link", name=SIGN_IN).click()
    people.pick(page, MICROSOFT[CARLA])
    expect(page.get_by_role("heading", name="Is this you?")).to_be_visible()


def test_on_a_phone_one_tap_opens_teams(clinic: Clinic, person: Person, chromium: Browser) -> None:
    links_here(clinic, person(), CARLA, "770011")
    with closing(chromium.new_context(viewport=VIEWPORTS["phone"], user_agent=IPHONE)) as context:
        phone = context.new_page()
        phone.goto(clinic.press(CARLA, "770012"))
        expect(phone.get_by_role("link", name="Install Microsoft Teams")).to_be_visible()
        is_sound(phone)
        phone.get_by_role("link", name="Open in Teams").click()
        phone.wait_for_url(f"{clinic.house.urls['teams']}/**")


def test_my_open_visits_lead_back_when_the_ehr_is_down(clinic: Clinic, person: Person) -> None:
    links_here(clinic, person(), CARLA, "770011")
    clinic.fail("epic", ".", "status", 503)
    page = person()
    page.goto(f"{clinic.house.urls['web']}/visits/")
    is_sound(page)
    page.get_by_role("link", name=SIGN_IN).click()
    people.pick(page, MICROSOFT[CARLA])
    expect(page.get_by_role("heading", name="My open visits")).to_be_visible()
    is_sound(page)
    page.get_by_role("button", name="Open").click()
    expect(page.get_by_role("heading", name="Video visit")).to_be_visible()
    expect(page.get_by_role("link", name="Open Teams again")).to_be_visible()
