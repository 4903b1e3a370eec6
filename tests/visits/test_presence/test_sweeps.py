"""When a visit ends, and who is taken back because nothing more is heard of him."""

import time
from datetime import timedelta

import pytest
from django.core.cache import cache
from pytest_django import Settings

from tests.visits import factories
from tests.visits.test_presence.telling import ago, connected, page, roster, seen, told, trail_of
from visits import facts, presence
from visits.models import Fact, Participant, Visit

pytestmark = pytest.mark.django_db


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
    presence.refold(visit.pk)
    Visit.objects.update(presence_live=False)
    assert presence.sweep_waiting() == 0
    presence.refold(visit.pk)
    visit.refresh_from_db()
    assert visit.due_at is None


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


def test_a_visit_where_somebody_only_waits_is_not_folded_at_each_sweep(waiting: Participant) -> None:
    assert presence.sweep() == 0


def test_visits_with_nobody_to_look_after_are_not_read(visit: Visit, waiting: Participant) -> None:
    page(waiting, "gone", 1)
    presence.refold(visit.pk)
    visit.refresh_from_db()
    assert visit.due_at is None
