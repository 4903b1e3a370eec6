"""What only a repository of AuditEvents is told, and when it is left alone."""

from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qs

import pytest
from django.utils import timezone
from fhir.resources.R4B.auditevent import AuditEvent

from connector import trail
from connector.models import Entry
from tests.servers import Reply
from tests.visits import factories
from tests.visits.test_writeback.ehr import AUDIT, REPOSITORY, TOKEN, Ehr, states, time_passes
from visits import facts, forgetting, presence, timeline, writeback
from visits.models import Fact, Participant, Target, Visit, Writeback

pytestmark = pytest.mark.django_db
State = Writeback.State
CREATED = Reply(status=201)
TURNED_OFF = {
    400: "audit-refused",
    404: "audit-not-found",
    405: "audit-not-offered",
    412: "audit-not-conditional",
    422: "audit-refused",
    501: "audit-not-offered",
}


@pytest.fixture
def repository(ehr: Ehr) -> Ehr:
    """The EHR with a repository beside it, which takes what it is sent."""
    settle(ehr)
    ehr.server.answer(AUDIT, CREATED)
    return ehr


def settle(ehr: Ehr) -> None:
    """Another revision goes live, which names the repository."""
    factories.approve(ehr.connection, audit={"address": f"{ehr.server.url}{REPOSITORY}", "client_id": "auditor"})


def tell(ehr: Ehr, event: str, who: Participant | None = None, at: datetime | None = None) -> Writeback:
    """A presence entry of the trail and the row that tells it."""
    organization, visit = ehr.connection.organization, ehr.visit
    entry = trail.record(organization, event, at=at, visit=visit.pk, participant=who.pk if who else None)
    writeback.enqueue_entries(visit, [entry])
    return Writeback.objects.get(entry=entry)


def read(body: bytes) -> Any:
    """What a second implementation of FHIR makes of it; raises where it is no AuditEvent."""
    return AuditEvent.model_validate_json(body)


def off(ehr: Ehr) -> Target:
    return Target.objects.get(connection=ehr.connection, kind=Target.Kind.AUDIT_REPOSITORY)


def fact(visit: Visit, kind: Fact.Kind, minute: int, **who: Any) -> None:
    """Something that Graph told: one patient is sent in first."""
    at = timezone.now() - timedelta(minutes=30 - minute)
    assert facts.record(visit, kind=kind, at=at, event_id=f"{kind}-{minute}", source="subscription:1", **who)


def test_every_presence_entry_arrives_with_its_time_and_of_nobody_known_too(repository: Ehr) -> None:
    visit, doctor = repository.visit, factories.participant(repository.visit, "provider")
    assert doctor.user is not None
    for minute, kind in enumerate((Fact.Kind.CONNECTED, Fact.Kind.DISCONNECTED, Fact.Kind.CONNECTED)):
        fact(visit, kind, minute, participant_key="seat", oid=str(doctor.user.oid))
    fact(visit, Fact.Kind.LOBBY, 4, participant_key="visitor", oid="")
    presence.refold(visit.pk)
    presence.refold(visit.pk)
    repository.drain()
    sent = [read(call.body) for call in repository.server.asked(AUDIT)]
    told = sorted((one.subtype[0].code, one.period.end or one.period.start) for one in sent)
    entries = Entry.objects.filter(visit=visit.pk).exclude(event__startswith="writeback")
    assert told == sorted((one.event, one.at) for one in entries)
    assert {one.event for one in entries} >= {"participant-connected", "participant-disconnected", "outsider-lobby"}
    [status] = repository.statuses()
    assert status == "1", "the status service is told the present state alone"


def test_a_repeat_makes_no_second_row(repository: Ehr) -> None:
    repository.server.answer(AUDIT, Reply(hang_up=True), Reply(status=200))
    row = tell(repository, "outsider-connected")
    repository.drain()
    time_passes(seconds=10)
    repository.drain()
    first, second = repository.server.asked(AUDIT)
    assert first.headers["if-none-exist"] == second.headers["if-none-exist"]
    [condition] = parse_qs(first.headers["if-none-exist"])["_tag"]
    tag = read(first.body).meta.tag[0]
    assert condition == f"{tag.system}|{tag.code}"
    assert first.headers["content-type"] == "application/fhir+json"
    row.refresh_from_db()
    assert (row.state, row.code) == (State.DELIVERED, "audit-already")
    another = tell(repository, "outsider-connected")
    repository.drain()
    assert repository.server.requests[-1].headers["if-none-exist"] != first.headers["if-none-exist"]
    assert another.entry != row.entry


def test_the_token_is_asked_for_the_repositorys_client_and_on_a_host_that_was_approved(repository: Ehr) -> None:
    tell(repository, "outsider-lobby")
    repository.drain()
    [asked] = repository.server.asked(TOKEN)
    assert asked.form["scope"] == "system/AuditEvent.write"
    elsewhere = {
        "authorization_endpoint": "https://elsewhere.example/a",
        "token_endpoint": "https://elsewhere.example/t",
    }
    repository.server.answer("/other/.well-known/smart-configuration", Reply(elsewhere))
    factories.approve(repository.connection, audit={"address": f"{repository.server.url}/other"})
    row = tell(repository, "outsider-connected")
    repository.drain()
    row.refresh_from_db()
    assert (row.state, row.code) == (State.WAITING, "ehr-host-changed")


