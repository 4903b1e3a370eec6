"""An EHR that is down for an hour in the middle of three visits, while another hospital's run on beside it: what
happens in the visits is folded as always, and the rows, lanes and workers are the real ones."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Event

import pytest
from django.db import connection as database
from django.utils import timezone

from tests.servers import Reply
from tests.visits import factories
from tests.visits.test_presence.telling import begin_story, connected, page, roster
from tests.visits.test_writeback.ehr import STATUS, Ehr, in_thread, running, time_passes, wait_until, woken
from visits import presence, writeback
from visits.models import Lane, Participant, Visit, Writeback
from visits.writeback import lanes

pytestmark = pytest.mark.django_db(transaction=True)
State = Writeback.State
THREADS = 4
ROLES = ("patient", "provider")


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


@dataclass(frozen=True)
class Pair:
    """A visit with its two people."""

    patient: Participant
    clinician: Participant

    @property
    def visit(self) -> Visit:
        return self.patient.visit

    def status(self, patient: str, clinician: str) -> list[tuple[str, str]]:
        """The chart in which each has this status; nothing for who was not told of."""
        both = ((self.patient, patient), (self.clinician, clinician))
        return [(person.unseal("external_id"), status) for person, status in both if status]


def three_visits(ehr: Ehr) -> list[Pair]:
    visits = [factories.visit(ehr.connection, session=f" 47{number}") for number in range(3)]
    people = [
        [factories.participant(visit, role, external_id=f"{visit.unseal('session')} {role}") for role in ROLES]
        for visit in visits
    ]
    return [Pair(*pair) for pair in people]


def happens(pairs: list[Pair], act: Callable[[Pair], object]) -> None:
    """Something happens in each of these visits, and is folded."""
    for pair in pairs:
        act(pair)
        presence.refold(pair.visit.pk)


def patient_waits(pair: Pair) -> None:
    page(pair.patient, "waiting", 50)


def both_come(pair: Pair) -> None:
    connected(pair.clinician, 40)
    page(pair.patient, "sent", 39)
    roster(pair.visit, "a", "lobby", 38)
    roster(pair.visit, "a", "connected", 37)


def patient_leaves(pair: Pair) -> None:
    roster(pair.visit, "a", "disconnected", 20)


def clinician_leaves(pair: Pair) -> None:
    connected(pair.clinician, 19, kind="disconnected")


def chart(ehr: Ehr, since: int = 0) -> list[tuple[str, str]]:
    """(who, the status) of each call from a number on."""
    return sorted((call.query["ExternalID"], call.query["ConnectionStatus"]) for call in ehr.told()[since:])


def now(pairs: list[Pair], patient: str, clinician: str) -> list[tuple[str, str]]:
    """The chart in which the people of these visits have this status, told once."""
    return sorted(line for pair in pairs for line in pair.status(patient, clinician))


def test_the_other_hospital_is_right_within_seconds_and_after_the_outage_the_first_shows_what_is_so_now(
    ehr: Ehr, reachable: Callable[[Ehr], Ehr], monkeypatch: pytest.MonkeyPatch
) -> None:
    begin_story()
    here = three_visits(ehr)
    with running() as made:
        other = reachable(made)
        there = three_visits(other)
        hangs = Event()
        ehr.server.choose(STATUS, lambda _: (hangs.wait(60), Reply(status=503))[1])
        with worker():
            happens(here, patient_waits)
            wait_until(lambda: len(ehr.told()) == lanes.AT_ONCE)
            happens(there, patient_waits)
            wait_until(lambda: chart(other) == now(there, "3", ""))
            happens(there, both_come)
            wait_until(lambda: chart(other, 3) == now(there, "1", "1"))
            happens(there, patient_leaves)
            wait_until(lambda: chart(other, 9) == now(there, "2", ""))
            assert len(ehr.told()) == lanes.AT_ONCE, "not one call to the EHR that hangs has come to its end meanwhile"

            ehr.answers(Reply(status=503))
            hangs.set()
            happens(here, both_come)
            happens(here[:1], patient_leaves)
            happens(here[:1], clinician_leaves)
            wait_until(lambda: ehr.target.open_until)
            wait_until(lambda: not Lane.objects.filter(leased_until__gt=timezone.now()).exists())
            before = len(ehr.told())
            ehr.answers(Reply())
            time_passes(hours=1)
            wait_until(lambda: not Writeback.objects.filter(state=State.WAITING).exists())
    so_now = sorted(now(here[:1], "2", "2") + now(here[1:], "1", "1"))
    assert chart(ehr, before) == so_now, "what was so in between is not told"
    ended = Writeback.objects.filter(target=ehr.target).values_list("state", flat=True)
    assert sorted(ended) == [State.DELIVERED] * 6 + [State.SUPERSEDED] * 5
    assert set(Writeback.objects.exclude(target=ehr.target).values_list("state", flat=True)) == {State.DELIVERED}
