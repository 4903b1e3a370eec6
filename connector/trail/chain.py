"""Entries of the trail: recorded at once, numbered and chained in batches."""

from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from connector import verify
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


def members(entry: Entry) -> dict[str, Any]:
    """An entry as it is chained and exported: texts, a number, and the detail's codes."""
    return {
        "sequence": entry.sequence,
        "visit": str(entry.visit or ""),
        "participant": str(entry.participant or ""),
        "event": entry.event,
        "at": entry.at.isoformat(),
        "recorded_at": entry.recorded_at.isoformat(),
        "detail": entry.detail,
        "digest": entry.digest,
    }


def sealed(organization_id: UUID, after: int = 0) -> QuerySet[Entry]:
    """The chained entries of a trail behind one of them, in their order."""
    return Entry.objects.filter(organization_id=organization_id, sequence__gt=after).order_by("sequence")


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
        entry.digest = previous = verify.digest(previous, str(organization_id), members(entry))
    Entry.objects.bulk_update(batch, ["sequence", "digest"])
    return len(batch)
