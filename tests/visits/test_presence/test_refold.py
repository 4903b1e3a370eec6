"""What a visit's facts come to in the database: writebacks and trail entries, once each."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest
from django.db import OperationalError, connection, connections, transaction
from django.db.models import F
from pytest_django import DjangoCaptureOnCommitCallbacks

from connector.models import Entry
from tests.database import WAITING_FOR_LOCKS, waiting_for_locks
from tests.visits import factories
from tests.visits.test_presence.telling import ago, connected, page, roster, told, trail_of
from visits import presence, waiting, writeback
from visits.models import Participant, Visit, Writeback

pytestmark = pytest.mark.django_db
WHO_WAITS_DIES = f"SELECT pg_terminate_backend(pid) {WAITING_FOR_LOCKS}"


def test_the_same_event_told_twice_is_one_fact(visit: Visit, clinician: Participant) -> None:
    assert connected(clinician, 1)
    assert not connected(clinician, 1)
    assert visit.facts.count() == 1


def test_a_fact_belongs_to_the_present_meeting(visit: Visit, patient: Participant) -> None:
    visit.generation = 3
    roster(visit, "a", "lobby", 1, oid="ABCDEF00-0000-4000-8000-000000000000")
    kept = visit.facts.get()
    assert (kept.generation, kept.oid) == (3, "abcdef00-0000-4000-8000-000000000000")


def test_a_whole_visit_is_told_step_by_step(visit: Visit, patient: Participant, clinician: Participant) -> None:
    steps: list[Callable[[], bool]] = [
        lambda: page(patient, "waiting", 9),
        lambda: page(patient, "sent", 8),
        lambda: connected(clinician, 7),
        lambda: roster(visit, "a", "lobby", 6),
        lambda: roster(visit, "a", "connected", 5),
        lambda: roster(visit, "a", "disconnected", 1),
    ]
    for step in steps:
        step()
        presence.refold(visit.pk)
    assert told(patient) == ["waiting", "connected", "disconnected"]
    assert list(patient.writebacks.order_by("sequence").values_list("happened_at", flat=True)) == [
        ago(9),
        ago(5),
        ago(1),
    ]
    assert trail_of(visit) == [
        ("participant-waiting", ago(9)),
        ("participant-connected", ago(7)),
        ("participant-lobby", ago(6)),
        ("participant-connected", ago(5)),
        ("participant-disconnected", ago(1)),
    ]


def test_who_has_no_id_in_the_ehr_is_in_the_trail_alone(visit: Visit, clinician: Participant) -> None:
    connected(clinician, 1)
    presence.refold(visit.pk)
    assert told(clinician) == []
    assert Entry.objects.get(visit=visit.pk).participant == clinician.id


def test_a_second_refold_writes_nothing(visit: Visit, patient: Participant, clinician: Participant) -> None:
    page(patient, "sent", 8)
    connected(clinician, 7)
    roster(visit, "a", "connected", 6)
    roster(visit, "b", "connected", 5)
    presence.refold(visit.pk)
    before = [told(patient), trail_of(visit), Visit.objects.values().get()]
    presence.refold(visit.pk)
    assert [told(patient), trail_of(visit), Visit.objects.values().get()] == before
    assert trail_of(visit)[-1] == ("outsider-connected", ago(5))


def test_two_outsiders_who_leave_at_one_moment_are_two_lines_of_the_trail(visit: Visit) -> None:
    for key in ("a", "b"):
        roster(visit, key, "connected", 2)
    presence.refold(visit.pk)
    presence.refold(visit.pk)
    assert trail_of(visit) == [("outsider-connected", ago(2))] * 2


def test_a_late_fact_mends_the_trail_and_tells_the_ehr_no_old_state(visit: Visit, patient: Participant) -> None:
    page(patient, "sent", 8)
    roster(visit, "a", "connected", 5)
    roster(visit, "a", "disconnected", 2)
    presence.refold(visit.pk)
    assert told(patient) == ["disconnected"]
    roster(visit, "a", "lobby", 7)
    presence.refold(visit.pk)
    assert told(patient) == ["disconnected"]
    assert ("participant-lobby", ago(7)) in trail_of(visit)
    assert len(trail_of(visit)) == 3


def test_who_is_expected_and_was_never_told_of_stays_untold(visit: Visit, patient: Participant) -> None:
    page(patient, "sent", 8)
    page(patient, "gone", 3)
    presence.refold(visit.pk)
    assert told(patient) == []
    assert trail_of(visit) == [("participant-gone", ago(3))]


def test_a_waiting_person_who_is_gone_is_taken_back(visit: Visit, patient: Participant) -> None:
    page(patient, "waiting", 8)
    presence.refold(visit.pk)
    page(patient, "gone", 3)
    presence.refold(visit.pk)
    assert told(patient) == ["waiting", "disconnected"]


def test_who_is_sent_again_and_left_the_call_is_taken_back(visit: Visit, patient: Participant) -> None:
    page(patient, "sent", 8)
    roster(visit, "a", "connected", 5)
    presence.refold(visit.pk)
    page(patient, "sent", 4)
    roster(visit, "a", "disconnected", 3)
    presence.refold(visit.pk)
    assert presence.state_of(visit).people[str(patient.id)].presence == "sent"
    assert told(patient) == ["connected", "disconnected"]


def test_an_ehr_that_is_not_told_of_waiting_does_not_go_on_showing_a_call() -> None:
    visit = factories.visit(factories.connection(codes={"connected": "1", "disconnected": "2"}))
    patient = factories.participant(visit)
    page(patient, "sent", 8)
    roster(visit, "a", "connected", 5)
    presence.refold(visit.pk)
    page(patient, "waiting", 4)
    roster(visit, "a", "disconnected", 3)
    presence.refold(visit.pk)
    presence.refold(visit.pk)
    assert told(patient) == ["connected", "disconnected"]
    assert presence.state_of(visit).people[str(patient.id)].presence == "waiting"


def test_facts_of_an_earlier_meeting_say_nothing_about_this_one(visit: Visit, patient: Participant) -> None:
    page(patient, "waiting", 60)
    Visit.objects.update(generation=F("generation") + 1)
    presence.refold(visit.pk)
    visit.refresh_from_db()
    assert presence.state_of(visit).people[str(patient.id)].presence == "expected"
    assert told(patient) == []


@pytest.mark.parametrize(("ended", "lines"), [(4, ["connected"]), (6, ["connected", "disconnected"])])
def test_who_is_gone_only_because_the_call_ended_is_in_the_trail_once_the_visit_is_over(
    ended: float, lines: list[str], visit: Visit, clinician: Participant
) -> None:
    connected(clinician, 60)
    roster(visit, "call", "call-ended", ended)
    presence.refold(visit.pk)
    at = dict(zip(("connected", "disconnected"), (ago(60), ago(ended)), strict=True))
    assert trail_of(visit) == [(f"participant-{line}", at[line]) for line in lines]


def test_who_is_told_to_have_left_before_the_call_ended_has_one_line_with_his_own_time(
    visit: Visit, clinician: Participant
) -> None:
    connected(clinician, 60)
    roster(visit, "call", "call-ended", 4)
    presence.refold(visit.pk)
    connected(clinician, 5, kind="disconnected")
    presence.refold(visit.pk)
    Visit.objects.update(ended_at=ago(5))
    presence.refold(visit.pk)
    assert trail_of(visit) == [("participant-connected", ago(60)), ("participant-disconnected", ago(5))]


def test_a_visit_that_was_forgotten_is_passed_over(visit: Visit) -> None:
    visit.delete()
    presence.refold(visit.pk)


def test_the_lane_is_woken_once_the_rows_are_committed(
    visit: Visit, patient: Participant, django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
) -> None:
    page(patient, "waiting", 1)
    with django_capture_on_commit_callbacks() as callbacks:
        presence.refold(visit.pk)
    row = Writeback.objects.get()
    [waking] = [one for one in callbacks if isinstance(one, partial) and one.func is writeback.wake]
    assert waking.args == (row.target_id, row.lane)


@pytest.mark.django_db(transaction=True)
def test_two_refolds_at_once_write_one_row_and_one_line(visit: Visit, patient: Participant) -> None:
    page(patient, "sent", 8)
    roster(visit, "a", "connected", 5)

    def act() -> None:
        presence.refold(visit.pk)
        connections.close_all()

    with ThreadPoolExecutor(2) as threads:
        with transaction.atomic():
            Visit.objects.select_for_update().get(pk=visit.pk)
            both = [threads.submit(act) for _ in range(2)]
            assert wait_until(lambda: waiting_for_locks() == 2)
        for one in both:
            one.result()
    assert told(patient) == ["connected"]
    assert len(trail_of(visit)) == 1


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("saw", [partial(waiting.arrived, event_id="e"), waiting.sent], ids=["came", "was sent"])
def test_what_a_page_saw_is_kept_and_folded_or_neither(
    saw: Callable[[Participant], None], visit: Visit, patient: Participant
) -> None:
    """Its process dies as it waits for the fold: what was kept alone nobody else would fold."""

    def act() -> None:
        try:
            saw(patient)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(1) as threads:
        with transaction.atomic():
            Visit.objects.select_for_update(no_key=True).get(pk=visit.pk)
            seen = threads.submit(act)
            assert wait_until(lambda: waiting_for_locks() == 1)
            with connection.cursor() as cursor:
                cursor.execute(WHO_WAITS_DIES)
        with pytest.raises(OperationalError):
            seen.result()
    patient.refresh_from_db()
    assert not visit.facts.exists()
    assert patient.sent_at is None
    saw(patient)
    assert visit.facts.count() == 1


def wait_until(holds: Callable[[], bool], seconds: float = 5) -> bool:
    end = time.monotonic() + seconds
    while not holds() and time.monotonic() < end:
        time.sleep(0.02)
    return holds()


@pytest.mark.django_db(transaction=True)
def test_facts_are_recorded_while_a_visit_is_being_folded(visit: Visit, patient: Participant) -> None:
    def record() -> bool:
        try:
            with transaction.atomic(), connection.cursor() as cursor:
                cursor.execute("SET LOCAL lock_timeout = '3s'")
                return page(patient, "waiting", 1)
        finally:
            connections.close_all()

    with transaction.atomic(), ThreadPoolExecutor(1) as threads:
        presence.refold(visit.pk)
        assert threads.submit(record).result()
