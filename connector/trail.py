"""The audit trail: who did or was what, when. Codes and opaque ids only; rows are inserted unchained and sealed in
batches."""

import hashlib
import json
from collections.abc import Iterator
from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from connector.models import Entry, Organization

BATCH = 500


def record(
    organization: Organization,
    event: str,
    *,
    at: datetime | None = None,
    visit: UUID | None = None,
    participant: UUID | None = None,
    **detail: str,
) -> Entry:
    """Add a line to an organization's trail. `detail` holds codes, never names, ids of the EHR, addresses or tokens."""
    return Entry.objects.create(
        organization=organization,
        event=event,
        at=at or timezone.now(),
        visit=visit,
        participant=participant,
        detail=detail,
    )


def digest(previous: str, entry: Entry) -> str:
    """SHA-256 over the previous digest and every kept member of the entry."""
    members = [
        entry.sequence,
        str(entry.organization_id),
        str(entry.visit or ""),
        str(entry.participant or ""),
        entry.event,
        entry.at.isoformat(),
        entry.recorded_at.isoformat(),
        entry.detail,
    ]
    return hashlib.sha256((previous + json.dumps(members, sort_keys=True)).encode()).hexdigest()


@transaction.atomic
def seal(organization_id: UUID) -> int:
    """Number and chain the unsealed entries of one organization; returns how many. The organization's row is the
    lock."""
    Organization.objects.select_for_update().get(pk=organization_id)
    entries = Entry.objects.filter(organization_id=organization_id)
    last = entries.exclude(sequence=None).order_by("-sequence").first()
    number, previous = (last.sequence or 0, last.digest) if last else (0, "")
    batch = list(entries.filter(sequence=None).order_by("id")[:BATCH])
    for entry in batch:
        number += 1
        entry.sequence = number
        entry.digest = previous = digest(previous, entry)
    Entry.objects.bulk_update(batch, ["sequence", "digest"])
    return len(batch)


def as_lines(organization: Organization) -> Iterator[str]:
    """Every entry as a line of JSON, in the order in which they are chained; the unsealed ones last."""
    for entry in Entry.objects.filter(organization=organization).order_by("sequence", "id").iterator():
        yield json.dumps({"sequence": entry.sequence, "digest": entry.digest} | _members(entry), sort_keys=True) + "\n"


def _members(entry: Entry) -> dict[str, object]:
    return {
        "visit": entry.visit and str(entry.visit),
        "participant": entry.participant and str(entry.participant),
        "event": entry.event,
        "at": entry.at.isoformat(),
        "recorded_at": entry.recorded_at.isoformat(),
        "detail": entry.detail,
    }


def seal_all(organization_id: UUID) -> None:
    """Seal until nothing is left, a batch a transaction."""
    while seal(organization_id) == BATCH:
        pass


def verify(organization_id: UUID) -> tuple[int, int | None, int]:
    """(sealed entries that hold, sequence of the first that does not, entries not sealed yet)."""
    entries = Entry.objects.filter(organization_id=organization_id)
    unsealed = entries.filter(sequence=None).count()
    previous, held = "", 0
    for entry in entries.exclude(sequence=None).order_by("sequence").iterator():
        if entry.sequence != held + 1 or entry.digest != digest(previous, entry):
            return held, held + 1, unsealed
        previous, held = entry.digest, held + 1
    return held, None, unsealed
