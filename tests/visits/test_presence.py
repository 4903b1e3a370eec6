"""What a visit's facts come to in the database: writebacks, trail entries, the visit's times; what the sweeps do."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from threading import Barrier

import pytest
from django.core.cache import cache
from django.db import connections, transaction
from django.db.models import F
from django.utils import timezone
from pytest_django import DjangoCaptureOnCommitCallbacks, Settings

from connector.models import Entry
from tests.visits import factories
from visits import facts, presence
from visits.models import Fact, Participant, Visit, Writeback

pytestmark = pytest.mark.django_db


@dataclass
class Clock:
    """When this test began: the moment that its stories are told back from."""

    now: datetime


CLOCK = Clock(timezone.now())


@pytest.fixture(autouse=True)
def _new_story() -> None:
    CLOCK.now = timezone.now()
    cache.clear()


@pytest.fixture
def visit() -> Visit:
    return factories.visit()


@pytest.fixture
def patient(visit: Visit) -> Participant:
    return factories.participant(visit)


@pytest.fixture
def clinician(visit: Visit) -> Participant:
    return factories.participant(visit, "provider", external_id="")


def ago(minutes: float) -> datetime:
    return CLOCK.now - timedelta(minutes=minutes)


def page(person: Participant, kind: str, minutes: float) -> bool:
    """Our own page saw something, so many minutes ago."""
    key = str(person.id)
    return facts.record(
        person.visit,
        kind=Fact.Kind(kind),
        participant_key=key,
        at=ago(minutes),
        source=facts.PAGE,
        event_id=f"{minutes}",
    )


def roster(visit: Visit, key: str, kind: str, minutes: float, *, oid: str = "") -> bool:
    """Microsoft told something about a roster entry."""
    source, event_id = "subscription:1", f"{key} {minutes}"
    return facts.record(
        visit, kind=Fact.Kind(kind), participant_key=key, at=ago(minutes), source=source, event_id=event_id, oid=oid
    )


def connected(clinician: Participant, minutes: float, *, kind: str = "connected") -> bool:
    assert clinician.user
    return roster(clinician.visit, "desk", kind, minutes, oid=str(clinician.user.oid))


def told(person: Participant) -> list[str]:
    return list(person.writebacks.order_by("sequence").values_list("presence", flat=True))


def trail_of(visit: Visit) -> list[tuple[str, datetime]]:
    return list(Entry.objects.filter(visit=visit.pk).order_by("at", "id").values_list("event", "at"))


def seen(person: Participant, minutes: float) -> None:
    cache.set(facts.SEEN_KEY.format(person.id), ago(minutes).timestamp(), 3600)


# ---------------------------------------------------------------------------------------------------------------- facts
def test_the_same_event_told_twice_is_one_fact(visit: Visit, clinician: Participant) -> None:
    assert connected(clinician, 1)
    assert not connected(clinician, 1)
    assert visit.facts.count() == 1


def test_a_fact_belongs_to_the_present_meeting(visit: Visit, patient: Participant) -> None:
    visit.generation = 3
    roster(visit, "a", "lobby", 1, oid="ABCDEF00-0000-4000-8000-000000000000")
    kept = visit.facts.get()
    assert (kept.generation, kept.oid) == (3, "abcdef00-0000-4000-8000-000000000000")


# --------------------------------------------------------------------------------------------------------------- refold
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


def test_a_visit_that_was_forgotten_is_passed_over(visit: Visit) -> None:
    visit.delete()
    presence.refold(visit.pk)


def test_the_lane_is_woken_once_the_rows_are_committed(
    visit: Visit, patient: Participant, django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
) -> None:
    page(patient, "waiting", 1)
    with django_capture_on_commit_callbacks() as wakings:
        presence.refold(visit.pk)
    row = Writeback.objects.get()
    [waking] = wakings
    assert waking.args == (row.target_id, row.lane)  # type: ignore[attr-defined]


@pytest.mark.django_db(transaction=True)
def test_two_refolds_at_once_write_one_row_and_one_line(visit: Visit, patient: Participant) -> None:
    page(patient, "waiting", 1)
    both = Barrier(2)

    def act(_: int) -> None:
        both.wait()
        presence.refold(visit.pk)
        connections.close_all()

    with ThreadPoolExecutor(2) as threads:
        list(threads.map(act, range(2)))
    assert told(patient) == ["waiting"]
    assert len(trail_of(visit)) == 1


@pytest.mark.django_db(transaction=True)
def test_facts_are_recorded_while_a_visit_is_being_folded(visit: Visit, patient: Participant) -> None:
    def record() -> bool:
        try:
            return page(patient, "waiting", 1)
        finally:
            connections.close_all()

    with transaction.atomic(), ThreadPoolExecutor(1) as threads:
        presence.refold(visit.pk)
        assert threads.submit(record).result(timeout=5)


# ---------------------------------------------------------------------------------------------------- the visit's times
def test_a_visit_ends_when_its_roster_has_stayed_empty(visit: Visit, clinician: Participant) -> None:
    connected(clinician, 9)
    connected(clinician, 4, kind="disconnected")
    presence.refold(visit.pk)
    visit.refresh_from_db()
    assert (visit.ended_at, visit.due_at) == (None, ago(4) + timedelta(seconds=presence.EMPTY_SECONDS))
    assert presence.sweep() == 0


def test_the_sweep_ends_a_visit_that_is_due(visit: Visit, clinician: Participant) -> None:
    connected(clinician, 60)
    connected(clinician, 6, kind="disconnected")
    Visit.objects.update(due_at=ago(1))
    assert presence.sweep() == 1
    visit.refresh_from_db()
    assert (visit.ended_at, visit.due_at) == (ago(6), None)
    assert presence.sweep() == 0


def test_a_rejoin_keeps_a_visit_from_ending(visit: Visit, clinician: Participant) -> None:
    connected(clinician, 9)
    connected(clinician, 4, kind="disconnected")
    presence.refold(visit.pk)
    connected(clinician, 1)
    presence.refold(visit.pk)
    visit.refresh_from_db()
    assert (visit.ended_at, visit.due_at) == (None, None)


def test_a_visit_does_not_end_while_somebody_waits_for_it(
    visit: Visit, patient: Participant, clinician: Participant
) -> None:
    connected(clinician, 60)
    connected(clinician, 30, kind="disconnected")
    page(patient, "waiting", 20)
    presence.refold(visit.pk)
    visit.refresh_from_db()
    assert visit.ended_at is None


# --------------------------------------------------------------------------------------------------------- the sweepers
@pytest.fixture
def waiting(visit: Visit, patient: Participant) -> Participant:
    """A patient on the waiting page for ten minutes."""
    page(patient, "waiting", 10)
    presence.refold(visit.pk)
    return patient


def test_a_silent_page_is_taken_back_at_the_moment_the_limit_was_reached(visit: Visit, waiting: Participant) -> None:
    seen(waiting, 5)
    assert presence.sweep_waiting() == 1
    assert visit.facts.get(kind=Fact.Kind.GONE).at == ago(2)
    assert told(waiting) == ["waiting", "disconnected"]
    assert presence.sweep_waiting() == 0


def test_the_limit_is_the_connections(visit: Visit, waiting: Participant) -> None:
    factories.approve(visit.connection, waiting_silence_minutes=6)
    seen(waiting, 5)
    assert presence.sweep_waiting() == 0


def test_a_page_that_still_asks_is_left_alone(waiting: Participant) -> None:
    seen(waiting, 1)
    assert presence.sweep_waiting() == 0


def test_an_empty_cache_postpones(waiting: Participant) -> None:
    assert presence.sweep_waiting() == 0
    assert cache.get(facts.SEEN_KEY.format(waiting.id)) == pytest.approx(time.time(), abs=30)
    seen(waiting, 4)
    assert presence.sweep_waiting() == 1


def test_a_cache_that_is_away_postpones(waiting: Participant, settings: Settings) -> None:
    away = settings.CACHES["default"] | {"LOCATION": "redis://127.0.0.1:1/0"}
    settings.CACHES = {"default": away}
    assert presence.sweep_waiting() == 0
    assert told(waiting) == ["waiting"]


def test_a_wait_after_the_silence_is_another_wait(waiting: Participant) -> None:
    seen(waiting, 14)
    assert presence.sweep_waiting() == 0


def test_who_was_sent_and_never_came_is_taken_back(visit: Visit, waiting: Participant) -> None:
    page(waiting, "sent", 6)
    presence.refold(visit.pk)
    assert presence.sweep_waiting() == 1
    assert told(waiting) == ["waiting", "disconnected"]
    assert trail_of(visit)[-1] == ("participant-gone", ago(1))


@pytest.mark.parametrize("sent", [4, 6])
def test_who_was_sent_is_left_alone_when_he_came_or_may_still(visit: Visit, waiting: Participant, sent: float) -> None:
    page(waiting, "sent", sent)
    if sent > 5:
        roster(visit, "a", "lobby", 5)
    presence.refold(visit.pk)
    assert presence.sweep_waiting() == 0


def test_who_was_sent_is_not_taken_back_while_presence_is_off(visit: Visit, waiting: Participant) -> None:
    page(waiting, "sent", 6)
    Visit.objects.update(presence_live=False)
    presence.refold(visit.pk)
    assert presence.sweep_waiting() == 0


def test_who_was_sent_is_not_taken_back_while_an_outsider_is_there_who_could_be_he(
    visit: Visit, waiting: Participant
) -> None:
    page(waiting, "sent", 6)
    page(factories.participant(visit, "proxy"), "sent", 4)
    roster(visit, "a", "lobby", 3)
    presence.refold(visit.pk)
    assert presence.sweep_waiting() == 0
    roster(visit, "a", "disconnected", 2)
    assert presence.sweep_waiting() == 1


def test_visits_with_nobody_to_look_after_are_not_read(visit: Visit, waiting: Participant) -> None:
    page(waiting, "gone", 1)
    presence.refold(visit.pk)
    visit.refresh_from_db()
    assert visit.due_at is None
