"""AuditEvents made of the trail, read back by a second implementation of FHIR."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from fhir.resources.R4B.auditevent import AuditEvent

from connector import trail
from connector.models import Entry
from tests.visits import factories
from visits import audit_event
from visits.models import Participant, Visit

pytestmark = pytest.mark.django_db
NINE = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


def entry(visit: Visit, event: str, *, after: int = 0, who: Participant | None = None, **detail: str) -> Entry:
    """A line of the trail, some minutes after nine."""
    made = trail.record(
        visit.connection.organization,
        event,
        at=NINE + timedelta(minutes=after),
        visit=visit.pk,
        participant=who.pk if who else None,
        **detail,
    )
    return Entry.objects.get(pk=made.pk)


def read_back(line: Entry) -> Any:
    """What the other implementation makes of an entry; raises where it is no AuditEvent."""
    return AuditEvent.model_validate(audit_event.render(line))


def codes(event: Any) -> list[tuple[str, str]]:
    return [(coding.system.rpartition("/")[2], coding.code) for coding in event.subtype]


@pytest.mark.parametrize("name", sorted(audit_event.EVENTS))
def test_every_presence_entry_is_a_valid_audit_event(name: str) -> None:
    visit = factories.visit()
    who = factories.participant(visit) if name.startswith("participant") else None
    line = entry(visit, name, who=who, reason="grace")
    event = read_back(line)
    assert (event.type.system, event.type.code) == ("http://dicom.nema.org/resources/ontology/DCM", "110100")
    assert codes(event)[0] == ("event", name)
    assert event.recorded == line.recorded_at
    assert [agent.requestor for agent in event.agent] == [True, False]
    assert event.agent[1].type.coding[0].code == "110150"
    assert (event.action, event.outcome, event.source.type[0].code) == ("E", "0", "4")
    assert event.entity[0].what.identifier.value == f"urn:uuid:{visit.pk}"
    assert [(detail.type, detail.valueString) for detail in event.entity[0].detail] == [("reason", "grace")]


@pytest.mark.parametrize(
    ("presence", "second"),
    [("connected", "110124"), ("disconnected", "110125"), ("waiting", None), ("lobby", None), ("gone", None)],
)
def test_dicom_names_only_coming_into_and_leaving_the_call(presence: str, second: str | None) -> None:
    event = read_back(entry(factories.visit(), f"outsider-{presence}"))
    assert codes(event)[1:] == ([("DCM", second)] if second else [])


@pytest.mark.parametrize(("role", "code"), [("provider", "PROV"), ("patient", "PAT"), ("proxy", "AGNT")])
def test_the_person_has_a_role_and_an_opaque_id(role: str, code: str) -> None:
    visit = factories.visit()
    who = factories.participant(visit, role)
    person = audit_event.render(entry(visit, "participant-connected", who=who))["agent"][0]
    assert person["type"]["coding"][0]["code"] == code
    assert person["who"] == {"identifier": {"system": "urn:ietf:rfc:3986", "value": f"urn:uuid:{who.pk}"}}


def test_an_entry_outlives_its_participant() -> None:
    visit = factories.visit()
    who = factories.participant(visit)
    line = entry(visit, "participant-connected", who=who)
    Participant.objects.all().delete()
    person = read_back(line).agent[0]
    assert (person.type, person.who.identifier.value) == (None, f"urn:uuid:{who.pk}")


def period(visit: Visit, event: str, *, after: int, who: Participant | None = None) -> dict[str, Any]:
    """The period of another entry, in minutes after nine."""
    rendered = read_back(entry(visit, event, after=after, who=who)).period
    named = {"start": rendered.start, "end": rendered.end}
    return {name: (at - NINE) // timedelta(minutes=1) for name, at in named.items() if at}


def test_the_period_of_a_call_runs_from_when_its_participant_came() -> None:
    visit = factories.visit()
    who, another = factories.participant(visit), factories.participant(visit, "provider")
    assert period(visit, "participant-waiting", after=1, who=who) == {"start": 1}
    assert period(visit, "participant-connected", after=3, who=who) == {"start": 3}
    assert period(visit, "participant-connected", after=4, who=another) == {"start": 4}
    assert period(visit, "participant-disconnected", after=9, who=who) == {"start": 3, "end": 9}
    assert period(visit, "participant-lobby", after=12, who=who) == {"start": 12}
    assert period(visit, "participant-disconnected", after=15, who=who) == {"start": 12, "end": 15}


def test_of_an_outsider_only_the_end_is_known() -> None:
    visit = factories.visit()
    entry(visit, "outsider-connected")
    assert period(visit, "outsider-disconnected", after=5) == {"end": 5}


def test_nothing_of_the_ehr_and_no_name_is_in_it() -> None:
    visit = factories.visit(session="CSN-4711")
    who = factories.participant(visit, external_id="WPR-165790")
    rendered = json.dumps(audit_event.render(entry(visit, "participant-connected", who=who)))
    for secret in (
        "CSN-4711",
        "WPR-165790",
        who.ehr_user_hash,
        visit.unseal("meeting_id"),
        visit.connection.organization.name,
    ):
        assert secret not in rendered


def test_what_is_no_presence_is_refused() -> None:
    with pytest.raises(ValueError, match="launched"):
        audit_event.render(entry(factories.visit(), "launched"))


def exported(line: Entry) -> Any:
    """An entry as the export has it."""
    (rendered,) = audit_event.render_all(Entry.objects.filter(pk=line.pk))
    return AuditEvent.model_validate(rendered)


def test_what_is_no_presence_is_exported_as_an_audit_event_of_a_moment() -> None:
    visit = factories.visit()
    event = exported(entry(visit, "launched", who=factories.participant(visit), door="patient"))
    assert codes(event) == [("event", "launched")]
    assert event.period.start == event.period.end == NINE
    assert [agent.requestor for agent in event.agent] == [True, False]


def test_what_names_neither_a_visit_nor_a_person_names_the_connector_alone() -> None:
    visit = factories.visit()
    line = trail.record(visit.connection.organization, "board-opened", door="board", department="")
    event = exported(line)
    assert [agent.requestor for agent in event.agent] == [False]
    assert [(event.entity[0].name, [detail.type for detail in event.entity[0].detail])] == [("board-opened", ["door"])]
    bare = trail.record(visit.connection.organization, "board-opened")
    assert exported(bare).entity is None


def test_many_at_once_are_rendered_as_each_is_alone() -> None:
    visit = factories.visit()
    patient = factories.participant(visit)
    told = ("participant-waiting", "participant-connected", "participant-disconnected", "participant-gone")
    for after, event in enumerate(told):
        entry(visit, event, after=after, who=patient)
    entry(visit, "outsider-gone", after=9)
    alone = [audit_event.render(line) for line in Entry.objects.order_by("id")]
    assert list(audit_event.render_all(Entry.objects.order_by("id"))) == alone
