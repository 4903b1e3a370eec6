"""`manage.py audit` as its reader has it: what it prints, and the exit code that a script sees."""

import json
import logging
import uuid
from pathlib import Path
from typing import Any

import pytest
from django.core.management import ManagementUtility
from fhir.resources.R4B.bundle import Bundle

from connector import trail
from connector.models import Entry, Organization
from tests.visits import factories

# A command closes the database's connections when it ends, and a transaction of the test with them.
pytestmark = pytest.mark.django_db(transaction=True)
CHANGED = "Entry {} was changed, or does not follow the entry before it."
MISSING = "Entry {} is missing, and perhaps others after it."


class Audit:
    """Runs `manage.py audit`."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self.capsys = capsys

    def __call__(self, action: str, *arguments: object) -> tuple[int, str, str]:
        """(exit code, what it printed, what it complained of)."""
        code: object = 0
        try:
            ManagementUtility(["manage.py", "audit", "--no-color", action, *map(str, arguments)]).execute()
        except SystemExit as end:
            code = end.code
        printed = self.capsys.readouterr()
        complaints = [line for line in printed.err.splitlines() if not line.startswith("{")]  # a log's line is none
        return int(str(code)), printed.out.strip(), "\n".join(complaints).strip()


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
    assert complaint == f"CommandError: {CHANGED.format(3)}"


def test_after_a_break_that_was_accepted_the_exit_is_an_error_for_another_one_alone(
    audit: Audit, organization: Organization
) -> None:
    Entry.objects.filter(organization=organization, sequence=3).update(event="something-else")
    told = f"{CHANGED.format(3)}\n1 findings are known from now on."
    assert audit("accept", organization.tid) == (0, told, "")
    assert audit("accept", organization.tid) == (0, "Nothing new is wrong.", "")
    code, printed, complaint = audit("verify", organization.tid)
    assert (code, complaint) == (0, "")
    assert "1 findings are known since" in printed
    Entry.objects.filter(organization=organization, sequence=5).update(event="something-else")
    assert audit("verify", organization.tid)[::2] == (1, f"CommandError: {CHANGED.format(5)}")


def test_a_removed_entry_is_noticed(audit: Audit, organization: Organization) -> None:
    Entry.objects.filter(organization=organization, sequence=1).delete()
    code, _, complaint = audit("verify", organization.tid)
    assert (code, MISSING.format(1) in complaint) == (1, True)


def test_another_organizations_broken_chain_is_its_own(audit: Audit, organization: Organization) -> None:
    other = factories.organization()
    trail.record(other, "event")
    trail.seal(other.pk)
    Entry.objects.filter(organization=other).update(event="something-else")
    assert audit("verify", organization.tid)[0] == 0
    assert audit("verify", other.tid)[0] == 1


def test_all_organizations_are_verified_one_after_the_other(audit: Audit, organization: Organization) -> None:
    other = factories.organization()
    trail.record(other, "event")
    trail.seal(other.pk)
    assert audit("verify")[0] == 0
    Entry.objects.filter(organization=other).update(event="something-else")
    code, printed, complaint = audit("verify", "all")
    assert (code, complaint) == (1, f"CommandError: {CHANGED.format(1)}")
    assert f"{organization.tid}:\n5 sealed entries hold" in printed
    assert f"{other.tid}:\n0 sealed entries hold" in printed


def test_what_was_cut_off_with_its_checkpoints_is_found_by_a_copy_of_the_log(
    audit: Audit, organization: Organization, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, "connector.trail.checkpoints"):
        trail.sign(organization.pk)
    log = tmp_path / "connector.log"
    log.write_text(
        "\n".join(json.dumps({"checkpoint": record.__dict__.get("checkpoint")}) for record in caplog.records)
    )
    assert audit("verify", organization.tid, "--against", log)[0] == 0
    Entry.objects.filter(organization=organization, sequence__gt=3).delete()
    organization.checkpoints.all().delete()
    assert audit("verify", organization.tid)[0] == 0, "the database alone cannot tell"
    code, printed, complaint = audit("verify", organization.tid, "--against", log)
    assert (code, printed) == (1, "3 sealed entries hold, 0 are not sealed yet.")
    assert "knows entry 5, and the trail ends before it" in complaint


def test_a_log_without_checkpoints_or_of_others_is_said_to_be_of_no_use(
    audit: Audit, organization: Organization, tmp_path: Path
) -> None:
    log, other = tmp_path / "connector.log", factories.organization()
    assert audit("verify", organization.tid, "--against", log)[0] == 1
    log.write_text("nothing")
    assert audit("verify", organization.tid, "--against", log)[2] == f"CommandError: There is no checkpoint in {log}."
    log.write_text(f"trail-v1 {other.pk} 1 {'0' * 64} 2026-03-02T09:00:00Z {'0' * 12} {'A' * 86}")
    code, printed, _ = audit("verify", organization.tid, "--against", log)
    assert (code, printed.splitlines()[1]) == (0, "None of the checkpoints given is of this organization.")


def test_a_trail_is_exported_into_a_folder_with_its_verifier(audit: Audit, tmp_path: Path) -> None:
    visit = factories.visit()
    of, patient = visit.connection.organization, factories.participant(visit)
    told = ("launched", "participant-waiting", "outsider-connected", "participant-connected", "participant-gone")
    for event in told:
        participant = None if event.startswith("outsider") else patient.pk
        trail.record(of, event, visit=visit.pk, participant=participant)
    elsewhere = factories.visit()
    trail.record(elsewhere.connection.organization, "outsider-connected", visit=elsewhere.pk)
    code, printed, complaint = audit("export", of.tid, "--to", tmp_path / "trail")
    assert (code, complaint) == (0, "")
    assert [Path(line).name for line in printed.splitlines()] == ["trail.jsonl", "audit-events.json", "verify.py"]
    bundle: Any = Bundle.model_validate_json((tmp_path / "trail" / "audit-events.json").read_text())
    events = [entry.resource for entry in bundle.entry]
    assert [event.subtype[0].code for event in events] == list(told)
    assert {event.entity[0].what.identifier.value for event in events} == {f"urn:uuid:{visit.pk}"}


def test_a_period_is_given_by_days_or_times(audit: Audit, organization: Organization, tmp_path: Path) -> None:
    assert audit("export", organization.tid, "--to", tmp_path, "--since", "2030-01-01")[0] == 0
    lines = [json.loads(line) for line in (tmp_path / "trail.jsonl").read_text().splitlines()]
    assert [line["sequence"] for line in lines if line["type"] == "entry"] == []
    assert audit("export", organization.tid, "--to", tmp_path, "--until", "2030-01-01T09:00+01:00")[0] == 0
    lines = [json.loads(line) for line in (tmp_path / "trail.jsonl").read_text().splitlines()]
    assert [line["sequence"] for line in lines if line["type"] == "entry"] == [1, 2, 3, 4, 5]
    assert audit("export", organization.tid, "--to", tmp_path, "--since", "yesterday")[0] == 2


def test_a_folder_that_cannot_be_written_is_an_error(audit: Audit, organization: Organization, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    code, _, complaint = audit("export", organization.tid, "--to", tmp_path / "file")
    assert (code, complaint.startswith("CommandError: Cannot write there")) == (1, True)


@pytest.mark.parametrize("action", ["verify", "accept", "export"])
def test_a_tenant_that_is_not_here_is_an_error(
    action: str, audit: Audit, organization: Organization, tmp_path: Path
) -> None:
    complaint = "CommandError: No organization with this tenant id uses this deployment."
    folder = ["--to", tmp_path] if action == "export" else []
    assert audit(action, uuid.uuid4(), *folder) == (1, "", complaint)


@pytest.mark.parametrize(
    ("action", "tenant"), [("verify", "riverside"), ("mend", uuid.uuid4()), ("export", uuid.uuid4())]
)
def test_what_cannot_be_meant_is_refused_with_the_usage(action: str, tenant: object, audit: Audit) -> None:
    code, printed, complaint = audit(action, tenant)
    assert (code, printed) == (2, "")
    assert complaint.startswith("usage: manage.py audit")
