"""The trail of an organization as JSON lines that connector/verify.py reads: a header, the public keys, then entries,
each followed by the checkpoints that vouch for it."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Max, Min, QuerySet

from connector import keys
from connector.models import Entry, Organization
from connector.trail.chain import members, sealed
from connector.trail.checking import ROWS, signed
from connector.trail.checkpoints import seal_all, sign
from connector.verify import Place


@dataclass(frozen=True)
class Extent:
    """A part of a trail between two checkpoints, or up to an end of it."""

    organization: Organization
    after: Place
    last: int
    is_newest: bool  # whether it goes up to the newest entry

    @property
    def entries(self) -> QuerySet[Entry]:
        return sealed(self.organization.pk, self.after.sequence).filter(sequence__lte=self.last)


def extent(organization: Organization, since: datetime | None = None, until: datetime | None = None) -> Extent:
    """The part of a trail with everything that was recorded within a period: it begins with the last checkpoint before
    and ends with the first one after, so that it can be verified alone. What is not sealed yet is sealed first."""
    seal_all(organization.pk)
    sign(organization.pk)
    entries, checkpoints = sealed(organization.pk), organization.checkpoints
    newest = entries.aggregate(found=Max("sequence"))["found"] or 0
    after, last = Place(), newest
    if since:
        first = entries.filter(recorded_at__gte=since).aggregate(found=Min("sequence"))["found"]
        before = checkpoints.filter(sequence__lt=newest + 1 if first is None else first).last()
        after = Place(before.sequence, before.digest) if before else after
    if until:
        within = entries.filter(recorded_at__lt=until).aggregate(found=Max("sequence"))["found"] or 0
        ending = checkpoints.filter(sequence__gte=max(within, after.sequence)).first()
        last = ending.sequence if ending else newest
    return Extent(organization, after, last, is_newest=last >= newest)


def lines(part: Extent) -> Iterator[str]:
    """The lines of the file, read from the database while they are written."""
    organization_id = part.organization.pk
    after = {"sequence": part.after.sequence, "digest": part.after.digest}
    last = None if part.is_newest else part.last
    yield _line(type="trail", organization=str(organization_id), after=after, last=last)
    for key in keys.audit_keys():
        yield _line(type="key", key=key)
    vouching = signed(organization_id, part.after.sequence - 1)
    while vouching and vouching[0].place.sequence == part.after.sequence:
        yield _line(type="checkpoint", line=vouching.pop(0).line)
    waiting = iter(vouching)
    checkpoint = next(waiting, None)
    for entry in part.entries.iterator(ROWS):
        yield _line(type="entry", **members(entry))
        while checkpoint and checkpoint.place.sequence <= (entry.sequence or 0):
            yield _line(type="checkpoint", line=checkpoint.line)
            checkpoint = next(waiting, None)


def _line(**told: Any) -> str:
    return json.dumps(told) + "\n"
