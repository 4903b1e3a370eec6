"""Races: whoever presses in the same moment lands in one meeting, a crash holds nobody up, and a crowd gets in."""

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from sandbox.cast import RIVERSIDE
from tests.portal.steps import Shown, Visitor, tell
from tests.visits import steps
from tests.visits.steps import CARLA, DAVID, PIA, Clinic, enter, meeting_at

WEB_THREADS = 2 * 8  # two processes of eight, see sandbox/launcher/house.py
DAVID_OID = RIVERSIDE.accounts[3].oid
CLAIM_SECONDS = 15


def at_once(steps_to_take: Sequence[Callable[[], Shown]]) -> list[Shown]:
    """Let everybody take a step in the same moment."""
    barrier = threading.Barrier(len(steps_to_take))

    def take(step: Callable[[], Shown]) -> Shown:
        barrier.wait()
        return step()

    with ThreadPoolExecutor(len(steps_to_take)) as pool:
        return list(pool.map(take, steps_to_take))


def pressing(clinic: Clinic, login: str, csn: str = steps.CSN) -> Callable[[], Shown]:
    """Somebody with a finger on the button. Where a page tries again by itself, his browser does."""
    visitor, pressed = clinic.visitor(), clinic.press(login, csn)

    def press() -> Shown:
        page = visitor.open(pressed)
        while page.heading == "Please wait a moment":
            again = page.response.headers.get("Refresh")
            time.sleep(int(again or 0))
            page = visitor.open(page.url if again else clinic.press(login, csn))
        return page

    return press


def linked(clinic: Clinic) -> None:
    """Both clinicians have confirmed their accounts in other visits."""
    enter(clinic, CARLA, "770012")
    enter(clinic, DAVID, "770013")
    tell(clinic.house, "graph", "reset")


def test_two_clinicians_and_the_patient_press_at_once_and_meet(clinic: Clinic) -> None:
    linked(clinic)
    clinic.fail("graph", "createOrGet", "delay", 1)  # so that the moments do overlap
    for _ in range(2):
        csn = clinic.add_visit(CARLA)
        before = len(clinic.meetings())
        carla, david, waiting = at_once([pressing(clinic, login, csn) for login in (CARLA, DAVID, PIA)])
        [meeting] = clinic.meetings()[before:]
        assert meeting_at(clinic, carla) == meeting_at(clinic, david) == ("teams", meeting["key"])
        assert waiting.status == 200, waiting.text
        newest = "SELECT id FROM visits_visit ORDER BY created_at DESC LIMIT 1"
        assert len(clinic.rows(f"SELECT 1 FROM visits_participant WHERE visit_id = ({newest})")) == 3  # noqa: S608


def test_one_clinician_who_presses_five_times_at_once_has_one_meeting(clinic: Clinic) -> None:
    linked(clinic)
    clinic.fail("graph", "createOrGet", "delay", 1)
    pages = at_once([pressing(clinic, CARLA) for _ in range(5)])
    [meeting] = clinic.meetings()
    assert [page.status for page in pages] == [200] * 5
    assert meeting["key"] in {meeting_at(clinic, page)[1] for page in pages if steps.is_teams(clinic, page.url)}


def test_everybody_who_reloads_the_patients_page_at_once_stays_where_he_is(clinic: Clinic) -> None:
    visitor = clinic.visitor()
    page = visitor.open(clinic.press(PIA))
    shown = at_once([lambda: visitor.open(page.url)] * 5)
    assert {one.heading for one in shown} == {"You are in the right place"}


def test_a_colleague_gets_in_after_the_organizers_server_died_in_the_middle(clinic: Clinic) -> None:
    linked(clinic)
    clinic.fail("graph", "createOrGet", "hang", 3)
    organizer = threading.Thread(target=dies_on_the_way, args=(clinic.visitor(), clinic.press(CARLA)))
    organizer.start()
    until_claimed(clinic)
    clinic.house.kill("web")
    clinic.house.start("web")
    organizer.join()
    tell(clinic.house, "graph", "faults", "DELETE")
    change = "UPDATE visits_visit SET claimed_at = claimed_at - %s * interval '1 second' WHERE claimed_at IS NOT NULL"
    clinic.database.execute(change, [CLAIM_SECONDS])
    key = meeting_at(clinic, enter(clinic, DAVID))[1]
    assert [one["organizer"] for one in clinic.meetings() if one["key"] == key] == [DAVID_OID]
    visitor = clinic.visitor()
    assert meeting_at(clinic, visitor.open(clinic.press(CARLA)))[1] == key


def dies_on_the_way(visitor: Visitor, address: str) -> None:
    try:
        visitor.open(address)
    except OSError:  # what requests raises when the connection breaks
        return


def until_claimed(clinic: Clinic) -> None:
    claimed = "SELECT 1 FROM visits_visit WHERE claimed_at IS NOT NULL AND join_url_sealed = ''"
    deadline = time.monotonic() + 10
    while not clinic.rows(claimed):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_colleague_may_try_himself_when_the_organizers_try_has_failed(clinic: Clinic) -> None:
    linked(clinic)
    clinic.fail("graph", "createOrGet", "hang", 6)
    visitor, press_of_carla, pressed = clinic.visitor(), pressing(clinic, CARLA), clinic.press(DAVID)
    with ThreadPoolExecutor(1) as pool:
        opening = pool.submit(press_of_carla)
        until_claimed(clinic)
        page = visitor.open(pressed)
        assert opening.result().heading == "Microsoft 365 is not answering"
    assert (page.status, page.heading) == (200, "Video visit")
    tell(clinic.house, "graph", "faults", "DELETE")
    assert meeting_at(clinic, visitor.follow(page, "Join in Teams"))[0] == "teams"


def test_twice_as_many_launches_as_web_threads_all_get_in_with_their_subscriptions(clinic: Clinic) -> None:
    linked(clinic)
    csns = [clinic.add_visit(CARLA) for _ in range(2 * WEB_THREADS)]
    pages = at_once([pressing(clinic, CARLA, csn) for csn in csns])
    reached = {meeting_at(clinic, page)[1] for page in pages}
    assert len(reached) == len(csns)
    subscribed = {one["meeting"] for one in clinic.subscriptions()}
    assert subscribed == {one["id"] for one in clinic.meetings()}
    assert len(subscribed) == len(csns)
    assert clinic.rows("SELECT 1 FROM visits_visit WHERE NOT presence_live AND opened_at IS NOT NULL") == []
