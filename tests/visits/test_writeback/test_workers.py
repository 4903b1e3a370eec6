"""Workers that meet in a lane, come late, die, or are not woken."""

import os
import subprocess
import sys
import uuid
from datetime import timedelta
from functools import partial
from threading import Event

import pytest
from django.db import connection as database
from django.utils import timezone

from connector.celery import app
from sandbox.launcher.services import with_path
from tests.servers import Reply
from tests.visits import factories
from tests.visits.test_writeback.ehr import (
    STATUS,
    Ehr,
    enqueue,
    in_thread,
    states,
    time_passes,
    trail_of,
    wait_until,
    woken,
)
from visits import writeback
from visits.models import Lane, Target, Writeback
from visits.writeback import lanes

pytestmark = pytest.mark.django_db(transaction=True)
State = Writeback.State


def held(ehr: Ehr) -> Event:
    """The EHR answers nobody until this is set."""
    answered = Event()
    ehr.server.choose(STATUS, lambda _: (answered.wait(30), Reply())[1])
    return answered


def test_workers_at_once_tell_everybody_once(ehr: Ehr) -> None:
    ehr.answers(Reply(delay=0.05))
    ehr.rows("connected", 12)
    for worker in [in_thread(ehr.drain) for _ in range(3)]:
        worker.join()
    ehr.drain()  # a lane that found no place is woken again
    assert sorted(call.query["ExternalID"] for call in ehr.told()) == sorted(f" {number}" for number in range(12))


def test_one_target_takes_two_places_and_hands_them_on(ehr: Ehr) -> None:
    answered = held(ehr)
    rows = [enqueue(ehr.person(f" {number}"), "connected") for number in range(3)]
    target = ehr.target
    for number, row in enumerate(rows):
        Lane.objects.get_or_create(target=target, number=number)
        Writeback.objects.filter(pk=row.pk).update(lane=number)
    workers = [in_thread(partial(writeback.drain, target.pk, number)) for number in (0, 1)]
    wait_until(lambda: len(ehr.told()) == lanes.AT_ONCE)
    woken()
    writeback.drain(target.pk, 2)
    assert len(ehr.told()) == lanes.AT_ONCE, "the third finds no place"
    answered.set()
    for worker in workers:
        worker.join()
    assert (target.pk, 2) in woken()
    writeback.drain(target.pk, 2)
    assert states() == [State.DELIVERED] * 3


@pytest.mark.parametrize("kind", lanes.SHARE)
def test_one_organization_has_its_share_of_the_workers_and_another_its_own(kind: Target.Kind, ehr: Ehr) -> None:
    for number in range(lanes.SHARE[kind]):
        beside = factories.connection(ehr.connection.organization, target=False)
        hung = Target.objects.create(connection=beside, kind=kind, name=f"hangs {number}")
        Lane.objects.create(
            target=hung, number=0, lease=uuid.uuid4(), leased_until=timezone.now() + timedelta(minutes=1)
        )
    waits = Target.objects.create(connection=ehr.connection, kind=kind, name="waits")
    others = Target.objects.create(connection=factories.connection(target=False), kind=kind)
    took = {}
    for target in (waits, others):
        Lane.objects.create(target=target, number=0)
        took[target.pk] = lanes.Lease(target.pk, 0, uuid.uuid4()).take(timezone.now())
    assert took == {waits.pk: False, others.pk: True}


def test_a_lane_that_is_leased_is_left_to_whoever_leased_it(ehr: Ehr) -> None:
    person = ehr.person()
    row = enqueue(person, "connected")
    answered = held(ehr)
    worker = in_thread(ehr.drain)
    wait_until(ehr.told)
    enqueue(person, "disconnected")
    writeback.drain(row.target_id, row.lane)
    assert (ehr.statuses(), writeback.sweep()) == (["1"], 0)
    answered.set()
    worker.join()
    assert ehr.statuses() == ["1", "2"]


def test_who_has_lost_his_lease_sends_no_more(ehr: Ehr) -> None:
    person = ehr.person()
    enqueue(person, "connected")
    answered = held(ehr)
    worker = in_thread(ehr.drain)
    wait_until(ehr.told)
    enqueue(person, "disconnected")
    Lane.objects.update(lease=uuid.uuid4())
    answered.set()
    worker.join()
    assert (ehr.statuses(), len(states())) == (["1"], 2)


def test_what_comes_while_a_lane_is_drained_wakes_the_next_worker(ehr: Ehr, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lanes, "MAX_ROWS", 1)
    person = ehr.person()
    row = enqueue(person, "waiting")
    answered = held(ehr)
    worker = in_thread(ehr.drain)
    wait_until(ehr.told)
    enqueue(person, "connected")
    answered.set()
    worker.join()
    assert woken() == [(row.target_id, row.lane)]


def test_a_worker_that_is_killed_in_the_middle_is_made_up_for(ehr: Ehr) -> None:
    ehr.answers(Reply(delay=60), Reply())
    row = enqueue(ehr.person(), "connected")
    environment = os.environ | {
        "DJANGO_SETTINGS_MODULE": "connector.settings",
        "DATABASE_URL": with_path(os.environ["DATABASE_URL"], database.settings_dict["NAME"]),
        "OUTGOING_ALLOWED_HOSTS": ehr.server.host,
    }
    script = (
        f"import django; django.setup(); from visits import writeback; writeback.drain({row.target_id}, {row.lane})"
    )
    worker = subprocess.Popen([sys.executable, "-c", script], env=environment)
    wait_until(ehr.told, seconds=60)
    worker.kill()
    worker.wait()
    time_passes(seconds=20)
    ehr.drain()
    assert len(ehr.told()) == 1, "the lease of the dead runs on"
    time_passes(seconds=lanes.LEASE_SECONDS)
    assert writeback.sweep() == 1
    ehr.drain()
    assert (ehr.statuses(), states()) == (["1", "1"], [State.DELIVERED])


def test_who_has_lost_his_lease_finishes_nothing(ehr: Ehr) -> None:
    person = ehr.person()
    row = enqueue(person, "connected")
    ehr.answers(Reply(delay=2), Reply())
    slow = in_thread(ehr.drain)
    wait_until(ehr.told)
    time_passes(seconds=lanes.LEASE_SECONDS + 5)
    ehr.drain()
    slow.join()
    row.refresh_from_db()
    assert (row.state, row.attempts, len(ehr.told())) == (State.DELIVERED, 2, 2)
    assert trail_of(person) == ["writeback-delivered"]
    assert Lane.objects.get(number=row.lane).lease is None


def test_without_a_broker_the_row_stays_and_the_sweeper_finds_it(ehr: Ehr, monkeypatch: pytest.MonkeyPatch) -> None:
    row = enqueue(ehr.person(), "connected")
    with monkeypatch.context() as outage:
        outage.setattr(app.conf, "broker_url", "redis://127.0.0.1:1/0")
        outage.setattr(app.amqp, "_producer_pool", None)
        outage.setattr(app, "_pool", None)
        writeback.wake(row.target_id, row.lane)
    assert woken() == []
    assert writeback.sweep() == 1
    assert woken() == [(row.target_id, row.lane)]
