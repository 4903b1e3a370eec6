"""Every page of a visit in a browser, at a phone's width and at 200 % zoom: nothing that a screen reader, a keyboard or
a phone could not use. The board has a test of its own."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from tests.conftest import VIEWPORTS
from tests.portal.test_pages import keyboard_faults, too_wide, violations
from tests.stories import people
from tests.visits.call import CARLA_OID
from tests.visits.steps import CARLA, DAVID, MICROSOFT, PIA, YES, Clinic
from tests.visits.test_devices_in_a_browser import press_test
from tests.visits.test_linking import BOTH, IPHONE, SIGN_IN, UNLINK
from tests.visits.test_waiting_in_a_browser import LARGE
from tests.visits.waiting_pages import APP

PHONE, DAVIDS = VIEWPORTS["phone"], "770013"
WINDOW = "UPDATE connector_revision SET settings = settings || jsonb_build_object('early_minutes', %s::int)"
STANDING = "UPDATE visits_visit SET starts_at = now() + interval '2 hours'; UPDATE visits_participant SET timing = '{}'"
CAME_AND_LEFT = """
INSERT INTO visits_fact (visit_id, generation, source, event_id, participant_key, oid, "foreign", kind, at)
SELECT visit_id, 1, 'subscription:1', seat || kind, seat, oid, false, kind, now() - ago * interval '1 second'
FROM visits_participant,
(VALUES ('seat', %s, 'connected', 0.03), ('guest', '', 'connected', 0.02), ('seat', %s, 'disconnected', 0))
AS told (seat, oid, kind, ago) WHERE role = 'provider'
"""


@dataclass(frozen=True)
class Scene:
    """The clinic, with a patient, on a phone and in a portal's app, and two clinicians: one on a phone, one not."""

    clinic: Clinic
    patient: Page
    app: Page
    carla: Page
    david: Page

    def again(self, change: str, *values: object) -> Page:
        """The patient's page after something has changed."""
        self.clinic.database.execute(change.encode(), values or None)
        self.clinic.forget_cache()
        self.patient.reload()
        return self.patient

    def web(self, page: Page, path: str) -> Page:
        page.goto(f"{self.clinic.house.urls['web']}{path}")
        return page

    def beside(self, page: Page, path: str) -> Page:
        """A page under the address of the one that is open."""
        page.goto(page.url.partition("?")[0] + path)
        return page


@pytest.fixture
def scene(clinic: Clinic, chromium: Browser) -> Iterator[Scene]:
    """Pages that do not renew themselves, so that what is looked at stays."""

    def arrive(agent: str | None = None) -> Page:
        context = opened.enter_context(chromium.new_context(viewport=PHONE, user_agent=agent))
        context.set_default_timeout(10_000)
        context.route("**/visit/**", _unless_refresh)
        return context.new_page()

    with ExitStack() as opened:
        clinic.database.execute(WINDOW, [15])
        opened.callback(lambda: clinic.database.execute(WINDOW, [0]))
        yield Scene(clinic, arrive(), arrive(APP), arrive(IPHONE), arrive())


def _unless_refresh(route: Route) -> None:
    if "hx-request" in route.request.headers:
        route.fulfill(status=204)
    else:
        route.continue_()


def waiting(scene: Scene) -> Page:
    scene.patient.goto(scene.clinic.press(PIA))
    return scene.patient


def device_test(scene: Scene) -> Page:
    scene.patient.goto(press_test(scene.clinic))
    return scene.patient


def link(scene: Scene) -> Page:
    scene.carla.goto(scene.clinic.press(CARLA))
    people.pick(scene.carla, MICROSOFT[CARLA])
    return scene.carla


def onward(scene: Scene) -> Page:
    scene.carla.get_by_role("button", name=YES).click()
    return scene.carla


def on_a_phone(scene: Scene) -> Page:
    scene.carla.goto(scene.clinic.press(CARLA))
    return scene.carla


def ready(scene: Scene) -> Page:
    scene.carla.get_by_role("link", name="Open in Teams").click()
    scene.carla.wait_for_url(f"{scene.clinic.house.urls['teams']}/**")
    return waiting(scene)


