"""Whatever was lost, doubled, late or out of order: once the attendance reports are read, and nothing more is expected
of those who were last heard of in the lobby, it comes to the same."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from hypothesis import given
from hypothesis import strategies as st

from tests.visits.test_fold.telling import CLINICIAN, COLLEAGUE_OID, OIDS, PATIENT, minute
from tests.visits.test_fold.test_any_story import PEOPLE, stories
from visits.fold import FactLine, Person, PersonState, VisitState, fold

Stays = list[tuple[int, int]]
SECOND = Person("second", "provider", COLLEAGUE_OID)
PAGES = [
    FactLine("sent", person.key, "", minute(at), f"sent {person.key}")
    for person, at in ((CLINICIAN, 0), (SECOND, 0), (PATIENT, 1))
]

OVER = FactLine("call-ended", "everybody", "", minute(100), "over")


@dataclass(frozen=True)
class History:
    """What truly happened: when who was in the call, by the minute. Clinicians, then outsiders."""

    stays: dict[str, Stays]
    lobby: bool  # whether everybody comes through it, a minute before
    new_ids: bool  # whether a rejoin has a roster id of its own

    def calls(self) -> list[tuple[int, int]]:
        """From the first who comes to the last who leaves, each time."""
        found: list[tuple[int, int]] = []
        for joined, left in sorted(stay for stays in self.stays.values() for stay in stays):
            if found and joined <= found[-1][1]:
                found[-1] = (found[-1][0], max(found[-1][1], left))
            else:
                found.append((joined, left))
        return found

    def events(self) -> list[FactLine]:
        """All that Graph would notify."""
        return list(self._events())

    def _events(self) -> Iterator[FactLine]:
        for name, stays in self.stays.items():
            for joined, left in stays:
                key = f"{name} {joined}" if self.new_ids else name
                if self.lobby:
                    yield line("lobby", key, name, joined - 1)
                yield line("connected", key, name, joined)
                yield line("disconnected", key, name, left)
        for _, left in self.calls():
            yield line("call-ended", "call", "", left)

    def reports(self) -> list[FactLine]:
        """What the attendance report of each call tells."""
        return list(self._reports())

    def _reports(self) -> Iterator[FactLine]:
        for start, end in self.calls():
            report = f"report {start}"
            yield line("call-started", "call", "", start, report)
            yield line("call-ended", "call", "", end, report)
            for name, stays in self.stays.items():
                for joined, left in stays:
                    if start <= joined < end:
                        yield line("connected", f"{report} {name} {joined}", name, joined, report)
                        yield line("disconnected", f"{report} {name} {joined}", name, left, report)


def line(kind: str, key: str, name: str, at: float, report: str = "") -> FactLine:
    return FactLine(kind, key, OIDS.get(name, ""), minute(at), f"{kind} {key} {at}", report=report)


def paired(minutes: list[int]) -> Stays:
    ordered = sorted(minutes)
    return list(zip(ordered[::2], ordered[1::2], strict=False))


some_stays = st.lists(st.integers(2, 20).map(lambda number: number * 2), unique=True, max_size=6).map(paired)
histories = st.builds(
    lambda desk, colleague, outsider, lobby, new_ids: History(
        {"desk": desk, "colleague": colleague, "outsider": outsider}, lobby, new_ids
    ),
    some_stays,
    some_stays,
    some_stays,
    st.booleans(),
    st.booleans(),
)

some_reports = st.lists(
    st.tuples(
        st.sampled_from(["desk", "colleague", "somebody", "somebody else"]),
        st.integers(0, 10),
        st.integers(1, 5),
        st.sampled_from("12"),
    ),
    max_size=6,
)


def contradicting(stays: list[tuple[str, int, int, str]]) -> list[FactLine]:
    """Reports of whatever stays: (who, when he joined, for how long, in which report)."""
    return [
        fact
        for number, (name, joined, length, report) in enumerate(stays)
        for fact in (
            line("connected", f"{report} {number}", name, joined, report),
            line("disconnected", f"{report} {number}", name, joined + length, report),
            line("call-ended", "call", "", joined + length, report),
        )
    ]


@given(stories, some_reports, st.data())
def test_a_report_that_contradicts_everything_is_folded_in_any_order_and_leaves_nobody_there(
    story: list[FactLine], stays: list[tuple[str, int, int, str]], data: st.DataObject
) -> None:
    told = [*story, *contradicting(stays)]
    state = fold(told, PEOPLE)
    assert fold(data.draw(st.permutations(told)), PEOPLE) == state
    assert state.people.keys() == {person.key for person in PEOPLE}
    last = {one.key: one.presence for one in state.changes if one.key}
    assert all(state.people[key].presence == presence for key, presence in last.items())
    assert not fold([*told, OVER], PEOPLE).somebody_there


def reconciled(history: History, data: st.DataObject, *people: Person) -> VisitState:
    """Some of the events, some of them twice, in any order; then the reports."""
    events = history.events()
    kept = [event for event in events if data.draw(st.booleans())]
    again = data.draw(st.lists(st.sampled_from(kept), max_size=5)) if kept else []
    return fold(data.draw(st.permutations([*PAGES, *kept, *again, *history.reports(), OVER])), people)


def in_call(state: VisitState, key: str) -> list[tuple[datetime, datetime]]:
    """The connected intervals that a story tells of somebody."""
    found: list[tuple[datetime, datetime]] = []
    since: datetime | None = None
    for change in [one for one in state.changes if one.key == key]:
        if since and change.presence != "connected":
            found.append((since, change.at))
        since = change.at if change.presence == "connected" else None
    assert since is None, "he never leaves"
    return found


def moments(stays: Stays) -> list[tuple[datetime, datetime]]:
    return [(minute(joined), minute(left)) for joined, left in stays]


@given(histories, st.data())
def test_everybody_whom_the_report_can_name_has_the_same_connected_times(history: History, data: st.DataObject) -> None:
    state = reconciled(history, data, CLINICIAN, SECOND, PATIENT)
    assert in_call(state, "clinician") == moments(history.stays["desk"])
    assert in_call(state, "second") == moments(history.stays["colleague"])


@given(histories, st.data())
def test_everybody_ends_where_he_would_have_with_every_event(history: History, data: st.DataObject) -> None:
    people = (CLINICIAN, SECOND, PATIENT)
    whole = fold([*PAGES, *history.events(), *history.reports(), OVER], people)
    state = reconciled(history, data, *people)
    assert state.people == whole.people
    assert state.in_call == whole.in_call


def test_who_was_let_in_again_from_the_lobby_has_left_when_the_report_says_so() -> None:
    """Of his second stay only the minute in the lobby was told: the report's second stay is not the first, told."""
    history = History({"desk": [], "colleague": [(4, 8)], "outsider": [(4, 6), (8, 10)]}, lobby=True, new_ids=False)
    kept = [event for event in history.events() if event.event_id in {"connected outsider 4", "lobby outsider 7"}]
    assert len(kept) == 2
    state = fold([*PAGES, *kept, *history.reports(), OVER], (CLINICIAN, SECOND, PATIENT))
    assert state.people["patient"] == PersonState("disconnected", minute(10))


@given(histories, some_stays, st.data())
def test_nobody_is_there_after_the_last_report_whoever_came(
    history: History, others: Stays, data: st.DataObject
) -> None:
    more = History(history.stays | {"interpreter": others}, history.lobby, history.new_ids)
    state = reconciled(more, data, CLINICIAN, PATIENT)
    assert not state.somebody_there
    assert not state.in_call
    assert state.empty_since is not None


@given(histories, st.data())
def test_a_colleague_nobody_launched_is_one_person_to_roster_and_report(history: History, data: st.DataObject) -> None:
    staff = History(history.stays | {"outsider": []}, history.lobby, history.new_ids)
    state = reconciled(staff, data, CLINICIAN)
    times = moments(history.stays["colleague"])
    assert [one.at for one in state.changes if not one.key and one.presence == "connected"] == [at for at, _ in times]
    assert {one.at for one in state.changes if not one.key and one.presence == "disconnected"} >= {
        at for _, at in times
    }
    assert all(one.colleague for one in state.unattributed)
