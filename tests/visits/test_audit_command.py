"""`manage.py audit` as its reader has it: what it prints, and the exit code that a script sees."""

import json
import uuid
from typing import Any

import pytest
from django.core.management import ManagementUtility
from fhir.resources.R4B.auditevent import AuditEvent

from connector import trail
from connector.models import Entry, Organization
from tests.visits import factories

# A command closes the database's connections when it ends, and a transaction of the test with them.
pytestmark = pytest.mark.django_db(transaction=True)
BROKEN = "The chain breaks at entry {}: it was changed, removed or put elsewhere."


class Audit:
    """Runs `manage.py audit`."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self.capsys = capsys

    def __call__(self, action: str, tenant: object) -> tuple[int, str, str]:
        """(exit code, what it printed, what it complained of)."""
        code: object = 0
        try:
            ManagementUtility(["manage.py", "audit", action, str(tenant), "--no-color"]).execute()
        except SystemExit as end:
            code = end.code
        printed = self.capsys.readouterr()
        return int(str(code)), printed.out.strip(), printed.err.strip()


@pytest.fixture
def audit(capsys: pytest.CaptureFixture[str]) -> Audit:
    return Audit(capsys)


@pytest.fixture
def organization() -> Organization:
    """A hospital with five sealed entries."""
    of = factories.organization()
    for number in range(5):
        trail.record(of, f"event-{number}")
    trail.seal(of.pk)
    return of


def test_a_chain_that_holds_is_said_to_hold(audit: Audit, organization: Organization) -> None:
    assert audit("verify", organization.tid) == (0, "5 sealed entries hold, 0 are not sealed yet.", "")


def test_what_is_not_sealed_yet_is_counted(audit: Audit, organization: Organization) -> None:
    trail.record(organization, "event-5")
    assert audit("verify", organization.tid) == (0, "5 sealed entries hold, 1 are not sealed yet.", "")


def test_an_organization_without_a_trail_has_nothing_wrong(audit: Audit) -> None:
    assert audit("verify", factories.organization().tid) == (0, "0 sealed entries hold, 0 are not sealed yet.", "")


def test_a_changed_entry_is_named_and_the_exit_is_an_error(audit: Audit, organization: Organization) -> None:
    Entry.objects.filter(organization=organization, sequence=3).update(event="something-else")
    code, printed, complaint = audit("verify", organization.tid)
    assert (code, printed) == (1, "2 sealed entries hold, 0 are not sealed yet.")
    assert complaint == f"CommandError: {BROKEN.format(3)}"


def test_a_removed_entry_is_noticed(audit: Audit, organization: Organization) -> None:
    Entry.objects.filter(organization=organization, sequence=1).delete()
    code, _, complaint = audit("verify", organization.tid)
    assert (code, BROKEN.format(1) in complaint) == (1, True)


def test_another_organizations_broken_chain_is_its_own(audit: Audit, organization: Organization) -> None:
    other = factories.organization()
    trail.record(other, "event")
    trail.seal(other.pk)
    Entry.objects.filter(organization=other).update(event="something-else")
    assert audit("verify", organization.tid)[0] == 0
    assert audit("verify", other.tid)[0] == 1


def test_the_presence_entries_are_exported_as_audit_events_oldest_first(audit: Audit) -> None:
    visit = factories.visit()
    of, patient = visit.connection.organization, factories.participant(visit)
    told: list[tuple[str, uuid.UUID | None]] = [
        ("launched", patient.pk),  # of the trail, but no presence
        ("participant-waiting", patient.pk),
        ("outsider-connected", None),
        ("participant-connected", patient.pk),
        ("participant-disconnected", patient.pk),
    ]
    for event, participant in told:
        trail.record(of, event, visit=visit.pk, participant=participant)
    elsewhere = factories.visit()
    trail.record(elsewhere.connection.organization, "outsider-connected", visit=elsewhere.pk)
    code, printed, complaint = audit("export", of.tid)
    assert (code, complaint) == (0, "")
    events: list[Any] = [AuditEvent.model_validate(json.loads(line)) for line in printed.splitlines()]
    assert [event.subtype[0].code for event in events] == [event for event, _ in told[1:]]
    assert {event.entity[0].what.identifier.value for event in events} == {f"urn:uuid:{visit.pk}"}


def test_an_organization_without_visits_exports_nothing(audit: Audit, organization: Organization) -> None:
    assert audit("export", organization.tid) == (0, "", "")


@pytest.mark.parametrize("action", ["verify", "export"])
def test_a_tenant_that_is_not_here_is_an_error(action: str, audit: Audit, organization: Organization) -> None:
    complaint = "CommandError: No organization with this tenant id uses this deployment."
    assert audit(action, uuid.uuid4()) == (1, "", complaint)


@pytest.mark.parametrize(("action", "tenant"), [("verify", "riverside"), ("mend", uuid.uuid4())])
def test_what_cannot_be_meant_is_refused_with_the_usage(action: str, tenant: object, audit: Audit) -> None:
    code, printed, complaint = audit(action, tenant)
    assert (code, printed) == (2, "")
    assert complaint.startswith("usage: manage.py audit")
