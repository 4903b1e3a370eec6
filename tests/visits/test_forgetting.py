"""What is kept of a visit goes when the connection's retention is over, and not a day earlier."""

import secrets
from datetime import timedelta

import pytest
from django.db.models import F
from django.utils import timezone

from connector import trail
from connector.models import Connection, Entry
from tests.visits import factories
from visits import meeting, waiting
from visits.forgetting import forget
from visits.models import Browser, Fact, Launch, Participant, Visit, Writeback

pytestmark = pytest.mark.django_db


@pytest.fixture
def connection() -> Connection:
    made = factories.connection()
    made.retention_days = 7
    made.save()
    return made


def visit(connection: Connection, *, created: int, ended: int | None = None, opened: int | None = None) -> Visit:
    """A visit by the days since it was created, opened and ended."""
    now, made = timezone.now(), factories.visit(connection, session=secrets.token_hex(4))
    days = {"created_at": created, "ended_at": ended, "opened_at": opened}
    times = {name: now - timedelta(days=count, minutes=1) for name, count in days.items() if count is not None}
    Visit.objects.filter(pk=made.pk).update(**{"ended_at": None, "opened_at": None} | times)
    return made


def test_an_ended_visit_is_forgotten_when_the_retention_is_over(connection: Connection) -> None:
    visit(connection, created=9, opened=9, ended=7)
    kept = visit(connection, created=9, opened=9, ended=6)
    assert forget() == 1
    assert list(Visit.objects.all()) == [kept]


def test_a_visit_that_nobody_opened_is_forgotten_by_its_beginning(connection: Connection) -> None:
    visit(connection, created=8)
    assert forget() == 1


def test_a_visit_that_still_runs_is_kept_however_old(connection: Connection) -> None:
    visit(connection, created=60, opened=60)
    assert forget() == 0


@pytest.fixture
def begun_again(connection: Connection) -> Participant:
    """A patient of a visit that ended days ago, who has pressed again just now and waits for the clinician."""
    person = factories.participant(visit(connection, created=6, opened=6, ended=6))
    Visit.objects.update(created_at=F("created_at") - timedelta(days=60))
    meeting.reopen(person.visit)
    waiting.arrived(person, event_id="pressed")
    Writeback.objects.update(state=Writeback.State.DELIVERED)
    return person


def test_a_visit_that_was_begun_again_and_waits_for_its_clinician_is_kept(begun_again: Participant) -> None:
    assert forget() == 0
    Fact.objects.update(recorded_at=timezone.now() - timedelta(days=2))
    assert forget() == 0, "somebody waits, however long"
    waits = Visit.objects.get()
    assert (waits.ended_at, waits.opened_at) == (None, None)


def test_a_visit_that_was_begun_again_and_left_is_forgotten_a_day_after_the_last_sign(begun_again: Participant) -> None:
    Visit.objects.update(due_at=None)
    assert forget() == 0
    pressed = Launch.objects.create(
        connection=begun_again.visit.connection, participant=begun_again, door="patient", state_hash="x"
    )
    Fact.objects.update(recorded_at=timezone.now() - timedelta(days=1, minutes=1))
    assert forget() == 0
    Launch.objects.filter(pk=pressed.pk).update(created_at=timezone.now() - timedelta(days=1, minutes=1))
    assert forget() == 1


def test_a_fact_for_a_visit_that_is_forgotten_is_none(connection: Connection) -> None:
    person = factories.participant(visit(connection, created=8))
    assert forget() == 1
    waiting.arrived(person, event_id="late")
    assert not Fact.objects.exists()


def test_a_visit_with_something_to_be_written_back_is_kept(connection: Connection) -> None:
    person = factories.participant(visit(connection, created=9, opened=9, ended=8))
    row = {"organization": connection.organization, "presence": "disconnected", "lane": 0, "sequence": 1}
    writeback = Writeback.objects.create(
        visit=person.visit, target=connection.targets.get(), participant=person, happened_at=timezone.now(), **row
    )
    assert forget() == 0
    Writeback.objects.filter(pk=writeback.pk).update(state=Writeback.State.DEAD)
    assert forget() == 1


def test_who_was_there_is_forgotten_with_it_and_the_trail_stays(connection: Connection) -> None:
    person = factories.participant(visit(connection, created=9, opened=9, ended=8))
    trail.record(connection.organization, "launched", visit=person.visit_id, participant=person.pk)
    forget()
    assert (Participant.objects.count(), Entry.objects.count()) == (0, 1)


def test_launches_that_reached_no_visit_and_browsers_nobody_came_back_with_go_too(connection: Connection) -> None:
    launch = Launch.objects.create(connection=connection, door="provider", state_hash="x", verifier_sealed="")
    Launch.objects.filter(pk=launch.pk).update(created_at=timezone.now() - timedelta(days=2))
    Launch.objects.create(connection=connection, door="provider", state_hash="y", verifier_sealed="")
    Browser.objects.create(id_hash="x", seen_at=timezone.now() - timedelta(days=91))
    Browser.objects.create(id_hash="y", seen_at=timezone.now() - timedelta(days=89))
    forget()
    assert (Launch.objects.get().state_hash, Browser.objects.get().id_hash) == ("y", "y")
