"""Whether a trail holds: its chain, and the checkpoints that were signed of it."""

import logging
from collections.abc import Iterable
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet
from django.utils import timezone

from connector import keys, verify
from connector.each import in_time
from connector.models import Checkpoint, Entry, Organization, Verification
from connector.trail import known
from connector.trail.chain import members, sealed
from connector.verify import Checker, Place

log = logging.getLogger(__name__)

DAILY = timedelta(days=1)
STEP = 20.0  # seconds: a worker has other work too
KEPT_FINDINGS = 20
ROWS = 2000  # read at a time


def verify_all(organization_id: UUID) -> tuple[int, int | None, int]:
    """(sealed entries that hold, sequence of the first that does not, entries not sealed yet)."""
    checker = check(organization_id)
    return checker.held, checker.broken, unsealed(organization_id)


def unsealed(organization_id: UUID) -> int:
    """How many entries wait to be sealed."""
    return Entry.objects.filter(organization_id=organization_id, sequence=None).count()


def check(organization_id: UUID, *, after: int = 0, against: Iterable[verify.Checkpoint] = ()) -> Checker:
    """Go through a trail from behind an entry to its end; `against` are checkpoints that were kept elsewhere."""
    checker = _checker(organization_id, after)
    for one in against:
        if one.organization == str(organization_id):
            checker.checkpoint(one)
    return _through(checker)


def signed(organization_id: UUID, after: int = 0) -> list[verify.Checkpoint]:
    """The checkpoints of a trail that concern what stands behind an entry, in their order."""
    rows = Checkpoint.objects.filter(organization_id=organization_id, sequence__gt=after).order_by("sequence", "id")
    return [of_row(row) for row in rows]


def of_row(row: Checkpoint) -> verify.Checkpoint:
    """A checkpoint as it is signed."""
    place = Place(row.sequence, row.digest)
    return verify.Checkpoint(str(row.organization_id), place, f"{row.at:%Y-%m-%dT%H:%M:%SZ}", row.kid, row.signature)


def newest(organization_id: UUID) -> Checkpoint | None:
    """The checkpoint of a trail that was signed last. After a break others may speak of later entries."""
    return Checkpoint.objects.filter(organization_id=organization_id).order_by("id").last()


def follows(organization_id: UUID, last: verify.Checkpoint | None) -> Checker:
    """Go through what has come since one checkpoint, its own entry included, whatever others say."""
    checker = _bare(organization_id, last.place.sequence - 1 if last else 0)
    if last:
        checker.checkpoint(last)
    return _through(checker)


def _through(checker: Checker) -> Checker:
    for entry in sealed(UUID(checker.organization), checker.start.sequence).iterator(ROWS):
        checker.entry(members(entry))
    checker.end()
    return checker


def _checker(organization_id: UUID, after: int) -> Checker:
    checker = _bare(organization_id, after)
    for one in signed(organization_id, after):
        checker.checkpoint(one)
    return checker


def _bare(organization_id: UUID, after: int) -> Checker:
    """One that knows of no checkpoint."""
    start = Entry.objects.filter(organization_id=organization_id, sequence=after).first()
    return Checker(str(organization_id), keys.trusted_audit_keys(), Place(after, start.digest if start else ""))


@transaction.atomic
def ask(organization_id: UUID, *, whole: bool = False) -> None:
    """Have a trail verified by the next sweep: the whole of it, or from the last checkpoint that was found to hold. A
    pass that runs is not begun again."""
    row = lock(organization_id)
    if row.asked_at:
        return
    since = 0 if whole or row.findings else _before_checkpoint(organization_id, row.last)
    row.asked_at, row.began, row.held, row.found = timezone.now(), since, since, []
    row.save()


def _before_checkpoint(organization_id: UUID, up_to: int) -> int:
    """The entry before that of the newest checkpoint up to an entry: whoever begins behind it hashes the checkpoint's
    own entry once more. 0 where there is none."""
    rows = Checkpoint.objects.filter(organization_id=organization_id, sequence__lte=up_to)
    newest = rows.values_list("sequence", flat=True).last()
    return newest - 1 if newest else 0


def lock(organization_id: UUID) -> Verification:
    Verification.objects.get_or_create(organization_id=organization_id)
    return Verification.objects.select_for_update().get(organization_id=organization_id)


def due() -> QuerySet[Organization]:
    """The organizations whose whole trail was not verified for a day."""
    lately = Verification.objects.filter(whole_at__gt=timezone.now() - DAILY).values("organization")
    return Organization.objects.filter(Exists(Entry.objects.filter(organization=OuterRef("pk")))).exclude(pk__in=lately)


@transaction.atomic
def advance(organization_id: UUID, seconds: float = STEP) -> bool:
    """Take the pass that runs some seconds further; whether it has come to its end now. Who comes second does
    nothing."""
    rows = Verification.objects.select_for_update(skip_locked=True).exclude(asked_at=None)
    row = rows.filter(organization_id=organization_id).first()
    if row is None:
        return False
    checker = _checker(organization_id, row.held)
    if before := Entry.objects.filter(organization_id=organization_id, sequence=row.held).first():
        checker.recorded = before.recorded_at
    for entry in in_time(sealed(organization_id, row.held).iterator(ROWS), seconds):
        checker.entry(members(entry))
    stopped = not sealed(organization_id, checker.place.sequence).exists()
    if stopped:
        checker.end()
    row.held = checker.place.sequence
    row.found = [*row.found, *map(list, known.unknown(row, checker.findings))][:KEPT_FINDINGS]
    if stopped:
        _finish(row)
    row.save()
    return stopped


def _finish(row: Verification) -> None:
    row.finished_at, row.first, row.last, row.findings = timezone.now(), row.began + 1, row.held, row.found
    row.whole_at = row.whole_at if row.began else row.finished_at
    row.asked_at = None
    if row.findings:
        log.error("trail broken", extra={"code": row.findings[0][0], "count": len(row.findings)})


def asked() -> QuerySet[Verification, UUID]:
    """The organizations whose trail a pass runs through, the longest waiting first."""
    waiting = Verification.objects.exclude(asked_at=None).order_by("asked_at")
    return waiting.values_list("organization_id", flat=True)


def state(organization: Organization) -> dict[str, Any]:
    """How a trail stands: for pages."""
    checkpoint = newest(organization.pk)
    return {
        "sealed": sealed(organization.pk).values_list("sequence", flat=True).last() or 0,
        "unsealed": unsealed(organization.pk),
        "checkpoint": checkpoint,
        "checkpoint_line": of_row(checkpoint).line if checkpoint else "",
        "verification": Verification.objects.filter(organization=organization).first(),
    }
