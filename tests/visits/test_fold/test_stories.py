"""Stories of a visit, told by its facts, and what each comes to."""

from itertools import permutations

import pytest

from tests.visits.test_fold.telling import (
    CLINICIAN,
    CLINICIAN_OID,
    COLLEAGUE_OID,
    PATIENT,
    PROXY,
    START,
    fact,
    minute,
    told,
)
from visits.fold import Change, FactLine, Outsider, Person, PersonState, fold

# story, what the clinician is, what the patient is
STORIES = {
    "the patient waits": ("0 waiting patient", "expected", "waiting 0"),
    "the clinician connects": ("0 waiting patient, 2 sent clinician, 3 connected desk", "connected 3", "waiting 0"),
    "the patient is on the way": ("0 waiting patient, 1 sent patient", "expected", "sent 1"),
    "the patient leaves the waiting page": ("0 waiting patient, 4 gone patient", "expected", "expected 4"),
    "a page that comes back waits again": (
        "0 waiting patient, 4 gone patient, 5 waiting patient",
        "expected",
        "waiting 5",
    ),
    "taken back, and yet in Teams all the time": ("0 sent patient, 2 lobby a, 5 gone patient", "expected", "lobby 2"),
    "slow to install Teams": ("0 sent patient, 5 gone patient, 6 lobby a", "expected", "lobby 6"),
    "the patient in the lobby": ("0 sent patient, 1 lobby a", "expected", "lobby 1"),
    "admitted with the same id": ("0 sent patient, 1 lobby a, 2 connected a", "expected", "connected 2"),
    "admitted with another id": (
        "0 sent patient, 1 lobby a, 2 disconnected a, 2 connected b",
        "expected",
        "connected 2",
    ),
    "admitted with another id, the old one is reported gone later": (
        "0 sent patient, 1 lobby a, 2 connected b, 3 disconnected a",
        "expected",
        "connected 2",
    ),
    "admitted with another id, the old one is never reported gone": (
        "0 sent patient, 1 lobby a, 2 connected b, 5 disconnected b",
        "expected",
        "disconnected 5",
    ),
    "taken for admitted, but the first one is still in the lobby": (
        "0 sent patient, 1 lobby a, 2 connected b, 3 connected a, 4 disconnected a",
        "expected",
        "disconnected 4",
    ),
    "the patient leaves": ("0 sent patient, 1 lobby a, 2 connected a, 3 disconnected a", "expected", "disconnected 3"),
    "the patient rejoins": (
        "0 sent patient, 1 connected a, 3 disconnected a, 4 lobby a, 5 connected a",
        "expected",
        "connected 5",
    ),
    "the patient rejoins with another id": (
        "0 sent patient, 1 connected a, 3 disconnected a, 4 lobby b, 5 connected b",
        "expected",
        "connected 5",
    ),
    "back on the waiting page after the call": (
        "0 sent patient, 1 connected a, 3 disconnected a, 4 waiting patient",
        "expected",
        "waiting 4",
    ),
    "back on the waiting page before Teams notices": (
        "0 sent patient, 1 connected a, 3 waiting patient, 4 disconnected a",
        "expected",
        "waiting 4",
    ),
    "the waiting page falls silent during the call": (
        "0 sent patient, 1 connected a, 2 waiting patient, 4 gone patient, 5 disconnected a",
        "expected",
        "disconnected 5",
    ),
    "taken back, and yet had been in Teams": (
        "0 sent patient, 1 connected a, 2 disconnected a, 5 gone patient",
        "expected",
        "disconnected 2",
    ),
    "everything at one moment": (
        "1 connected desk, 1 disconnected desk, 2 gone patient, 2 sent patient, 2 waiting patient",
        "disconnected 1",
        "waiting 2",
    ),
    "two devices, one left": ("0 connected desk, 1 connected phone, 2 disconnected desk", "connected 0", "expected"),
    "two devices, one in the lobby": ("0 connected desk, 1 lobby phone, 2 disconnected desk", "lobby 2", "expected"),
    "two devices, both left": (
        "0 connected desk, 1 connected phone, 2 disconnected desk, 3 disconnected phone",
        "disconnected 3",
        "expected",
    ),
    "the call ends for everybody": (
        "0 sent patient, 1 connected a, 1 connected desk, 9 call-ended call",
        "disconnected 9",
        "disconnected 9",
    ),
    "the nurse opens and leaves while the patient waits in the lobby": (
        "0 sent patient, 1 connected desk, 2 lobby a, 3 disconnected desk, 3 call-ended call",
        "disconnected 3",
        "lobby 2",
    ),
    "the physician comes and admits him": (
        "0 sent patient, 1 connected colleague, 2 lobby a, 3 disconnected colleague, 3 call-ended call, "
        "9 connected desk, 10 connected a",
        "connected 9",
        "connected 10",
    ),
    "nothing more is expected of who was last in the lobby": (
        "0 sent patient, 1 connected desk, 2 lobby a, 3 call-ended call, 80 call-ended everybody",
        "disconnected 3",
        "disconnected 80",
    ),
    "one comes back after the end": (
        "0 sent patient, 1 connected a, 1 connected desk, 9 call-ended call, 10 connected desk",
        "connected 10",
        "disconnected 9",
    ),
    "only the leaving was told": (
        "0 waiting patient, 1 disconnected desk, 1 disconnected a",
        "disconnected 1",
        "waiting 0",
    ),
    "an outsider nobody was sent for": ("0 waiting patient, 1 lobby a, 2 connected a", "expected", "waiting 0"),
    "an outsider who was there before": ("0 lobby a, 5 sent patient", "expected", "sent 5"),
    "clocks that differ by seconds": ("1 lobby a, 1.2 sent patient", "expected", "lobby 1"),
    "a roster two minutes behind": (
        "0 waiting patient, 1.1 lobby a, 1.4 connected a, 3 sent patient, 18 disconnected a",
        "expected",
        "disconnected 18",
    ),
    "a roster two minutes behind, and a stay of one": (
        "0 waiting patient, 1.1 connected a, 2 disconnected a, 3 sent patient",
        "expected",
        "disconnected 2",
    ),
    "a clinician by a roster two minutes behind": (
        "1.1 connected desk, 3 sent clinician, 18 disconnected desk",
        "disconnected 18",
        "expected",
    ),
    "sent again after a short stay": (
        "0 sent patient, 1 connected a, 2 disconnected a, 3 sent patient",
        "expected",
        "sent 3",
    ),
    "who was attributed before a second person was sent, by clocks that differ": (
        "1 connected a, 2 sent patient, 3 sent proxy",
        "expected",
        "connected 1",
    ),
    "two outsiders at once": ("0 sent patient, 1 lobby a, 1 lobby b", "expected", "sent 0"),
    "two outsiders, until one is left": (
        "0 sent patient, 1 lobby a, 1 lobby b, 2 disconnected b, 3 disconnected a",
        "expected",
        "disconnected 3",
    ),
    "an interpreter stays in the lobby after the patient has left": (
        "0 sent patient, 1 lobby a, 2 lobby b, 3 disconnected a",
        "expected",
        "disconnected 3",
    ),
    "an interpreter stays after the patient has left": (
        "0 sent patient, 1 connected a, 2 connected b, 3 disconnected a",
        "expected",
        "disconnected 3",
    ),
    "a colleague nobody launched": ("0 sent patient, 1 connected colleague", "expected", "sent 0"),
    "a colleague beside the patient": (
        "0 sent patient, 1 connected colleague, 2 lobby a, 3 connected a",
        "expected",
        "connected 3",
    ),
}


