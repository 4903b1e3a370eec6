"""What every story keeps to, whatever happens, is repeated or gets lost."""

from hypothesis import given
from hypothesis import strategies as st

from tests.visits.test_fold.telling import CLINICIAN, OIDS, PATIENT, PROXY, minute
from visits.fold import PRESENT, FactLine, Person, PersonState, fold

PAGE_KINDS, ROSTER_KINDS = ("waiting", "sent", "gone"), ("lobby", "connected", "disconnected")
FOREIGN = "x"  # with the account of another organization
PEOPLE = (CLINICIAN, PATIENT, PROXY)
moments = st.integers(0, 12).map(minute)
numbers = st.integers(0, 3).map(str)
page_facts = st.builds(
    FactLine, st.sampled_from(PAGE_KINDS), st.sampled_from([one.key for one in PEOPLE]), st.just(""), moments, numbers
)
roster_facts = st.builds(
    lambda kind, key, at, event_id: FactLine(kind, key, OIDS.get(key, ""), at, event_id, foreign=key == FOREIGN),
    st.sampled_from(ROSTER_KINDS),
    st.sampled_from(["desk", "phone", "colleague", "a", "b", "c", FOREIGN]),
    moments,
    numbers,
)
whose = st.sampled_from(["call", "call", "everybody"])
ends = st.builds(FactLine, st.just("call-ended"), whose, st.just(""), moments, numbers)
stories = st.lists(st.one_of(page_facts, roster_facts, roster_facts, ends), max_size=25)
some_people = st.lists(st.sampled_from(PEOPLE), unique=True)


@given(stories, some_people, st.data())
def test_any_order_with_any_repetition_gives_the_same_state(
    story: list[FactLine], people: list[Person], data: st.DataObject
) -> None:
    again = data.draw(st.lists(st.sampled_from(story), max_size=10)) if story else []
    shuffled = data.draw(st.permutations(story + again))
    assert fold(shuffled, data.draw(st.permutations(people))) == fold(story, people)


@given(stories, some_people, st.data())
def test_lost_facts_never_raise_and_everybody_has_a_state(
    story: list[FactLine], people: list[Person], data: st.DataObject
) -> None:
    kept = [line for line in story if data.draw(st.booleans())]
    assert fold(kept, people).people.keys() == {person.key for person in people}


@given(stories)
def test_nobody_is_present_after_the_last_fact_says_he_left(story: list[FactLine]) -> None:
    state = fold(story, PEOPLE)
    there = _entries_there(story)
    clinician = state.people["clinician"].presence
    assert (clinician in PRESENT) == bool(there & {"desk", "phone"})
    outsiders = len(there & {"a", "b", "c"})
    shown = [state.people[key].presence for key in ("patient", "proxy")]
    strangers = [one for one in state.unattributed if one.presence in PRESENT and not one.colleague]
    unknown = [one for one in strangers if not one.foreign]
    assert len(strangers) - len(unknown) == len(there & {FOREIGN})
    assert sum(presence in PRESENT for presence in shown) + len(unknown) <= outsiders
    assert state.in_call <= bool(there)


@given(stories)
def test_nobody_waits_after_his_last_fact_says_he_is_gone(story: list[FactLine]) -> None:
    state = fold(story, PEOPLE)
    for person in PEOPLE:
        mine = [line for line in _in_order(story) if line.participant_key == person.key]
        if not mine or mine[-1].kind == "gone":
            assert state.people[person.key].presence not in ("waiting", "sent")


@given(stories)
def test_nobody_of_the_patients_side_is_in_a_roster_who_was_not_sent(story: list[FactLine]) -> None:
    sent = {line.participant_key for line in story if line.kind == "sent"}
    people = fold(story, PEOPLE).people
    assert all(people[key].presence not in PRESENT for key in {"patient", "proxy"} - sent)


@given(stories)
def test_the_story_ends_where_everybody_is(story: list[FactLine]) -> None:
    state = fold(story, PEOPLE)
    last = {change.key: PersonState(change.presence, change.at) for change in state.changes if change.key}
    assert {key: last.get(key, PersonState("expected", None)) for key in state.people} == state.people


def _in_order(story: list[FactLine]) -> list[FactLine]:
    return sorted(story, key=lambda line: (line.at, line.kind, line.event_id))


def _entries_there(story: list[FactLine]) -> set[str]:
    """The roster entries whose last fact, or the end of the call they were in, does not say that they left."""
    there: dict[str, str] = {}
    for line in _in_order(story):
        if line.kind == "call-ended":
            there = {key: kind for key, kind in there.items() if kind == "lobby" and line.participant_key == "call"}
        elif line.kind in ROSTER_KINDS:
            there[line.participant_key] = line.kind
    return {key for key, kind in there.items() if kind != "disconnected"}
