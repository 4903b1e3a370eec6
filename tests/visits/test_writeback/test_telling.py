"""What the EHR is told, and what it is not told."""

from datetime import timedelta

import pytest
from django.utils import timezone

from connector.models import Connection, Downtime, Environment
from tests.servers import Reply
from tests.visits import factories
from tests.visits.test_writeback.ehr import Ehr, enqueue, states, trail_of
from visits import writeback
from visits.models import Target, Writeback

pytestmark = pytest.mark.django_db(transaction=True)
State = Writeback.State
DOWN = Reply(status=503)


def test_a_state_is_told_once(ehr: Ehr) -> None:
    person = ehr.person()
    row = enqueue(person, "connected")
    ehr.drain()
    ehr.drain()
    assert ehr.statuses() == ["1"]
    row.refresh_from_db()
    assert (row.state, row.code, row.attempts, row.lease) == (State.DELIVERED, "accepted", 1, None)
    assert row.finished_at is not None
    assert trail_of(person) == ["writeback-delivered"]


def test_ids_reach_the_ehr_as_it_gave_them(ehr: Ehr) -> None:
    enqueue(ehr.person(" 165790"), "connected")
    ehr.drain()
    [call] = ehr.told()
    assert call.query["ExternalID"] == " 165790"
    assert call.query["ExternalIDType"] == factories.EXTERNAL_ID_TYPE
    assert call.query["ConferenceID"] == factories.CONFERENCE_ID
    assert call.headers["authorization"] == "Bearer first"


def test_only_the_current_state_is_told(ehr: Ehr) -> None:
    person = ehr.person()
    for presence in ("waiting", "connected", "disconnected"):
        enqueue(person, presence)
    ehr.drain()
    assert ehr.statuses() == ["2"]
    assert states() == [State.SUPERSEDED, State.SUPERSEDED, State.DELIVERED]
    assert trail_of(person) == ["writeback-superseded", "writeback-superseded", "writeback-delivered"]


def test_a_newer_state_goes_at_once_in_place_of_one_that_failed(ehr: Ehr) -> None:
    person = ehr.person()
    ehr.answers(DOWN, Reply())
    enqueue(person, "connected")
    ehr.drain()
    enqueue(person, "disconnected")
    ehr.drain()
    assert ehr.statuses() == ["1", "2"]
    assert states() == [State.SUPERSEDED, State.DELIVERED]


def test_the_trail_tells_code_presence_and_delay(ehr: Ehr) -> None:
    person = ehr.person()
    writeback.enqueue(person, "connected", timezone.now() - timedelta(seconds=90))
    ehr.drain()
    entry = ehr.connection.organization.trail.get(event="writeback-delivered")
    assert (entry.visit, entry.detail["code"], entry.detail["presence"]) == (ehr.visit.pk, "accepted", "connected")
    assert 90 <= int(entry.detail["seconds"]) <= 100


def test_a_presence_without_a_code_is_not_written(ehr: Ehr) -> None:
    factories.approve(ehr.connection, codes={"connected": "1", "disconnected": "2"})
    assert writeback.enqueue(ehr.person(), "waiting", timezone.now()) == []
    assert (Writeback.objects.count(), Target.objects.count()) == (0, 0)


def test_production_tells_nothing_until_both_codes_are_known(ehr: Ehr) -> None:
    ehr.connection.environment = Environment.PRODUCTION
    factories.approve(ehr.connection, codes={"connected": "1"})
    assert writeback.enqueue(ehr.person(), "connected", timezone.now()) == []
    factories.approve(ehr.connection, codes={"connected": "1", "disconnected": "2"})
    assert len(writeback.enqueue(ehr.person(), "connected", timezone.now())) == 1


def announced(connection: Connection, ends_in: timedelta) -> Downtime:
    now, who = timezone.now(), factories.user(connection.organization.tid)
    return Downtime.objects.create(
        connection=connection,
        begins_at=now - timedelta(hours=2),
        ends_at=now + ends_in,
        announced_by=who,
        announced_by_name="Ada Lindqvist",
    )


def test_an_ehr_in_its_announced_downtime_is_left_alone(ehr: Ehr) -> None:
    enqueue(ehr.person(), "connected")
    announced(ehr.connection, timedelta(hours=1))
    ehr.drain()
    assert (ehr.told(), states(), writeback.sweep()) == ([], [State.WAITING], 0)


def test_a_downtime_that_is_over_holds_nothing(ehr: Ehr) -> None:
    enqueue(ehr.person(), "connected")
    announced(ehr.connection, -timedelta(minutes=1))
    ehr.drain()
    assert states() == [State.DELIVERED]


def test_a_suspended_connection_still_tells_who_has_left(ehr: Ehr) -> None:
    enqueue(ehr.person(), "disconnected")
    ehr.connection.suspended = True
    ehr.connection.save()
    ehr.drain()
    assert states() == [State.DELIVERED]
