"""The timeline of a visit: what was seen, inferred, written and superseded, and who it was as far as anybody knows."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from urllib.parse import urlsplit

import pytest
from bs4 import BeautifulSoup
from django.core.cache import cache
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import Settings

from connector import trail
from connector.models import Entry
from tests.portal.steps import words
from tests.servers import Reply
from tests.visits import factories
from tests.visits.test_writeback.ehr import AUDIT, REPOSITORY, Ehr, enqueue, running
from visits import browsers, facts, handles, presence, timeline, writeback
from visits.models import Fact, Launch, Participant, Target, Visit
from visits.timeline import Step

pytestmark = pytest.mark.django_db
NOW = timezone.now().replace(microsecond=0)


def ago(minutes: float) -> datetime:
    return NOW - timedelta(minutes=minutes)


def roster(visit: Visit, kind: Fact.Kind, minutes: float, *, key: str, oid: str = "") -> None:
    """Graph tells of somebody, or of the call."""
    source, event_id = "subscription:1", f"{kind}-{minutes}-{key}"
    assert facts.record(
        visit, kind=kind, participant_key=key, oid=oid, at=ago(minutes), event_id=event_id, source=source
    )


def page_fact(person: Participant, kind: Fact.Kind, minutes: float) -> None:
    assert facts.record(
        person.visit,
        kind=kind,
        participant_key=str(person.id),
        at=ago(minutes),
        event_id=f"{kind}-{minutes}",
        source=facts.PAGE,
    )


def told(steps: list[Step]) -> list[tuple[str, str, str]]:
    """(who, what, how) of each line."""
    return [(str(step.who), str(step.what), step.how) for step in steps]


def test_what_was_seen_is_told_apart_from_what_was_worked_out() -> None:
    visit = factories.visit()
    patient, doctor = factories.participant(visit), factories.participant(visit, "provider")
    assert doctor.user is not None
    page_fact(patient, Fact.Kind.WAITING, 60)
    page_fact(patient, Fact.Kind.SENT, 58)
    roster(visit, Fact.Kind.CONNECTED, 57, key="d", oid=str(doctor.user.oid))
    roster(visit, Fact.Kind.LOBBY, 56, key="v")
    roster(visit, Fact.Kind.CONNECTED, 55, key="v")
    roster(visit, Fact.Kind.LOBBY, 50, key="w")
    roster(visit, Fact.Kind.DISCONNECTED, 45, key="w")
    roster(visit, Fact.Kind.CALL_ENDED, 40, key="call")
    presence.refold(visit.pk)
    steps = [step for step in timeline.of(visit) if step.how in {"seen", "inferred"}]
    *before, one, other = told(steps)
    assert sorted([one, other]) == [("Clinician", "Has left", "inferred"), ("Patient", "Has left", "inferred")]
    assert before == [
        ("Patient", "On the waiting page", "seen"),
        ("Clinician", "In the visit", "seen"),
        ("Patient", "In the Teams lobby", "inferred"),
        ("Patient", "In the visit", "inferred"),
        ("Somebody else", "In the Teams lobby", "seen"),
        ("Somebody else", "Has left", "seen"),
    ]
    assert [step.at for step in steps] == [ago(minutes) for minutes in (60, 57, 56, 55, 50, 45, 40, 40)]
    assert all(step.heard_at for step in steps), "we heard of it all at once, much later"


def test_a_page_that_fell_silent_told_nobody_and_is_worked_out() -> None:
    visit = factories.visit()
    for person in (factories.participant(visit), factories.participant(visit, "provider")):
        page_fact(person, Fact.Kind.WAITING, 60)
        page_fact(person, Fact.Kind.GONE, 50)
    presence.refold(visit.pk)
    steps = told(timeline.of(visit))
    assert {(what, how) for _, what, how in steps if what == "No longer waiting"} == {("No longer waiting", "inferred")}
    assert {how for _, what, how in steps if what == "On the waiting page"} == {"seen"}


def test_what_a_report_told_afterwards_is_called_that() -> None:
    visit = factories.visit()
    doctor = factories.participant(visit, "provider")
    organization = visit.connection.organization
    for event, detail in (("participant-connected", {"told": "report"}), ("participant-gone", {})):
        trail.record(organization, event, at=ago(5), visit=visit.pk, participant=doctor.pk, **detail)
    assert [how for _, _, how in told(timeline.of(visit))] == ["reported", "inferred"]


@pytest.fixture
def ehr(settings: Settings) -> Iterator[Ehr]:
    cache.clear()
    with running() as made:
        settings.OUTGOING_ALLOWED_HOSTS = frozenset({made.server.host})
        yield made


def test_what_was_written_superseded_given_up_and_still_waits(ehr: Ehr) -> None:
    factories.approve(ehr.connection, audit={"address": f"{ehr.server.url}{REPOSITORY}", "client_id": "auditor"})
    ehr.server.answer(AUDIT, Reply(status=201))
    person = ehr.person()
    for word in ("waiting", "connected"):
        enqueue(person, word)
    entry = trail.record(ehr.connection.organization, "outsider-lobby", visit=ehr.visit.pk)
    writeback.enqueue_entries(ehr.visit, [entry])
    ehr.drain()
    ehr.answers(Reply(status=400))
    enqueue(person, "disconnected")
    ehr.drain()
    enqueue(person, "connected")
    found = [(str(step.what), step.how, step.detail.get("code")) for step in timeline.of(ehr.visit)[1:]]
    assert sorted(found) == sorted(
        [
            ("The EHR was not told: Waiting", "superseded", ""),
            ("The EHR was told: In the visit", "written", "accepted"),
            ("The AuditEvent repository was told: In the Teams lobby", "written", "accepted"),
            ("The EHR was not told: Has left", "given-up", "status-refused"),
            ("To be told to the EHR: In the visit", "waiting", ""),
        ]
    )
    waits = next(step for step in timeline.of(ehr.visit) if step.how == "waiting")
    assert str(waits.answer) == "Not tried yet."
    Target.objects.update(open_until=timezone.now() + timedelta(minutes=1))
    waits = next(step for step in timeline.of(ehr.visit) if step.how == "waiting")
    assert "left alone for a while" in str(waits.answer)
    refused = next(step for step in timeline.of(ehr.visit) if step.how == "given-up")
    assert refused.reason is not None
    assert "does not know this visit" in str(refused.reason.what)


def test_entries_of_before_there_were_several_targets_are_read() -> None:
    visit = factories.visit()
    trail.record(
        visit.connection.organization,
        "writeback-delivered",
        visit=visit.pk,
        code="accepted",
        presence="waiting",
        seconds="1",
    )
    assert told(timeline.of(visit)) == [("Somebody else", "The EHR was told: Waiting", "written")]


def opened(person: Participant, door: str) -> tuple[Client, str]:
    """Somebody's browser, and the handle of his page."""
    launch = Launch(connection=person.visit.connection, door=door, participant=person, redeemed_at=timezone.now())
    launch.state_hash = browsers.hash_of(str(launch.id))
    launch.save(force_insert=True)
    return Client(), handles.issue(launch)


def test_a_clinician_of_the_visit_reads_it_and_finds_back() -> None:
    visit = factories.visit()
    doctor = factories.participant(visit, "provider")
    trail.record(visit.connection.organization, "launched", visit=visit.pk, participant=doctor.pk)
    client, handle = opened(doctor, "provider")
    answer = client.get(reverse("timeline", args=[handle]))
    shown = BeautifulSoup(answer.content, "html.parser")
    assert answer.status_code == 200
    assert "Pressed the button in the EHR" in words(shown.main)
    back = next(link for link in shown.select("main a") if "Back to the visit" in link.text)
    assert client.get(urlsplit(str(back["href"])).path).status_code == 200, "the handle goes on"
    for secret in (factories.CONFERENCE_ID.strip(), factories.EXTERNAL_ID.strip(), str(doctor.pk)):
        assert secret not in answer.content.decode()


def test_nobody_else_does() -> None:
    visit = factories.visit()
    client, handle = opened(factories.participant(visit), "patient")
    assert client.get(reverse("timeline", args=[handle])).status_code == 410
    assert client.get(reverse("timeline", args=["no-handle"])).status_code == 410
    assert Entry.objects.filter(visit=visit.pk).count() == 0