@pytest.mark.parametrize(("story", "clinician", "patient"), STORIES.values(), ids=STORIES)
def test_a_story_comes_to(story: str, clinician: str, patient: str) -> None:
    people = told(story).people
    assert [_words(people["clinician"]), _words(people["patient"])] == [clinician, patient]


def _words(state: PersonState) -> str:
    """`"lobby 2"`: in the lobby since minute 2."""
    since = f" {(state.since - START).total_seconds() / 60:g}" if state.since else ""
    return state.presence + since


def test_with_two_patients_sent_nobody_is_guessed() -> None:
    state = told("0 sent patient, 0 sent proxy, 1 lobby a, 2 connected a", PATIENT, PROXY)
    assert {person.presence for person in state.people.values()} == {"sent"}
    assert state.unattributed == (Outsider("connected", minute(2), colleague=False),)


def test_who_was_attributed_stays_so_when_a_second_person_is_sent() -> None:
    story = "0 sent patient, 1 lobby a, 2 sent proxy, 3 lobby b, 4 connected a, 4 connected b, 5 disconnected a"
    state = told(story, PATIENT, PROXY)
    assert _words(state.people["patient"]) == "disconnected 5"
    assert _words(state.people["proxy"]) == "sent 2"
    assert state.unattributed == (Outsider("connected", minute(4), colleague=False),)


def test_a_colleague_nobody_launched_is_unattributed_and_counts_for_the_call() -> None:
    state = told("1 connected colleague")
    assert state.unattributed == (Outsider("connected", minute(1), colleague=True),)
    assert state.call_since == minute(1)


def test_staff_who_launched_as_a_patient_are_not_attributed_by_their_account() -> None:
    twice = Person("twice", "patient", CLINICIAN_OID)
    state = told("0 sent twice, 1 connected desk", CLINICIAN, twice)
    assert (state.people["clinician"].presence, state.people["twice"].presence) == ("expected", "sent")
    assert state.unattributed == (Outsider("connected", minute(1), colleague=True),)


