"""The export of a trail, and the verifier that travels with it, as a process of its own that has nothing of ours."""

import gc
import json
import subprocess
import sys
import uuid
import zipfile
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from fhir.resources.R4B.bundle import Bundle

from connector import keys, trail, verify
from connector.models import Connection, Entry, Key, Organization
from connector.trail import Extent, checking
from connector.verify import Place
from tests.visits import factories
from visits import audit_export, forgetting
from visits.models import Participant, Visit

pytestmark = pytest.mark.django_db
HOLDS = "Nothing was changed, removed, put in or moved."


@pytest.fixture
def hospital() -> Organization:
    """A visit of six entries, signed for after the third and the sixth."""
    visit = factories.visit()
    of, patient = visit.connection.organization, factories.participant(visit)
    told = (
        "launched",
        "participant-waiting",
        "outsider-connected",
        "participant-connected",
        "participant-gone",
        "link",
    )
    for number, event in enumerate(told, 1):
        participant = None if event.startswith("outsider") else patient.pk
        trail.record(of, event, visit=visit.pk, participant=participant, reason="grace")
        if number == 3:
            trail.seal(of.pk)
            trail.sign(of.pk)
    return of


@pytest.fixture
def folder(hospital: Organization, tmp_path: Path) -> Path:
    audit_export.export(hospital, tmp_path / "export")
    return tmp_path / "export"


def verified(folder: Path, *arguments: object) -> tuple[int, str]:
    """(exit code, what it said) of the verifier in the folder, far from the checkout and without its environment."""
    command = [sys.executable, "-I", "verify.py", "trail.jsonl", *map(str, arguments)]
    ended = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, env={})
    return ended.returncode, ended.stdout + ended.stderr


def lines(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "trail.jsonl").read_text().splitlines()]


def write(folder: Path, told: list[dict[str, Any]]) -> None:
    (folder / "trail.jsonl").write_text("".join(json.dumps(line) + "\n" for line in told))


def at(told: list[dict[str, Any]], sequence: int) -> int:
    """Where the entry with this number stands."""
    return next(place for place, line in enumerate(told) if line.get("sequence") == sequence)


def test_an_export_that_nobody_touched_holds(folder: Path) -> None:
    code, said = verified(folder)
    assert (code, HOLDS in said) == (0, True)
    assert "entries 1 to 6" in said
    assert "No checkpoint was kept elsewhere" in said


def change(told: list[dict[str, Any]]) -> None:
    told[at(told, 2)]["event"] = "something-else"


def change_detail(told: list[dict[str, Any]]) -> None:
    told[at(told, 2)]["detail"]["reason"] = "fault"


def remove(told: list[dict[str, Any]]) -> None:
    del told[at(told, 2)]


def swap(told: list[dict[str, Any]]) -> None:
    place = at(told, 1)
    told[place], told[place + 1] = told[place + 1], told[place]


def repeat(told: list[dict[str, Any]]) -> None:
    told.insert(at(told, 3), told[at(told, 2)])


def cut(told: list[dict[str, Any]]) -> None:
    del told[at(told, 6) :]


def cut_the_beginning(told: list[dict[str, Any]]) -> None:
    told[0]["after"] = {"sequence": 2, "digest": told[at(told, 2)]["digest"]}
    del told[at(told, 1) : at(told, 3)]
    told[at(told, 3)]["event"] = "something-else"


def rewrite(told: list[dict[str, Any]]) -> None:
    previous, organization = "", told[0]["organization"]
    told[at(told, 2)]["event"] = "something-else"
    for line in (line for line in told if line["type"] == "entry"):
        line["digest"] = previous = verify.digest(previous, organization, line)


def without_checkpoints(told: list[dict[str, Any]]) -> None:
    rewrite(told)
    told[:] = [line for line in told if line["type"] != "checkpoint"]


def another_organization(told: list[dict[str, Any]]) -> None:
    told[0]["organization"] = str(uuid.uuid4())


