"""An EHR that is down for an hour in the middle of three visits, while another hospital's run on beside it."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from threading import Event

import pytest
from django.db import connection as database
from django.utils import timezone

from tests.servers import Reply
from tests.visits import factories
from tests.visits.test_writeback.ehr import Ehr, enqueue, in_thread, running, time_passes, wait_until, woken
from visits import writeback
from visits.models import Lane, Participant, Writeback
from visits.writeback import lanes, targets

pytestmark = pytest.mark.django_db(transaction=True)
State = Writeback.State
THREADS = 4


def _drain(target: int, lane: int) -> None:
    try:
        writeback.drain(target, lane)
    finally:
        database.close()


@contextmanager
def worker() -> Iterator[None]:
    """One worker of four threads for all EHRs: it takes the wake-ups in turn, and sweeps now and then."""
    over = Event()

    def work() -> None:
        with ThreadPoolExecutor(THREADS) as pool:
            swept = time.monotonic()
            while not over.wait(0.02):
                if time.monotonic() > swept + 0.5:
                    swept = time.monotonic()
                    writeback.sweep()
                for target, lane in woken():
                    pool.submit(_drain, target, lane)

    thread = in_thread(work)
    try:
        yield
    finally:
        over.set()
        thread.join()


def three_visits(ehr: Ehr) -> list[Participant]:
    """A patient and a clinician in each."""
    visits = [factories.visit(ehr.connection, session=f" 47{number}") for number in range(3)]
    return [
        factories.participant(visit, role, external_id=f"{visit.unseal('session')} {role}")
        for visit in visits
        for role in ("patient", "provider")
    ]


def tell(people: list[Participant], presence: str) -> None:
    for person in people:
        row = enqueue(person, presence)
        writeback.wake(row.target_id, row.lane)


def chart(ehr: Ehr, since: int = 0) -> list[tuple[str, str]]:
    """(who, the status) of each call from a number on."""
    return sorted((call.query["ExternalID"], call.query["ConnectionStatus"]) for call in ehr.told()[since:])


def now(people: list[Participant], status: str) -> list[tuple[str, str]]:
    """The chart in which each of these people has this status, told once."""
    return sorted((person.unseal("external_id"), status) for person in people)


def test_the_other_hospital_is_right_within_seconds_and_after_the_outage_the_first_shows_what_is_so_now(
    ehr: Ehr, reachable: Callable[[Ehr], Ehr], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(targets, "ROW_SECONDS", 4)
    here = three_visits(ehr)
    with running() as made:
        other = reachable(made)
        there = three_visits(other)
        ehr.answers(Reply(delay=60))
        with worker():
            tell(here, "waiting")
            wait_until(lambda: len(ehr.told()) == lanes.AT_ONCE)
            tell(there, "waiting")
            wait_until(lambda: chart(other) == now(there, "3"))
            tell(there, "connected")
            wait_until(lambda: chart(other, len(there)) == now(there, "1"))
            assert len(ehr.told()) == lanes.AT_ONCE, "not one call to the EHR that hangs has come to its end meanwhile"

            ehr.answers(Reply(status=503))
            tell(here, "connected")
            tell(here[:2], "disconnected")
            wait_until(lambda: ehr.target.open_until)
            wait_until(lambda: not Lane.objects.filter(leased_until__gt=timezone.now()).exists())
            before = len(ehr.told())
            ehr.answers(Reply())
            time_passes(hours=1)
            wait_until(lambda: not Writeback.objects.filter(state=State.WAITING).exists())
    assert chart(ehr, before) == sorted(now(here[:2], "2") + now(here[2:], "1")), "what was so in between is not told"
    ended = Writeback.objects.filter(target=ehr.target).values_list("state", flat=True)
    assert sorted(ended) == [State.DELIVERED] * 6 + [State.SUPERSEDED] * 8
    assert set(Writeback.objects.exclude(target=ehr.target).values_list("state", flat=True)) == {State.DELIVERED}
