"""What every target of writebacks has to pass, over real HTTP: the EHR's status service by token and by password, and a
repository of AuditEvents."""

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from email.utils import format_datetime

import pytest
from django.utils import timezone

from connector import keys, trail
from connector.models import Downtime, Entry, Key
from tests.servers import Reply, Request
from tests.visits import factories
from tests.visits.test_writeback.ehr import (
    AUDIT,
    REPOSITORY,
    STATUS,
    TOKEN,
    Ehr,
    enqueue,
    in_thread,
    running,
    time_passes,
)
from visits import writeback
from visits.models import Participant, Target, Writeback
from visits.writeback import targets
from visits.writeback.outbox import LANES
from visits.writeback.texts import NEVER_TRIED

State = Writeback.State
CODES = {"connected": "1", "disconnected": "2", "waiting": "3"}
PASSWORD = "kept in a key row"
PASSWORD_TOLD = "Basic ZW1wJFZJREVPVklTSVQ6a2VwdCBpbiBhIGtleSByb3c="
ERROR = {"resourceType": "OperationOutcome", "issue": [{"severity": "error", "code": "processing"}]}
SOAP = "<s:Envelope><s:Body><s:Fault><faultcode>Server</faultcode></s:Fault></s:Body></s:Envelope>"
JSON, XML, TEXT = ({"Content-Type": kind} for kind in ("application/json", "application/xml", "text/plain"))
# What a success is not, and the code that stands beside the row.
NO_SUCCESS = [
    (Reply({"Error": "ExternalID is not known."}), "error-told"),
    (Reply({"Success": False, "Status": 7}), "error-told"),
    (Reply({"Message": "An error has occurred.", "ExceptionMessage": "Timeout"}), "error-told"),
    (Reply(ERROR), "error-told"),
    (Reply("false", headers=JSON), "error-told"),
    (Reply("Error: the service is not licensed", headers=TEXT), "error-told"),
    (Reply('<?xml version="1.0"?><Error code="3"/>', headers=XML), "error-told"),
    (Reply(SOAP, headers=XML), "error-told"),
    (Reply("<!doctype html><title>Sign in</title>"), "not-understood"),
    (Reply('{"value": [{"id": "4f1c', headers=JSON), "not-understood"),
]


@dataclass
class Place:
    """A target as the contract sees it: where it is asked, how it says yes, and who is told of there."""

    ehr: Ehr
    kind: Target.Kind
    path: str
    yes: Reply
    already: Reply
    silence: str  # what a 503 is called
    refusal: str  # what a 401 that stays is called
    by_token: bool = True

    def answers(self, *replies: Reply) -> None:
        self.ehr.server.answer(self.path, *replies)

    def told(self) -> list[Request]:
        return self.ehr.server.asked(self.path)

    def row(self, who: str = factories.EXTERNAL_ID) -> Writeback:
        """Somebody has come: what this target is to be told of it."""
        person = self.ehr.person(who)
        if self.kind == Target.Kind.STATUS_SERVICE:
            return enqueue(person, "connected")
        visit = self.ehr.visit
        entry = trail.record(
            self.ehr.connection.organization, "participant-connected", visit=visit.pk, participant=person.pk
        )
        writeback.enqueue_entries(visit, [entry])
        return Writeback.objects.get(entry=entry)

    def rows(self, count: int) -> list[Writeback]:
        return [self.row(f" {number}") for number in range(count)]

    def drain(self) -> None:
        self.ehr.drain()

    def states(self) -> list[str]:
        return list(Writeback.objects.order_by("id").values_list("state", flat=True))

    def is_rested(self) -> bool:
        return self.ehr.target.open_until is None


def by_token(ehr: Ehr) -> Place:
    yes, already = Reply(), Reply(status=409)
    return Place(ehr, Target.Kind.STATUS_SERVICE, STATUS, yes, already, "ehr-unavailable", "status-unauthorized")


def by_password(ehr: Ehr) -> Place:
    kid = keys.store(ehr.connection.organization, Key.Purpose.SECRET, PASSWORD.encode()).kid
    headers = {"Epic-Client-ID": "the-client", "Epic-User-ID": "VIDEO", "Epic-User-IDType": "EXTERNAL"}
    basic = {"authentication": "basic", "user_name": "emp$VIDEOVISIT", "secret_kid": kid, "headers": headers}
    factories.approve(ehr.connection, status=basic)
    yes, already, kind = Reply(), Reply(status=409), Target.Kind.STATUS_SERVICE
    return Place(ehr, kind, STATUS, yes, already, "ehr-unavailable", "password-refused", by_token=False)


def by_audit(ehr: Ehr) -> Place:
    audit = {"address": f"{ehr.server.url}{REPOSITORY}", "client_id": "auditor", "scopes": "system/AuditEvent.c"}
    factories.approve(ehr.connection, audit=audit)
    yes, kind = Reply(status=201, headers={"Location": f"{ehr.server.url}{AUDIT}/1"}), Target.Kind.AUDIT_REPOSITORY
    ehr.server.answer(AUDIT, yes)
    return Place(ehr, kind, AUDIT, yes, Reply(), "audit-unavailable", "audit-unauthorized")