def another_kind(told: list[dict[str, Any]]) -> None:
    told[at(told, 2)]["type"] = "note"


TOUCHED: dict[Callable[[list[dict[str, Any]]], None], str] = {
    change: "Entry 2 was changed",
    change_detail: "Entry 2 was changed",
    remove: "Entry 2 is missing",
    swap: "Entry 1 stands where it does not belong",
    repeat: "Entry 2 stands where it does not belong",
    cut: "No signed checkpoint vouches for what stands after entry 3.",
    cut_the_beginning: "Entry 3 was changed",
    rewrite: "A signed checkpoint knows entry 3 otherwise",
    without_checkpoints: "No signed checkpoint vouches for what stands after entry 0.",
    another_organization: "Entry 1 was changed",
    another_kind: "Entry 2 is missing",
}


@pytest.mark.parametrize("touch", TOUCHED, ids=lambda one: one.__name__)
def test_whatever_is_done_to_an_export_is_said(touch: Callable[[list[dict[str, Any]]], None], folder: Path) -> None:
    told = lines(folder)
    touch(told)
    write(folder, told)
    code, said = verified(folder)
    assert (code, TOUCHED[touch] in said, HOLDS in said) == (1, True, False), said


def test_an_export_cut_at_a_checkpoint_is_found_by_a_log_and_only_by_it(folder: Path) -> None:
    told = lines(folder)
    log = folder / "connector.log"
    log.write_text("\n".join(json.dumps({"level": "warning", "checkpoint": line.get("line")}) for line in told))
    assert verified(folder, "--against", log.name)[0] == 0
    write(folder, told[: at(told, 4)])
    assert verified(folder)[0] == 0
    code, said = verified(folder, "--against", log.name)
    assert (code, "knows entry 6, and the trail ends before it" in said) == (1, True)


def test_keys_that_were_exchanged_are_found_by_those_that_were_kept(folder: Path, client: Client) -> None:
    kept = folder / "keys.json"
    kept.write_text(client.get("/trail/keys.json").content.decode())
    code, said = verified(folder, "--keys", kept.name)
    assert (code, "The public keys are the export's own" in said) == (0, False)
    kept.write_text(json.dumps({"keys": [keys.audit_keys()[0] | {"x": "A" * 43}]}))
    code, said = verified(folder, "--keys", kept.name)
    assert (code, "The checkpoint of entry 3 is not signed by a trusted key" in said) == (1, True)


def test_keys_that_were_kept_before_a_rotation_still_serve(
    hospital: Organization, folder: Path, client: Client
) -> None:
    (folder / "keys.json").write_text(client.get("/trail/keys.json").content.decode())
    keys.rotate(Key.Purpose.AUDIT)
    trail.record(hospital, "later")
    audit_export.export(hospital, folder)
    assert len({line["line"].split()[5] for line in lines(folder) if line["type"] == "checkpoint"}) == 2
    assert verified(folder, "--keys", "keys.json")[0] == 0


@pytest.mark.parametrize(
    "text", ["", "{}\n", "junk", '{"type": "trail"}', "[" * 100_000, '{"organization": 1, "after": []}']
)
def test_what_is_no_export_is_no_answer(text: str, folder: Path) -> None:
    (folder / "trail.jsonl").write_text(text)
    assert verified(folder) == (2, "This is no export of an audit trail.\n")


def test_an_export_of_a_period_begins_and_ends_with_checkpoints_and_holds_alone(
    hospital: Organization, folder: Path
) -> None:
    """Recorded on three days; asked for the second."""
    days = {1: 1, 2: 1, 3: 1, 4: 2, 5: 2, 6: 3}
    Entry.objects.update(sequence=None, digest="")
    hospital.checkpoints.all().delete()
    for entry in Entry.objects.order_by("id"):
        number = entry.pk - Entry.objects.order_by("id").first().pk + 1  # type: ignore[union-attr]
        Entry.objects.filter(pk=entry.pk).update(recorded_at=datetime(2030, 1, days[number], 9, tzinfo=UTC))
    _seal_by(hospital, 3, 5, 6)
    since, until = (datetime(2030, 1, day, tzinfo=UTC) for day in (2, 3))
    audit_export.export(hospital, folder, since, until)
    assert [line["sequence"] for line in lines(folder) if line["type"] == "entry"] == [4, 5]
    code, said = verified(folder)
    assert (code, "entries 4 to 5" in said) == (0, True), said
    assert len(json.loads((folder / "audit-events.json").read_text())["entry"]) == 2