def in_an_app(scene: Scene) -> Page:
    scene.app.goto(scene.clinic.press(PIA))
    return scene.app


def handed_over(scene: Scene) -> Page:
    scene.app.goto(str(scene.app.locator("#leave").get_attribute("href")))
    return scene.app


def link_second(scene: Scene) -> Page:
    scene.david.goto(scene.clinic.press(DAVID, DAVIDS))
    people.pick(scene.david, MICROSOFT[CARLA])
    scene.david.get_by_role("button", name=YES).click()
    return scene.david


def visit(scene: Scene) -> Page:
    scene.david.get_by_role("button", name=BOTH).click()
    scene.david.wait_for_url(f"{scene.clinic.house.urls['teams']}/**")
    scene.david.goto(scene.clinic.press(DAVID, DAVIDS))
    return scene.david


def unlinked(scene: Scene) -> Page:
    scene.david.goto(scene.clinic.press(DAVID, DAVIDS))
    scene.david.get_by_role("button", name=UNLINK).click()
    return scene.david


def ended(scene: Scene) -> Page:
    scene.david.reload()
    return scene.david


def open_visits(scene: Scene) -> Page:
    scene.carla.get_by_role("link", name=SIGN_IN).click()
    people.pick(scene.carla, MICROSOFT[CARLA])
    return scene.carla


# What each page says first, and who comes to it how, one after the other.
PAGES: list[tuple[str, str, Callable[[Scene], Page]]] = [
    ("device test", "Check camera and microphone", device_test),
    ("waiting", "You are in the right place", waiting),
    ("device check", "Check camera and microphone", lambda scene: scene.beside(scene.patient, "devices/")),
    ("early", "You are early", lambda scene: scene.again(STANDING.format("early"))),
    ("late", "The time for this visit is over", lambda scene: scene.again(STANDING.format("late"))),
    ("cancelled", "This visit will not take place", lambda scene: scene.again(STANDING.format("cancelled"))),
    ("link", "Is this you?", link),
    ("onward", "You are linked", onward),
    ("visit, on a phone", "Video visit", on_a_phone),
    ("ready", "Your visit is ready", ready),
    ("in an app", "Your visit is ready", in_an_app),
    ("hand-over", "Go on with your visit here", handed_over),
    ("left", "Your clinician has left", lambda scene: scene.again(CAME_AND_LEFT, CARLA_OID, CARLA_OID)),
    ("link, a second time", "This account is linked already", link_second),
    ("visit", "Video visit", visit),
    ("visit, framed", "Video visit", lambda scene: scene.beside(scene.david, "?framed")),
    ("timeline", "Timeline", lambda scene: scene.beside(scene.david, "timeline/")),
    ("visit, not linked", "Video visit", unlinked),
    ("open visits, signed out", "My open visits", lambda scene: scene.web(scene.carla, "/visits/")),
    ("open visits", "My open visits", open_visits),
    ("ended", "Your visit has ended", lambda scene: scene.again("UPDATE visits_visit SET ended_at = now()")),
    ("visit, ended", "Video visit", ended),
    ("error, clinician", "Please press the button again", lambda scene: scene.web(scene.carla, "/visit/guessed/")),
    (
        "error, patient",
        "This launch is too old",
        lambda scene: scene.web(scene.patient, f"/launch/{scene.clinic.ref}/patient/callback?state=guessed"),
    ),
]


def faults(page: Page) -> list[str]:
    found = violations(page) + keyboard_faults(page) + too_wide(page)
    page.set_viewport_size(LARGE)  # type: ignore[arg-type]
    found += [f"at 200 %: {one}" for one in violations(page) + too_wide(page)]
    page.set_viewport_size(PHONE)
    return found


def test_nothing_is_wrong_with_any_page_for_a_screen_reader_a_keyboard_or_a_phone(scene: Scene) -> None:
    wrong = {}
    for name, heading, come_to in PAGES:
        page = come_to(scene)
        expect(page.get_by_role("heading", level=1), name).to_have_text(heading)
        if found := faults(page):
            wrong[name] = found
    assert wrong == {}
