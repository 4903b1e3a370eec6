"""Signed checkpoints: what binds a trail to a time. The database has them, and the log, where whoever can write to the
database reaches no copy."""

import logging
from datetime import timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.utils import timezone

from connector import keys, verify
from connector.models import Checkpoint, Entry, Organization
from connector.trail import known
from connector.trail.chain import BATCH, record, seal, sealed
from connector.trail.checking import advance, check, follows, lock, newest, of_row, signed
from connector.verify import Finding, Place

log = logging.getLogger(__name__)

# The newest end that nobody vouches for yet is never older or longer than this, and a sweep.
AFTER, EVERY = timedelta(hours=1), 1000


def unsettled() -> QuerySet[Organization, UUID]:
    """The organizations with entries that are not sealed, or that no checkpoint vouches for yet."""
    last = Checkpoint.objects.filter(organization=OuterRef("pk")).order_by("-id").values("sequence")[:1]
    beyond = Q(sequence=None) | Q(sequence__gt=OuterRef("signed"))
    entries = Entry.objects.filter(beyond, organization=OuterRef("pk"))
    known = Organization.objects.annotate(signed=Coalesce(Subquery(last), 0))
    return known.filter(Exists(entries)).values_list("pk", flat=True)


def seal_all(organization_id: UUID) -> None:
    """Seal until nothing is left, a batch a transaction, and sign where that is due."""
    while seal(organization_id) == BATCH:
        pass
    if _is_due(organization_id):
        sign(organization_id)


def _is_due(organization_id: UUID) -> bool:
    last = newest(organization_id)
    entries = Entry.objects.filter(organization_id=organization_id, sequence__gt=last.sequence if last else 0)
    return entries.count() >= EVERY or (entries.exists() and not _is_fresh(last))


def _is_fresh(checkpoint: Checkpoint | None) -> bool:
    return checkpoint is not None and checkpoint.at > timezone.now() - AFTER


@transaction.atomic
def sign(organization_id: UUID) -> Checkpoint | None:
    """Sign where a trail stands, and write that to the log; the last checkpoint where nothing has come since, within an
    hour. Only what follows from the last checkpoint is signed: None where it does not, and where there is nothing to
    sign. Call it when everything is sealed."""
    Organization.objects.select_for_update().get(pk=organization_id)
    last = newest(organization_id)
    checker = follows(organization_id, of_row(last) if last else None)
    if checker.findings:
        log.error("trail broken", extra={"code": checker.findings[0].code, "count": len(checker.findings)})
        return None
    if not checker.place.sequence or (last and last.sequence == checker.place.sequence and _is_fresh(last)):
        return last
    return _signed(organization_id, checker.place)


def _signed(organization_id: UUID, place: Place) -> Checkpoint:
    key, now = keys.audit_key(), timezone.now().replace(microsecond=0)
    unsigned = verify.Checkpoint(str(organization_id), place, f"{now:%Y-%m-%dT%H:%M:%SZ}", key.kid)
    row = Checkpoint.objects.create(
        organization_id=organization_id,
        sequence=place.sequence,
        digest=place.digest,
        at=now,
        kid=key.kid,
        signature=keys.audit_sign(key, unsigned.told),
    )
    line = f"{unsigned.told} {row.signature}"
    # Not before the commit: the log must know of nothing more.
    transaction.on_commit(lambda: log.info("trail checkpoint", extra={"checkpoint": line}))
    return row


@transaction.atomic
def accept(organization: Organization) -> list[Finding]:
    """After a break that somebody has looked into: keep what is wrong as known, say so in the trail, and sign where it
    stands, though that does not follow from the checkpoint before; returns what was not known before. Nothing happens
    where all is known. Each verification still finds it."""
    checker = check(organization.pk)
    row, end = lock(organization.pk), checker.place.sequence
    gone = {one.place.sequence for one in signed(organization.pk, end)} - {end}
    findings = [*checker.findings, *(Finding("cut", number) for number in sorted(gone))]
    if not (news := known.unknown(row, list(dict.fromkeys(findings)))):
        return []
    known.accept(row, news)
    row.accepted_at, row.last = timezone.now(), min(row.last, end)
    row.asked_at, row.found, row.findings = None, [], []
    row.save()
    record(organization, "break-accepted", count=str(len(news)), first=str(min(one.number for one in news)))
    while seal(organization.pk) == BATCH:
        pass
    newest_entry = sealed(organization.pk).reverse()[0]
    _signed(organization.pk, Place(newest_entry.sequence or 0, newest_entry.digest))
    told = {"code": news[0].code, "count": len(news)}
    transaction.on_commit(lambda: log.warning("trail break accepted", extra=told))
    return news


def go_on(organization_id: UUID) -> None:
    """Take the pass that runs through a trail a step further; at its end sign where the trail stands, so that at least
    once a day there is a checkpoint, whether anything happened or not."""
    if advance(organization_id):
        seal_all(organization_id)
        sign(organization_id)
