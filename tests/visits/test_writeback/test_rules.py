"""The rules of writing back, held against every kind of failure and against chance."""

from datetime import timedelta

import hypothesis
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pytest_django import Settings

from connector.errors import AlreadyDone, NeedsConsent, Permanent, Retry, WireError
from tests.servers import Reply
from tests.visits.test_writeback.ehr import Ehr, enqueue, running, time_passes
from visits.models import Writeback
from visits.writeback.health import backoff, outcome, pause

State = Writeback.State
DAY, LATER = timedelta(hours=24), timedelta(hours=25)
CODES = {"waiting": "3", "connected": "1", "disconnected": "2"}
REPLIES = [Reply(), Reply(status=503), Reply(status=409), Reply("<html>", 200), Reply(hang_up=True), Reply(status=403)]


@pytest.mark.parametrize(
    ("error", "attempts", "age", "expected"),
    [
        (None, 1, DAY, State.DELIVERED),
        (None, 99, LATER, State.DELIVERED),
        (AlreadyDone("status-already"), 1, DAY, State.DELIVERED),
        (Permanent("status-refused"), 1, timedelta(), State.DEAD),
        (Permanent("status-incomplete"), 1, timedelta(), State.DEAD),
        (Permanent("status-not-allowed"), 20, DAY, State.WAITING),
        (Permanent("ehr-client-refused"), 20, DAY, State.WAITING),
        (Permanent("certificate"), 1, DAY, State.WAITING),
        (NeedsConsent("consent"), 1, DAY, State.WAITING),
        (Retry("unreachable"), 200, DAY, State.WAITING),
        (Retry("unreachable"), 7, LATER, State.WAITING),
        (Retry("unreachable"), 8, LATER, State.DEAD),
        (Permanent("status-not-allowed"), 8, LATER, State.DEAD),
    ],
)
def test_each_end_of_a_try_has_one_outcome(
    error: WireError | None, attempts: int, age: timedelta, expected: State
) -> None:
    assert outcome(error, attempts, age) == expected


@given(st.integers(1, 100_000))
def test_pauses_grow_from_two_seconds_to_ten_minutes(attempts: int) -> None:
    assert 2 <= backoff(attempts) <= 600
    assert backoff(attempts) <= 4 * 2 ** min(attempts - 1, 30)
    assert attempts < 10 or backoff(attempts) >= 300


def test_an_ehr_that_names_a_time_is_believed() -> None:
    assert pause(Retry("ehr-unavailable", after=37), 9) == 37
    assert pause(Retry("ehr-unavailable", after=0), 9) == 0


@pytest.mark.parametrize(
    ("error", "longest"),
    [
        (Permanent("password-refused"), 3600),
        (Permanent("ehr-client-refused", reason="invalid_client"), 3600),
        (Permanent("status-not-allowed"), 3600),
        (Permanent("audit-not-allowed"), 3600),
        (Permanent("certificate"), 600),
        (Permanent("address-not-public"), 600),
        (Permanent("status-unsupported"), 600),
        (Permanent("code-refused"), 600),
        (NeedsConsent("graph-permission"), 600),
    ],
    ids=lambda value: str(value),
)
def test_only_what_may_lock_an_account_or_was_refused_by_the_ehr_itself_waits_an_hour(
    error: WireError, longest: int
) -> None:
    assert longest / 2 <= pause(error, 20) <= longest
    assert pause(error, 1) <= 4 or pause(error, 1) == longest == 3600


steps = st.one_of(
    st.tuples(st.just("state"), st.integers(0, 2), st.sampled_from(sorted(CODES))),
    st.tuples(st.just("answers"), st.lists(st.integers(0, len(REPLIES) - 1), min_size=1, max_size=3)),
    st.tuples(st.just("drain")),
    st.tuples(st.just("wait"), st.integers(1, 4000)),
)


@pytest.mark.django_db(transaction=True)
@hypothesis.settings(max_examples=25)
@given(happenings=st.lists(steps, min_size=3, max_size=15))
def test_whatever_happens_on_the_way_the_ehr_ends_with_everybodys_newest_state(
    happenings: list[tuple[object, ...]], settings: Settings
) -> None:
    with running() as ehr:
        settings.OUTGOING_ALLOWED_HOSTS = frozenset({ehr.server.host})
        newest = _live_through(ehr, happenings)
        told = {call.query["ExternalID"]: call.query["ConnectionStatus"] for call in ehr.told()}
        assert told == newest
        last = Writeback.objects.filter(target__connection=ehr.connection).order_by("participant", "-sequence")
        assert set(last.distinct("participant").values_list("state", flat=True)) <= {State.DELIVERED}
        assert not last.filter(state=State.WAITING).exists()


def _live_through(ehr: Ehr, happenings: list[tuple[object, ...]]) -> dict[str, str]:
    """Do what happens, then let the EHR be well for an hour. Returns the newest status code by external id."""
    people = [ehr.person(f" {number}") for number in range(3)]
    enqueue(people[0], "connected")
    newest = {" 0": CODES["connected"]}
    for happening in happenings:
        match happening:
            case ("state", int(number), str(presence)):
                enqueue(people[number], presence)
                newest[f" {number}"] = CODES[presence]
            case ("answers", list(replies)):
                ehr.answers(*(REPLIES[number] for number in replies))
            case ("drain",):
                ehr.drain()
            case ("wait", int(seconds)):
                time_passes(seconds=seconds)
    ehr.answers(Reply())
    for _ in range(2):
        time_passes(hours=1, seconds=1)
        ehr.drain()
    return newest
