"""A day at the board, in Chromium: the front desk and the clinician open the board of their department from the EHR, a
patient waits too long, somebody reacts, the clinician comes, and both leave."""

from collections.abc import Callable

from playwright.sync_api import Page, expect

from tests.conftest import VIEWPORTS
from tests.portal.test_pages import too_wide, violations
from tests.stories import people
from tests.visits.call import Call, until
from tests.visits.conftest import clinic, open_clinic  # noqa: F401 - the fixtures
from tests.visits.steps import CARLA, CSN, PIA, Clinic, enter, meeting_at
from tests.visits.test_board_at_the_ehr import DEPARTMENT, paste_board

# What would be heard, counted: every tone begins with an oscillator.
LISTEN = """
window.tones = 0;
const make = BaseAudioContext.prototype.createOscillator;
BaseAudioContext.prototype.createOscillator = function () { window.tones += 1; return make.call(this); };
"""
SIX_MINUTES_PASS = "UPDATE visits_fact SET at = at - interval '6 minutes'"
LEFT = "The clinician has left, others are still here"


def open_board(schedule: Page, clinic: Clinic, name: str) -> Page:  # noqa: F811
    people.open_hyperspace(schedule, clinic.house.urls, name)
    with schedule.expect_popup() as window:
        schedule.get_by_role("button", name="Visit board").click()
    expect(window.value.get_by_role("heading", name="Video visits department Cardiology")).to_be_visible()
    return window.value


def faults(board: Page, width: str) -> list[str]:
    """What is wrong with the board at a width, for a screen reader or on the screen."""
    board.set_viewport_size(VIEWPORTS[width])
    return violations(board) + too_wide(board)


def heard_until(board: Page, count: int) -> None:
    """So many tones have been heard by now."""
    until(lambda: board.evaluate("window.tones") >= count)
    assert board.evaluate("window.tones") == count


def test_a_day_at_the_board(clinic: Clinic, person: Callable[..., Page]) -> None:  # noqa: F811
    paste_board(clinic)
    patient = clinic.records["patient"]
    clinic.paste("patient", patient | {"CONTEXT": patient["CONTEXT"] + DEPARTMENT})
    at_the_desk, at_hers = person(), person()
    at_the_desk.context.add_init_script(LISTEN)
    at_the_desk.context.clock.install()
    desk = open_board(at_the_desk, clinic, "David Kim")
    hers = open_board(at_hers, clinic, "Carla Mendes, MD")
    expect(desk.locator("#board")).to_contain_text("No video visits right now")

    # A patient waits, at first not for long.
    waiting = clinic.visitor()
    page = enter(clinic, PIA, visitor=waiting)
    expect(desk.locator("tbody tr")).to_contain_text("Patient waiting")
    expect(desk).to_have_title("Video visits")
    sound = desk.get_by_role("button", name="Turn sound on")
    expect(sound).to_have_attribute("aria-pressed", "false")

    # Then too long: every board of the department says so, and one that wants to is heard.
    clinic.database.execute(SIX_MINUTES_PASS)
    for board in (desk, hers):
        expect(board).to_have_title("(1) Video visits")
        expect(board.locator("#board")).to_contain_text("1 visit needs a clinician.")
        expect(board.locator("tbody tr")).to_contain_text("too long")
    assert faults(desk, "desktop") == []
    desk.clock.pause_at(desk.evaluate("Date.now() + 100"))
    sound.click()
    heard = desk.get_by_role("button", name="Sound is on")
    expect(heard).to_have_attribute("aria-pressed", "true")
    heard_until(desk, 1)
    desk.clock.fast_forward(16_000)
    heard_until(desk, 2)  # it repeats
    desk.clock.resume()
    heard.click()
    expect(sound).to_have_attribute("aria-pressed", "false")

    # The front desk reacts, and the alert is over on the clinician's board too; the wait is not.
    desk.get_by_role("button", name="I take care of it").click()
    for board in (desk, hers):
        expect(board).to_have_title("Video visits")
        expect(board.get_by_role("button", name="I take care of it")).to_have_count(0)
        expect(board.locator("tbody tr")).to_contain_text("too long")

    # The clinician comes and lets the patient in.
    call = Call(clinic, CSN, meeting_at(clinic, enter(clinic, CARLA))[1])
    clinician = call.clinician_comes()
    waiting.follow(waiting.open(page.url), "Go to your visit")
    guest = call.patient_knocks()
    call.act(guest, "admit")
    expect(desk.locator("tbody tr")).to_contain_text("In progress")
    for said in ("clinician since", "patient's side since"):
        expect(desk.locator("tbody tr")).to_contain_text(said)
    assert faults(desk, "phone") == []

    # The clinician leaves first: whoever is left alone waits from now on.
    call.act(clinician, "leave")
    expect(hers.locator("tbody tr")).to_contain_text(LEFT)
    expect(hers.locator("tbody tr")).to_contain_text("0 minutes")
    call.act(guest, "leave")
    expect(hers.locator("tbody tr")).to_contain_text("Open, nobody is here")