@pytest.fixture(params=[by_token, by_password, by_audit], ids=["token", "password", "audit"])
def place(request: pytest.FixtureRequest, reachable: Callable[[Ehr], Ehr]) -> Iterator[Place]:
    with running() as made:
        yield request.param(reachable(made))


@pytest.mark.django_db
def test_what_was_told_or_known_already_is_delivered_and_not_told_again(place: Place) -> None:
    rows = [place.row(" 1"), place.row(" 2")]
    place.answers(place.yes, place.already)
    place.drain()
    place.drain()
    assert len(place.told()) == 2
    for row in rows:
        row.refresh_from_db()
        assert (row.state, row.attempts, row.lease) == (State.DELIVERED, 1, None)
    assert place.is_rested()


@pytest.mark.django_db
def test_after_a_refusal_there_is_one_new_token_and_a_password_is_not_tried_again(place: Place) -> None:
    place.ehr.server.answer(TOKEN, Reply({"access_token": "first"}), Reply({"access_token": "second"}))
    place.answers(Reply(status=401))
    row = place.row()
    place.drain()
    row.refresh_from_db()
    said = [call.headers["authorization"] for call in place.told()]
    assert said == (["Bearer first", "Bearer second"] if place.by_token else [PASSWORD_TOLD])
    assert (row.state, row.code) == (State.WAITING, place.refusal)


@pytest.mark.django_db
def test_what_only_a_person_can_mend_is_tried_once_an_hour_by_one_for_all(place: Place) -> None:
    refused = Reply(status=403 if place.by_token else 401)
    place.answers(refused)
    place.rows(12)
    for hours in range(1, 4):
        place.drain()
        assert (len(place.told()), writeback.sweep()) == (hours, 0)
        time_passes(minutes=59)
        place.drain()
        assert len(place.told()) == hours
        place.row(f"later {hours}")
        time_passes(minutes=2)
    place.answers(place.yes)
    place.drain()
    place.drain()
    assert set(place.states()) == {State.DELIVERED}


@pytest.mark.django_db
def test_what_somebody_had_to_mend_is_tried_at_once_with_the_settings_that_mend_it(place: Place) -> None:
    place.answers(Reply(status=403 if place.by_token else 401))
    place.rows(3)
    place.drain()
    assert (len(place.told()), writeback.sweep()) == (1, 0)
    live = place.ehr.connection.live
    assert live
    factories.approve(place.ehr.connection, **live.settings)
    assert writeback.sweep() > 0
    place.drain()
    assert (len(place.told()), writeback.sweep()) == (2, 0), "one probe, and it rests again: nothing was mended"
    factories.approve(place.ehr.connection, **live.settings)
    place.answers(place.yes)
    place.drain()
    place.drain()
    assert set(place.states()) == {State.DELIVERED}


@pytest.mark.django_db
def test_what_waits_for_a_target_that_has_failed_all_day_is_given_up_though_others_were_tried_for_it(
    place: Place,
) -> None:
    place.answers(Reply(status=503))
    place.rows(12)
    for _ in range(23):
        place.drain()
        time_passes(hours=1)
    writeback.give_up_late()
    assert set(place.states()) == {State.WAITING}
    late = place.row("late")
    time_passes(hours=2)
    writeback.give_up_late()
    assert place.states() == [State.DEAD] * 12 + [State.WAITING]
    codes = set(Writeback.objects.exclude(pk=late.pk).values_list("code", flat=True))
    assert codes == {place.silence, NEVER_TRIED}, "some were never tried themselves"
    place.answers(place.yes)
    place.drain()
    late.refresh_from_db()
    assert (late.state, place.ehr.target.failing_since) == (State.DELIVERED, None)


@pytest.mark.django_db
def test_what_an_announced_downtime_held_up_is_kept_for_a_day_after_it(place: Place) -> None:
    place.answers(Reply(status=503))
    place.row()
    place.drain()
    time_passes(hours=30)
    now, who = timezone.now(), factories.user(place.ehr.connection.organization.tid)
    hours = {"begins_at": now - timedelta(hours=29), "ends_at": now - timedelta(hours=1)}
    Downtime.objects.create(connection=place.ehr.connection, announced_by=who, announced_by_name="Ada", **hours)
    writeback.give_up_late()
    assert place.states() == [State.WAITING]
    Downtime.objects.update(begins_at=now - timedelta(hours=29), ends_at=now - timedelta(hours=25))
    writeback.give_up_late()
    assert place.states() == [State.DEAD]


@pytest.mark.django_db
def test_a_fault_of_our_own_costs_one_row_a_try_and_stops_none_of_the_others(
    place: Place, caplog: pytest.LogCaptureFixture
) -> None:
    first, other = place.row(" 1"), place.row(" 2")
    Writeback.objects.filter(pk=other.pk).update(lane=first.lane)
    Participant.objects.filter(writebacks=first).update(external_id_sealed="v1.nobody's key.x.x")
    Entry.objects.filter(participant=first.participant_id).update(event="no such event")
    with caplog.at_level(logging.ERROR, "visits.writeback.lanes"):
        place.drain()
    for row in (first, other):
        row.refresh_from_db()
    assert (first.state, first.code, first.lease, other.state) == (State.WAITING, "unexpected", None, State.DELIVERED)
    assert [record.exc_info is not None for record in caplog.records] == [True]