@pytest.mark.parametrize("answer", [400, 403, 404, 405])
def test_a_page_of_something_in_front_of_the_repository_turns_nothing_off(repository: Ehr, answer: int) -> None:
    repository.server.answer(AUDIT, Reply("<!doctype html><title>Down</title>", answer), CREATED)
    row = tell(repository, "outsider-connected")
    repository.drain()
    row.refresh_from_db()
    assert (row.state, row.code) == (State.WAITING, "audit-not-understood")
    time_passes(seconds=10)
    repository.drain()
    assert states() == [State.DELIVERED]


@pytest.mark.parametrize(("answer", "code"), TURNED_OFF.items())
def test_a_repository_that_takes_none_is_turned_off_until_another_revision_is_live(
    repository: Ehr, answer: int, code: str
) -> None:
    repository.server.answer(AUDIT, Reply(status=answer))
    rows = [tell(repository, "outsider-connected") for _ in range(3)]
    repository.drain()
    time_passes(hours=5)
    repository.drain()
    assert len(repository.server.asked(AUDIT)) == 1, "no storm"
    target = off(repository)
    assert (target.off_code, target.off_under, target.off_since is None) == (code, repository.connection.live, False)
    assert writeback.sweep() == 0
    settle(repository)
    repository.server.answer(AUDIT, CREATED)
    repository.drain()
    assert {Writeback.objects.get(pk=row.pk).state for row in rows} == {State.DELIVERED}


def test_an_administrator_may_have_it_tried_again(repository: Ehr) -> None:
    repository.server.answer(AUDIT, Reply(status=405), CREATED)
    tell(repository, "outsider-connected")
    repository.drain()
    assert writeback.switch_on(off(repository))
    assert not writeback.switch_on(off(repository)), "it is on"
    repository.drain()
    assert states() == [State.DELIVERED]


def test_what_waits_for_a_day_is_given_up_so_that_the_visit_can_be_forgotten_and_can_be_sent_again(
    repository: Ehr,
) -> None:
    repository.server.answer(AUDIT, Reply(status=405), CREATED)
    row, late = tell(repository, "outsider-connected"), tell(repository, "outsider-disconnected")
    repository.drain()
    assert writeback.give_up_late() == 0
    time_passes(hours=25)
    assert writeback.give_up_late() == 2
    row.refresh_from_db()
    assert (row.state, row.code) == (State.DEAD, "audit-not-offered")
    writeback.switch_on(off(repository))
    assert writeback.send_again(late).pk == late.pk
    repository.drain()
    assert states() == [State.DEAD, State.DELIVERED]
    Visit.objects.update(ended_at=timezone.now() - timedelta(days=400))
    assert (forgetting.forget(), Writeback.objects.count()) == (1, 0)
    assert Entry.objects.filter(event="outsider-connected").exists(), "the trail has it"


def test_where_the_settings_name_no_repository_any_more_nothing_is_told(repository: Ehr) -> None:
    row = tell(repository, "outsider-connected")
    factories.approve(repository.connection)
    repository.drain()
    row.refresh_from_db()
    assert (row.state, row.code) == (State.SUPERSEDED, "audit-not-wanted")
    entry = trail.record(repository.connection.organization, "outsider-lobby", visit=repository.visit.pk)
    writeback.enqueue_entries(repository.visit, [entry])
    assert not Writeback.objects.filter(entry=entry).exists()
    assert repository.server.asked(AUDIT) == []


def test_each_of_several_repositories_is_told_on_its_own(repository: Ehr) -> None:
    second = "/archive/R4/AuditEvent"
    found = {
        "authorization_endpoint": f"{repository.server.url}/a",
        "token_endpoint": f"{repository.server.url}{TOKEN}",
    }
    repository.server.answer("/archive/R4/.well-known/smart-configuration", Reply(found))
    first = {"address": f"{repository.server.url}{REPOSITORY}"}
    archive = {"address": f"{repository.server.url}/archive/R4", "name": "Archive"}
    factories.approve(repository.connection, audit=[first, archive])
    repository.server.answer(second, Reply(status=405))
    entry = trail.record(repository.connection.organization, "outsider-connected", visit=repository.visit.pk)
    writeback.enqueue_entries(repository.visit, [entry])
    repository.drain()
    assert len(repository.server.asked(AUDIT)) == len(repository.server.asked(second)) == 1
    assert states() == [State.DELIVERED, State.WAITING]
    plain, named = Target.objects.filter(kind=Target.Kind.AUDIT_REPOSITORY).order_by("name")
    assert (plain.off_under, named.off_code) == (None, "audit-not-offered")

    # The address was wrong: what waits under this name goes to the right one, and nobody is told twice.
    repository.server.answer("/right/R4/.well-known/smart-configuration", Reply(found))
    repository.server.answer("/right/R4/AuditEvent", CREATED)
    right = archive | {"address": f"{repository.server.url}/right/R4"}
    factories.approve(repository.connection, audit=[first, right])
    repository.drain()
    assert states() == [State.DELIVERED, State.DELIVERED]
    assert [len(repository.server.asked(path)) for path in (AUDIT, second, "/right/R4/AuditEvent")] == [1, 1, 1]
    told = [str(step.what) for step in timeline.of(repository.visit) if step.how == "written"]
    assert sorted(told) == [
        "The AuditEvent repository was told: In the visit",
        "The AuditEvent repository was told: In the visit (Archive)",
    ]


def test_an_outage_of_the_repository_keeps_nothing_from_the_ehr(repository: Ehr) -> None:
    repository.server.answer(AUDIT, Reply(status=503))
    for _ in range(6):
        tell(repository, "outsider-connected")
    writeback.enqueue(repository.person(), "connected", timezone.now())
    repository.drain()
    assert (repository.statuses(), off(repository).open_until is None) == (["1"], False)
