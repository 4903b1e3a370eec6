"""Whoever is slow: each request that calls out ends within its own deadline, and says who did not answer."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from sandbox.cast import RIVERSIDE_TID
from tests.portal.steps import Shown, tell
from tests.visits import steps
from tests.visits.steps import CARLA, DAVID, PIA, PICKER, YES, Clinic, enter, explained, nothing_changed

EHR, MICROSOFT, TEAMS = (
    "The EHR is not answering",
    "Microsoft sign-in is not answering",
    "Microsoft 365 is not answering",
)
CROWDED = "Please wait a moment"
HELD, BRIEFLY = 20, 7
PLACES, CROWD = 2 * 4, 40  # an EHR's, in the two processes of the web
Step = Callable[[], Shown]


def back_from_the_ehr(clinic: Clinic) -> Step:
    """A clinician whom the EHR has just sent back with a code."""
    visitor = clinic.visitor()
    callback = steps.callback_of(clinic, visitor, CARLA)
    return lambda: visitor.open(callback)


def picks_an_account(clinic: Clinic) -> Step:
    """A clinician before Microsoft's account picker."""
    visitor = clinic.visitor()
    picker = visitor.open(clinic.press(DAVID))
    return lambda: visitor.press(picker, "Dr. David Kim")


def goes_to_teams(clinic: Clinic) -> Step:
    """A clinician who has confirmed his account and is about to open the meeting."""
    visitor = clinic.visitor()
    asked = visitor.press(visitor.open(clinic.press(CARLA, "770012")), "Dr. Carla Mendes")
    onward = visitor.press(asked, YES)
    return lambda: visitor.follow(onward, "Join in Teams")


def presses(clinic: Clinic) -> Step:
    """A patient at the very beginning."""
    visitor, pressed = clinic.visitor(), clinic.press(PIA)
    return lambda: visitor.open(pressed)


def all_stuck(clinic: Clinic, told: dict[Step, str]) -> None:
    """Everybody takes the next step at once; each is told in time who is slow, and nothing has changed."""

    def take(step: Step) -> tuple[Shown, float]:
        began = time.monotonic()
        return step(), time.monotonic() - began

    with nothing_changed(clinic), ThreadPoolExecutor(len(told)) as pool:
        for (page, took), heading in zip(pool.map(take, told), told.values(), strict=True):
            explained(clinic, page, heading, 503)
            assert took < HELD - 5


def test_slow_token_endpoints_and_a_slow_graph_hold_nobody_beyond_the_deadline(clinic: Clinic) -> None:
    teams = goes_to_teams(clinic)
    told = {back_from_the_ehr(clinic): EHR, picks_an_account(clinic): MICROSOFT, teams: TEAMS}
    enter(clinic, DAVID, "770013")  # so that an app token for Graph is in the cache
    clinic.fail("epic", "oauth2/token", "hang", HELD)
    clinic.fail("entra", "oauth2/v2.0/token", "hang", HELD)
    clinic.fail("graph", "createOrGet", "hang", HELD)
    all_stuck(clinic, told)


def test_an_ehr_that_hangs_has_half_of_the_web_and_the_others_come_again_with_the_same_press(clinic: Clinic) -> None:
    people = [clinic.visitor() for _ in range(CROWD)]
    callbacks = [steps.callback_of(clinic, one, CARLA) for one in people]
    clinic.fail("epic", "oauth2/token", "hang", BRIEFLY)
    with ThreadPoolExecutor(CROWD) as pool:
        coming = [pool.submit(one.open, callback) for one, callback in zip(people, callbacks, strict=True)]
        time.sleep(1)
        assert clinic.visitor().open("/").status == 200
        assert any(not one.done() for one in coming)  # whom the EHR still holds
        pages = [one.result() for one in coming]
    turned_away = [at for at, page in enumerate(pages) if page.heading == CROWDED]
    assert len(turned_away) >= CROWD - PLACES
    tell(clinic.house, "epic", "faults", "DELETE")
    for at in turned_away[:3]:
        explained(clinic, pages[at], CROWDED, 503)
        assert pages[at].response.headers["Refresh"] in {"5", "6", "7", "8", "9"}
        assert people[at].open(callbacks[at]).heading == PICKER


def test_slow_keys_hold_nobody_beyond_the_deadline(clinic: Clinic) -> None:
    told = {back_from_the_ehr(clinic): EHR, picks_an_account(clinic): MICROSOFT}
    clinic.forget_cache()
    clinic.fail("epic", "PublicKeys", "hang", HELD)
    clinic.fail("entra", "discovery/v2.0/keys", "hang", HELD)
    all_stuck(clinic, told)


def test_slow_discovery_and_a_slow_app_token_hold_nobody_beyond_the_deadline(clinic: Clinic) -> None:
    teams, patient = goes_to_teams(clinic), presses(clinic)
    clinic.forget_cache()
    clinic.fail("epic", "smart-configuration|metadata", "hang", HELD)
    clinic.fail("entra", f"{RIVERSIDE_TID}/oauth2/v2.0/token", "hang", HELD)
    all_stuck(clinic, {teams: MICROSOFT, patient: EHR})
