"""Who leaves may come back: the EHR is told that he left only when he did not."""

from datetime import timedelta
from typing import Any

import pytest
from django.db.models import F
from django.utils import timezone

from tests.servers import Reply
from tests.visits import factories
from tests.visits.test_writeback.ehr import Ehr, enqueue, states
from visits import facts, presence, writeback
from visits.models import Fact, Participant, Writeback

pytestmark = pytest.mark.django_db
State = Writeback.State


@pytest.fixture
def patient_ehr(ehr: Ehr) -> Ehr:
    """An EHR that is told ten seconds late that somebody has left."""
    factories.approve(ehr.connection, rejoin_seconds=10)
    return ehr


def wait(seconds: float) -> None:
    Writeback.objects.update(next_at=F("next_at") - timedelta(seconds=seconds))


def seen(person: Participant, kind: Fact.Kind, second: int) -> None:
    """Graph tells that this clinician came or left, `second` seconds after a minute ago."""
    assert person.user is not None
    at = timezone.now() - timedelta(minutes=1) + timedelta(seconds=second)
    who: dict[str, Any] = {"participant_key": "seat", "oid": str(person.user.oid)}
    assert facts.record(person.visit, kind=kind, at=at, event_id=f"{second}", source="subscription:1", **who)


def test_who_left_is_told_of_when_the_grace_is_over(patient_ehr: Ehr) -> None:
    person = patient_ehr.person()
    enqueue(person, "connected")
    patient_ehr.drain()
    enqueue(person, "disconnected")
    patient_ehr.drain()
    wait(9)
    patient_ehr.drain()
    assert (patient_ehr.statuses(), writeback.sweep()) == (["1"], 0)
    wait(2)
    assert writeback.sweep() == 1
    patient_ehr.drain()
    assert patient_ehr.statuses() == ["1", "2"]


def test_who_comes_back_in_time_has_never_left(patient_ehr: Ehr) -> None:
    person = patient_ehr.person()
    enqueue(person, "connected")
    patient_ehr.drain()
    for presence_word in ("disconnected", "connected", "disconnected", "connected"):
        enqueue(person, presence_word)
        patient_ehr.drain()
    wait(60)
    patient_ehr.drain()
    assert set(patient_ehr.statuses()) == {"1"}
    assert "2" not in patient_ehr.statuses()
    assert states()[-1] == State.DELIVERED
    assert State.WAITING not in states()


def test_the_grace_counts_from_when_he_left_not_from_when_we_heard(patient_ehr: Ehr) -> None:
    person, now = patient_ehr.person(), timezone.now()
    writeback.enqueue(person, "disconnected", now - timedelta(seconds=30))
    patient_ehr.drain()
    assert patient_ehr.statuses() == ["2"]
    [row] = writeback.enqueue(person, "disconnected", now + timedelta(hours=3))
    assert row.next_at <= timezone.now() + timedelta(seconds=10), "Microsoft's clock is not ours"


def test_what_an_outage_held_is_not_told_of_somebody_who_has_just_left(patient_ehr: Ehr) -> None:
    person = patient_ehr.person()
    patient_ehr.answers(Reply(status=503))
    enqueue(person, "connected")
    patient_ehr.drain()
    enqueue(person, "disconnected")
    patient_ehr.answers(Reply())
    wait(5)
    patient_ehr.drain()
    assert patient_ehr.statuses() == ["1"], "only what failed"
    wait(6)
    patient_ehr.drain()
    assert patient_ehr.statuses() == ["1", "2"]
    assert states() == [State.SUPERSEDED, State.DELIVERED]


def test_only_leaving_waits(patient_ehr: Ehr) -> None:
    person = patient_ehr.person()
    for presence_word in ("waiting", "connected"):
        enqueue(person, presence_word)
        patient_ehr.drain()
    assert patient_ehr.statuses() == ["3", "1"]


def test_a_clinician_whose_call_drops_for_a_moment_is_shown_as_here_throughout(patient_ehr: Ehr) -> None:
    doctor = factories.participant(patient_ehr.visit, "provider")
    for second, kind in ((40, Fact.Kind.CONNECTED), (58, Fact.Kind.DISCONNECTED)):
        seen(doctor, kind, second)
        presence.refold(patient_ehr.visit.pk)
        patient_ehr.drain()
    assert patient_ehr.statuses() == ["1"]
    seen(doctor, Fact.Kind.CONNECTED, 59)
    presence.refold(patient_ehr.visit.pk)
    wait(60)
    patient_ehr.drain()
    assert patient_ehr.statuses() == ["1", "1"]
    assert State.WAITING not in states()