@pytest.mark.django_db
def test_a_target_that_names_a_time_is_left_alone_until_then(place: Place) -> None:
    in_two_minutes = format_datetime(timezone.now() + timedelta(minutes=2), usegmt=False)
    for asked in ("90", in_two_minutes):
        place.answers(Reply(status=503, headers={"Retry-After": asked}), place.yes)
        before, rows = len(place.told()), place.rows(2)
        place.drain()
        assert len(place.told()) == before + 1, "all of it rests"
        time_passes(seconds=80)
        place.drain()
        assert len(place.told()) == before + 1
        time_passes(seconds=60)
        place.drain()
        place.drain()
        assert {Writeback.objects.get(pk=row.pk).state for row in rows} == {State.DELIVERED}


@pytest.mark.django_db
def test_what_looks_like_success_and_is_none_is_told_again(place: Place) -> None:
    service = "audit" if place.kind == Target.Kind.AUDIT_REPOSITORY else "status"
    for reply, code in NO_SUCCESS:
        place.answers(reply)
        row = place.row()
        place.drain()
        row.refresh_from_db()
        assert (row.state, row.code) == (State.WAITING, f"{service}-{code}"), reply.content()
        time_passes(seconds=10)
        place.answers(place.yes)
        place.drain()
        row.refresh_from_db()
        assert row.state == State.DELIVERED


@pytest.mark.django_db
def test_a_redirect_is_not_followed(place: Place) -> None:
    place.answers(Reply(status=302, headers={"Location": f"{place.ehr.server.url}/elsewhere"}))
    row = place.row()
    place.drain()
    row.refresh_from_db()
    assert (row.state, row.code.partition("-")[2]) == (State.WAITING, "unsupported")
    assert place.ehr.server.asked("/elsewhere") == []


@pytest.mark.django_db
def test_one_that_is_slow_for_one_person_takes_a_deadline_and_steps_aside(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(targets, "ROW_SECONDS", 1.5)
    slow, usual = Reply(status=200, delay=60), place.yes
    rows = place.rows(1)
    marks = {str(rows[0].participant_id), " 0"}
    place.ehr.server.choose(
        place.path,
        lambda asked: (
            slow if any(mark in asked.body.decode() or mark in asked.query.values() for mark in marks) else usual
        ),
    )
    place.drain()
    for number in (1, 2):
        time_passes(hours=1)
        Target.objects.update(failures=4)  # one more in a row, and it would rest
        other, before = place.row(f" {number}"), len(place.told())
        Writeback.objects.filter(pk=other.pk).update(lane=rows[0].lane)
        place.drain()
        assert len(place.told()) == before + 2, "it has cost the others of its lane one deadline"
        other.refresh_from_db()
        assert (other.state, place.is_rested()) == (State.DELIVERED, True)
    rows[0].refresh_from_db()
    assert (rows[0].state, rows[0].code, rows[0].attempts) == (State.WAITING, "no-answer-in-time", 3)


@pytest.mark.django_db
def test_a_target_that_is_down_rests_and_is_probed_once(place: Place) -> None:
    place.answers(Reply(status=503))
    rows = place.rows(8)
    place.drain()
    assert (len(place.told()), place.is_rested()) == (5, False)
    time_passes(seconds=5)
    place.drain()
    assert len(place.told()) == 6
    assert {Writeback.objects.get(pk=row.pk).code for row in rows} == {place.silence, ""}
    place.answers(place.yes)
    time_passes(seconds=15)
    place.drain()
    place.drain()
    assert set(place.states()) == {State.DELIVERED}


@pytest.mark.django_db
def test_nothing_is_told_during_an_announced_downtime(place: Place) -> None:
    now, who = timezone.now(), factories.user(place.ehr.connection.organization.tid)
    hours = {"begins_at": now - timedelta(hours=1), "ends_at": now + timedelta(hours=1)}
    Downtime.objects.create(connection=place.ehr.connection, announced_by=who, announced_by_name="Ada", **hours)
    place.row()
    place.drain()
    assert (place.told(), writeback.sweep()) == ([], 0)
    Downtime.objects.update(ends_at=now)
    place.drain()
    assert place.states() == [State.DELIVERED]


@pytest.mark.django_db(transaction=True)
def test_no_more_are_asked_at_once_than_there_are_lanes(place: Place) -> None:
    place.answers(Reply(status=place.yes.status, delay=0.1))
    place.rows(16)
    for worker in [in_thread(place.drain) for _ in range(LANES + 4)]:
        worker.join()
    place.drain()
    assert 1 < place.ehr.server.most_at_once <= LANES
    assert (len(place.told()), set(place.states())) == (16, {State.DELIVERED})