def test_an_account_that_two_clinicians_are_linked_to_is_nobodys() -> None:
    second = Person("second", "provider", CLINICIAN_OID)
    state = told("0 sent clinician, 0 sent second, 1 connected desk", CLINICIAN, second, PATIENT)
    assert {person.presence for person in (state.people["clinician"], state.people["second"])} == {"sent"}
    assert state.unattributed == (Outsider("connected", minute(1), colleague=True),)
    assert state.call_since == minute(1)


def test_two_clinicians_with_accounts_of_their_own_are_told_apart() -> None:
    second = Person("second", "provider", COLLEAGUE_OID)
    people = told("1 connected desk, 2 connected colleague, 3 disconnected desk", CLINICIAN, second).people
    assert (_words(people["clinician"]), _words(people["second"])) == ("disconnected 3", "connected 2")


def test_a_roster_entry_without_identity_in_one_of_its_facts_is_still_the_clinician() -> None:
    bare = FactLine("disconnected", "desk", "", minute(2), "bare")
    state = fold([fact("1 connected desk"), bare], [CLINICIAN])
    assert _words(state.people["clinician"]) == "disconnected 2"
    assert state.unattributed == ()


def test_the_call_runs_from_the_first_who_is_in_to_the_last_who_leaves() -> None:
    running = told("1 connected desk, 2 connected colleague, 3 disconnected desk")
    assert (running.in_call, running.call_since, running.empty_since) == (True, minute(1), None)
    over = told("1 connected desk, 2 connected colleague, 3 disconnected desk, 5 disconnected colleague")
    assert (over.in_call, over.call_since, over.empty_since) == (False, None, minute(5))


@pytest.mark.parametrize("still_there", ["4 lobby a", "4 waiting patient", "4 sent patient"])
def test_a_visit_is_not_empty_while_somebody_is_there_or_about_to_be(still_there: str) -> None:
    assert told(f"1 connected desk, {still_there}, 5 disconnected desk").empty_since is None


def test_a_visit_nobody_was_connected_in_is_not_called_empty() -> None:
    assert told("0 sent patient, 1 lobby a, 2 disconnected a").empty_since is None


def test_the_story_is_told_with_every_change() -> None:
    state = told("0 waiting patient, 1 sent patient, 2 lobby a, 3 connected a, 3 lobby b, 4 disconnected b")
    assert state.changes == (
        Change(minute(0), "patient", "waiting"),
        Change(minute(1), "patient", "sent"),
        Change(minute(2), "patient", "lobby"),
        Change(minute(3), "patient", "connected"),
        Change(minute(3), "", "lobby"),
        Change(minute(4), "", "disconnected"),
    )


def inferred(story: str) -> list[tuple[str, str, bool]]:
    """(whose, presence, whether only the end of the call tells) of each change, from minute 9 on."""
    changes = told(f"0 sent patient, 1 connected a, 2 connected desk, 3 connected colleague, {story}").changes
    return [(one.key, one.presence, one.inferred) for one in changes if one.at >= minute(9)]


def test_whoever_the_end_of_the_call_finds_in_it_is_only_inferred_to_have_left() -> None:
    assert inferred("9 call-ended call") == [
        ("clinician", "disconnected", True),
        ("patient", "disconnected", True),
        ("", "disconnected", True),
    ]


def test_who_was_told_to_leave_before_the_call_ended_is_not_inferred() -> None:
    story = "9 disconnected desk, 9 disconnected a, 9 disconnected colleague, 10 call-ended call"
    assert {whose: guess for whose, _, guess in inferred(story)} == {"clinician": False, "patient": False, "": False}


def test_a_leaving_that_is_told_late_takes_the_place_of_the_inferred_one() -> None:
    assert inferred("9 disconnected desk, 10 disconnected colleague, 11 call-ended call") == [
        ("clinician", "disconnected", False),
        ("", "disconnected", False),
        ("patient", "disconnected", True),
    ]


def test_who_comes_or_waits_at_the_moment_the_call_ends_is_seen_and_not_inferred() -> None:
    assert ("patient", "waiting", False) in inferred("9 waiting patient, 9 call-ended call")
    assert ("clinician", "connected", False) in inferred("9 call-ended call, 10 connected desk")


def test_facts_of_people_who_are_not_known_tell_nothing() -> None:
    assert told("0 waiting stranger, 1 sent stranger, 2 gone stranger").changes == ()


def test_every_order_of_a_story_comes_to_the_same() -> None:
    facts = [
        fact(text) for text in STORIES["taken for admitted, but the first one is still in the lobby"][0].split(",")
    ]
    states = [fold(order, (CLINICIAN, PATIENT)) for order in permutations(facts)]
    assert all(state == states[0] for state in states)
