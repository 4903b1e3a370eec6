"""The audit trail of an organization as files: JSON lines that can be verified, FHIR R4 AuditEvents, and the verifier.
Written while they are read: a trail of any length."""

import json
import zipfile
from collections.abc import Callable, Iterator
from datetime import datetime
from io import RawIOBase
from pathlib import Path
from typing import Any

from django.db import transaction
from django.utils import timezone

from connector import trail, verify
from connector.models import Organization
from connector.trail import Extent
from visits import audit_event

PIECE = 64 * 1024  # characters that are written at once


def export(
    organization: Organization, to: Path, since: datetime | None = None, until: datetime | None = None
) -> list[Path]:
    """Write the trail into a folder, which is made where it is not there; returns the files. Entries recorded from
    `since` and before `until`, and up to the checkpoints around them."""
    part = trail.extent(organization, since, until)
    to.mkdir(parents=True, exist_ok=True)
    with transaction.atomic():
        for name, written in FILES.items():
            with (to / name).open("w", encoding="utf-8") as file:
                file.writelines(written(part))
    return [to / name for name in FILES]


def zipped(organization: Organization, since: datetime | None = None, until: datetime | None = None) -> Iterator[bytes]:
    """The same files as a zip archive, piece by piece. What is not sealed is sealed before the first."""
    part = trail.extent(organization, since, until)
    return _zip({name: written(part) for name, written in FILES.items()})


def bundle(part: Extent) -> Iterator[str]:
    """A Bundle of type collection with the AuditEvents of a part of a trail, as pieces of JSON."""
    head = {"resourceType": "Bundle", "type": "collection", "timestamp": timezone.now().isoformat()}
    yield json.dumps(head)[:-1]
    before = ', "entry": [\n'  # no empty array: FHIR knows none
    for event in audit_event.render_all(part.entries):
        yield before + json.dumps({"fullUrl": f"urn:uuid:{event['meta']['tag'][0]['code']}", "resource": event})
        before = ",\n"
    yield "}\n" if before.startswith(", ") else "\n]}\n"


def _verifier(part: Extent) -> Iterator[str]:
    yield Path(verify.__file__).read_text(encoding="utf-8")


FILES: dict[str, Callable[[Extent], Iterator[str]]] = {
    "trail.jsonl": trail.lines,
    "audit-events.json": bundle,
    "verify.py": _verifier,
}


class _Pieces(RawIOBase):
    """What a zip archive is written to: keeps what was not handed on yet."""

    def __init__(self) -> None:
        self.kept: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, piece: Any) -> int:
        self.kept.append(bytes(piece))
        return len(piece)

    def taken(self) -> bytes:
        pieces, self.kept = b"".join(self.kept), []
        return pieces


def _zip(files: dict[str, Iterator[str]]) -> Iterator[bytes]:
    """One transaction: outside of one the database would keep the whole answer before its first row is sent."""
    out = _Pieces()
    with transaction.atomic(), zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, texts in files.items():
            with archive.open(name, "w", force_zip64=True) as file:
                for text in _joined(texts):
                    file.write(text.encode())
                    yield out.taken()
    yield out.taken()


def _joined(texts: Iterator[str]) -> Iterator[str]:
    """The same text in pieces of some size: a line at a time costs too much."""
    kept, size = [], 0
    for text in texts:
        kept.append(text)
        size += len(text)
        if size > PIECE:
            yield "".join(kept)
            kept, size = [], 0
    yield "".join(kept)