def _seal_by(hospital: Organization, *numbers: int) -> None:
    """Seal and sign in parts, each up to one of these numbers."""
    waiting = list(Entry.objects.order_by("id").values_list("pk", flat=True))
    for before, number in zip((0, *numbers), numbers, strict=False):
        later = Entry.objects.filter(pk__in=waiting[number:])
        later.update(sequence=None)
        part = waiting[before:number]
        others = factories.organization()
        Entry.objects.filter(pk__in=waiting[number:]).update(organization=others)
        trail.seal(hospital.pk)
        trail.sign(hospital.pk)
        Entry.objects.filter(pk__in=waiting[number:]).update(organization=hospital)
        assert Entry.objects.filter(pk__in=part, sequence=None).count() == 0


def test_the_bundle_has_every_entry_as_another_reader_of_fhir_understands_it(folder: Path) -> None:
    bundle: Any = Bundle.model_validate_json((folder / "audit-events.json").read_text())
    assert bundle.type == "collection"
    assert [entry.resource.subtype[0].code for entry in bundle.entry] == [
        line["event"] for line in lines(folder) if line["type"] == "entry"
    ]


def test_an_organization_without_a_trail_has_an_export_too(tmp_path: Path) -> None:
    audit_export.export(factories.organization(), tmp_path)
    bundle: Any = Bundle.model_validate_json((tmp_path / "audit-events.json").read_text())
    assert bundle.entry is None
    assert verified(tmp_path)[0] == 0


def test_the_archive_has_the_same_files(hospital: Organization, folder: Path) -> None:
    with zipfile.ZipFile(BytesIO(b"".join(audit_export.zipped(hospital)))) as archive:
        assert archive.testzip() is None
        assert sorted(archive.namelist()) == sorted(file.name for file in folder.iterdir())
        assert archive.read("trail.jsonl") == (folder / "trail.jsonl").read_bytes()
        assert archive.read("verify.py") == (folder / "verify.py").read_bytes()


def test_the_chain_holds_after_forgetting(hospital: Organization, tmp_path: Path) -> None:
    trail.seal_all(hospital.pk)
    long_ago = timezone.now() - timedelta(days=60)
    Connection.objects.update(retention_days=7)
    Visit.objects.update(created_at=long_ago, ended_at=long_ago, opened_at=long_ago, due_at=None)
    assert forgetting.forget() == 1
    assert not Participant.objects.exists()
    assert trail.check(hospital.pk).findings == []
    audit_export.export(hospital, tmp_path)
    assert verified(tmp_path)[0] == 0
    bundle: Any = Bundle.model_validate_json((tmp_path / "audit-events.json").read_text())
    assert len(bundle.entry) == 6


@pytest.mark.parametrize("name", ["trail.jsonl", "audit-events.json"])
def test_a_long_trail_is_never_in_memory_as_a_whole(name: str) -> None:
    many, of = 3 * checking.ROWS, factories.organization()
    told = ({"event": "participant-gone", "at": timezone.now(), "sequence": number} for number in range(1, many + 1))
    Entry.objects.bulk_create(Entry(organization=of, digest="0" * 64, **one) for one in told)
    texts = audit_export.FILES[name](Extent(of, Place(), many, is_newest=True))
    most = max(_entries_in_memory() for number, _ in enumerate(texts) if number % 1500 == 0)
    assert 0 < most <= checking.ROWS + 100


def _entries_in_memory() -> int:
    return sum(type(one) is Entry for one in gc.get_objects())
