"""What a visit has come to, by its story: where it stands, how it went, and its figures."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.visits.test_fold.telling import CLINICIAN, PATIENT, PROXY, fact, minute, told
from tests.visits.test_fold.test_any_story import stories
from visits.fold import CONNECTED, FactLine, Person, fold
from visits.outcome import OUTCOMES, STAGES, Outcome, Reading, Stage, read, stage_of

STAFF = {CLINICIAN.key}
NOW = minute(60)


def reading(story: str, *people: Person, ended: bool = False, live: bool = True) -> Reading:
    return read(told(story, *people), STAFF, ended=ended, live=live, now=NOW)


@pytest.mark.parametrize(
    ("story", "stage"),
    [
        ("0 sent clinician", "opened"),
        ("0 waiting patient", "patient-waiting"),
        ("0 sent patient, 1 lobby a", "patient-waiting"),
        ("0 lobby a", "patient-waiting"),
        ("0 connected colleague", "opened"),
        ("0 connected desk", "clinician-alone"),
        ("0 connected desk, 1 waiting patient", "clinician-alone"),
        ("0 connected desk, 1 connected colleague", "clinician-alone"),
        ("0 connected desk, 1 connected a", "in-progress"),
        ("0 sent patient, 0 connected desk, 1 connected a", "in-progress"),
        ("0 connected desk, 1 connected a, 2 disconnected a", "clinician-alone"),
        ("0 connected desk, 1 connected a, 2 disconnected desk", "clinician-left"),
        ("0 connected desk, 1 lobby a, 2 disconnected desk", "clinician-left"),
        ("0 connected desk, 1 connected colleague, 2 disconnected desk", "clinician-left"),
        ("0 connected desk, 1 disconnected desk, 2 waiting patient", "patient-waiting"),
        ("0 connected desk, 1 connected a, 2 disconnected desk, 3 connected phone", "in-progress"),
        ("0 connected desk, 1 disconnected desk", "opened"),
    ],
)
def test_a_visit_stands_where_its_people_are(story: str, stage: str) -> None:
    assert reading(story).stage == stage
    assert reading(story, ended=True).stage == Stage.ENDED


@pytest.mark.parametrize(
    ("story", "outcome"),
    [
        ("0 connected desk, 1 connected a, 2 disconnected a, 3 disconnected desk", "held"),
        ("0 connected desk, 1 disconnected desk, 1 connected a, 2 disconnected a", "missed"),
        ("0 waiting patient, 1 connected desk, 9 gone patient", "missed"),
        ("0 connected desk, 9 disconnected desk", "clinician-only"),
        ("0 connected desk, 1 connected colleague, 9 call-ended call", "clinician-only"),
        ("0 waiting patient, 9 gone patient", "no-clinician"),
        ("0 sent clinician, 1 waiting patient, 9 gone patient", "no-clinician"),
        ("0 lobby a, 9 disconnected a", "no-clinician"),
        ("0 connected colleague, 1 connected a, 9 call-ended call", "no-clinician"),
        ("0 sent clinician, 5 gone clinician", "nobody"),
    ],
)
def test_a_visit_comes_to_what_its_people_did(story: str, outcome: str) -> None:
    assert reading(story, ended=True).outcome == outcome


def test_where_nobody_tells_who_is_there_that_nobody_was_seen_means_nothing() -> None:
    assert reading("0 sent clinician", live=False).outcome == Outcome.UNKNOWN
    assert reading("0 waiting patient, 1 sent patient", live=False).outcome == Outcome.UNKNOWN
    assert reading("0 waiting patient, 9 gone patient", live=False).outcome == Outcome.NO_CLINICIAN
    assert reading("0 sent clinician, 1 connected desk", live=False).outcome == Outcome.CLINICIAN_ONLY


@pytest.mark.parametrize(
    ("story", "live", "running"),
    [
        ("0 waiting patient", False, True),
        ("0 sent clinician", True, True),
        ("0 sent clinician", False, False),
        ("0 sent clinician, 5 gone clinician", True, False),
        ("0 connected desk, 9 disconnected desk", True, True),
    ],
)
def test_a_visit_runs_while_somebody_is_there_about_to_be_or_may_come_back(
    story: str, live: bool, running: bool
) -> None:
    assert reading(story, live=live).running is running
    assert not reading(story, live=live, ended=True).running


def test_a_visit_starts_when_both_sides_are_there_and_lasts_until_the_last_one_leaves() -> None:
    came = "0 waiting patient, 2 sent patient, 3 lobby a, 5 connected desk, 8 connected a"
    found = reading(f"{came}, 20 disconnected desk, 25 disconnected a", ended=True)
    assert (found.began_at, found.met_at, found.left_at) == (minute(0), minute(8), minute(25))
    assert found.duration == timedelta(minutes=17)
    assert (found.waiting, found.lobby) == (timedelta(minutes=2), timedelta(minutes=5))
    assert found.attendants == 2
    assert (reading(came).left_at, reading(came).duration) == (None, timedelta(minutes=52))


def test_two_who_wait_at_once_wait_no_longer_than_one() -> None:
    story = "0 waiting patient, 4 waiting proxy, 6 sent patient, 10 sent proxy"
    assert reading(story, CLINICIAN, PATIENT, PROXY).waiting == timedelta(minutes=10)


def test_a_guest_in_the_lobby_makes_no_patient_of_a_colleague_in_the_call() -> None:
    colleague = "0 connected desk, 1 connected colleague, 4 disconnected colleague"
    found = reading(f"{colleague}, 5 lobby a, 9 disconnected a, 10 disconnected desk", ended=True)
    assert (found.outcome, found.met_at) == (Outcome.MISSED, None)
    assert found.lobby == timedelta(minutes=4)


def test_who_leaves_is_looked_for_among_people_of_his_kind() -> None:
    both = "0 connected desk, 1 connected colleague, 5 lobby a, 7 connected a"
    found = reading(f"{both}, 8 disconnected colleague, 20 disconnected a, 21 disconnected desk", ended=True)
    assert (found.outcome, found.met_at, found.lobby) == (Outcome.HELD, minute(7), timedelta(minutes=2))
    alone = reading("0 connected desk, 1 lobby colleague, 2 lobby a, 6 connected colleague, 9 disconnected a")
    assert (alone.outcome, alone.lobby) == (Outcome.MISSED, timedelta(minutes=7))


def of_report(text: str) -> FactLine:
    return replace(fact(text), report="r")


@pytest.mark.parametrize(
    ("story", "lobby"),
    [
        ("0 sent patient, 1 lobby a, 3 connected a", timedelta(minutes=2)),
        ("0 sent patient", None),
        ("0 sent patient, 2 lobby a", timedelta(minutes=2)),
        ("0 lobby proxy", None),
    ],
)
def test_a_lobby_that_a_report_does_not_tell_of_is_not_known(story: str, lobby: timedelta | None) -> None:
    facts = [fact(text) for text in story.split(", ")] + [fact("0 connected desk")]
    told = [*facts, of_report("4 connected stay"), of_report("9 disconnected stay")]
    found = read(fold(told, (CLINICIAN, PATIENT)), STAFF, ended=True, live=True, now=NOW)
    assert (found.outcome, found.lobby) == (Outcome.HELD, lobby)


def test_a_rejoin_under_another_id_is_no_other_attendant() -> None:
    guest = "1 connected a, 2 disconnected a, 3 connected b, 4 disconnected b, 5 connected c"
    assert reading(f"0 connected desk, {guest}").attendants == 2
    assert reading("0 connected desk, 1 connected a, 2 connected b, 3 disconnected a").attendants == 3
    assert reading("0 connected desk, 1 lobby a, 2 disconnected a").attendants == 1


def test_who_stays_is_known_from_who_leaves() -> None:
    story = "0 connected a, 10 connected b, 12 disconnected b, 20 connected desk"
    assert (reading(story).met_at, reading(story).attendants) == (minute(20), 3)


def test_who_is_found_to_be_the_patient_later_is_counted_once() -> None:
    story = "0 connected desk, 1 sent patient, 2 connected a, 2 connected b, 3 disconnected b, 9 disconnected a"
    assert reading(story, ended=True).attendants == 3
    alone = "0 connected desk, 1 connected a, 2 sent patient"
    assert reading(alone).attendants == 2


kinds = st.sampled_from(["lobby", "connected", "disconnected"])
of_two = st.lists(
    st.builds(
        lambda at, kind, key: fact(f"{at} {kind} {key}"), st.integers(0, 12), kinds, st.sampled_from(["desk", "a"])
    ),
    max_size=20,
)


@given(of_two)
def test_both_met_in_the_first_minute_in_which_both_were_in_the_call(story: list[FactLine]) -> None:
    facts = [fact("0 sent patient"), *story]
    together = [at for at in map(minute, range(13)) if _both_in_call([line for line in facts if line.at <= at])]
    found = read(fold(facts, (CLINICIAN, PATIENT)), STAFF, ended=False, live=True, now=NOW)
    assert found.met_at == min(together, default=None)


def _both_in_call(facts: list[FactLine]) -> bool:
    return {one.presence for one in fold(facts, (CLINICIAN, PATIENT)).people.values()} == {CONNECTED}


@given(stories, st.booleans(), st.booleans())
def test_figures_of_any_story_hang_together(story: list[FactLine], ended: bool, live: bool) -> None:
    state = fold(story, (CLINICIAN, PATIENT, PROXY))
    found = read(state, STAFF, ended=ended, live=live, now=NOW)
    assert found.stage in STAGES
    assert found.outcome in OUTCOMES
    assert (found.met_at is not None) == (found.outcome == Outcome.HELD)
    assert found.attendants >= 2 * (found.outcome == Outcome.HELD)
    assert (found.began_at is None) == (not state.changes)
    assert found.lobby is not None, "no report, nothing lost"
    spent = [found.duration, found.waiting, found.lobby]
    assert all(timedelta() <= one <= NOW - (found.began_at or NOW) for one in spent)
    if found.stage == Stage.IN_PROGRESS:
        assert (found.outcome, found.running, found.left_at) == (Outcome.HELD, True, None)
    if stage_of(state, STAFF, ended=False) == Stage.CLINICIAN_LEFT:
        assert found.outcome in {Outcome.HELD, Outcome.MISSED, Outcome.CLINICIAN_ONLY}
