"""Rotation of the deployment's key pairs. A signing key is published long before it signs and for a while after; an
EHR that remembers our key set never meets an assertion it cannot check."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import TextChoices
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from connector.keys.pairs import AUDIT, NOTIFICATION, SIGNING, lock, make, newest, usable
from connector.models import Connection, Key

# Epic remembers a key set for up to 29 hours ("JWKS URL": its default and its maximum); a cache before it adds an hour.
PUBLISHED_BEFORE = timedelta(hours=30)
# Somebody has to enter the new certificate at each EHR that holds ours.
ENTERED_BEFORE = timedelta(days=14)
# An assertion is good for five minutes at most; the rest is for clocks that differ and queues.
PUBLISHED_AFTER = timedelta(hours=1)
# Graph's subscriptions to call events end after 4320 minutes unless renewed; a receipt is tried again for a day.
READABLE_AFTER = timedelta(minutes=4320) + timedelta(days=1)
# How long a key pair is kept for after another took its place. An audit key's private half is needed for nothing more.
KEPT_AFTER = {SIGNING: PUBLISHED_AFTER, NOTIFICATION: READABLE_AFTER, AUDIT: timedelta(0)}
RETIRED_SHOWN = 5


class State(TextChoices):
    NEXT = "next", _("Next")
    CURRENT = "current", _("In use")
    OLD = "old", _("Old")
    RETIRED = "retired", _("Retired")


@dataclass(frozen=True)
class Line:
    """A key pair in its state: since when (None: not known) and until when (None: until it is rotated)."""

    key: Key
    state: State
    since: datetime | None
    until: datetime | None


def lines(purpose: Key.Purpose, environment: str = "") -> list[Line]:
    """The key pairs of a purpose, the newest first: what comes, what is used, what was, and a few that are retired."""
    rows = list(usable(purpose, environment).order_by("-not_before", "-kid"))
    retired = Key.objects.filter(organization=None, purpose=purpose, environment=environment, retired__isnull=False)
    gone = [Line(row, State.RETIRED, row.retired, None) for row in retired.order_by("-retired")[:RETIRED_SHOWN]]
    return [_line(row, rows[place - 1] if place else None) for place, row in enumerate(rows)] + gone


def _line(row: Key, follower: Key | None) -> Line:
    now = timezone.now()
    if row.not_before > now:
        return Line(row, State.NEXT, None, row.not_before)
    if follower is None or follower.not_before > now:
        return Line(row, State.CURRENT, row.not_before, follower.not_before if follower else _planned(row))
    return Line(row, State.OLD, follower.not_before, follower.not_before + KEPT_AFTER[Key.Purpose(row.purpose)])


def _planned(row: Key) -> datetime | None:
    """When the schedule will have replaced a key; None where there is no schedule."""
    days = _days(row.purpose)
    return max(row.not_before + timedelta(days=days), timezone.now()) if days else None


def _days(purpose: str) -> int:
    days: int = settings.NOTIFICATION_KEY_DAYS if purpose == NOTIFICATION else settings.SIGNING_KEY_DAYS
    return days


def is_held_by_hand(environment: str) -> bool:
    """Whether the EHR of a live connection holds our certificate itself instead of reading the JWKS URL."""
    live = Connection.objects.filter(environment=environment, live__settings__authentication="certificate")
    return live.exists()


def overlap(purpose: Key.Purpose, environment: str = "") -> timedelta:
    """How long a new key is published before it is used. What Graph encrypts to is told with each subscription, and an
    audit key is joined to the one before it."""
    if purpose != SIGNING:
        return timedelta(0)
    return ENTERED_BEFORE if is_held_by_hand(environment) else PUBLISHED_BEFORE


def is_due(purpose: Key.Purpose, environment: str = "") -> bool:
    """Whether the schedule asks for a new key now."""
    row, days = newest(purpose, environment), _days(purpose)
    if row is None or not days or usable(purpose, environment).filter(not_before__gt=timezone.now()).exists():
        return False
    return row.not_before + timedelta(days=days) - overlap(purpose, environment) <= timezone.now()


@transaction.atomic
def rotate(purpose: Key.Purpose, environment: str = "", *, instead_of: str = "") -> Key | None:
    """Make the key that follows the one in use: a signing key is published now and signs after the overlap, a
    notification key serves new subscriptions at once. None, and nothing changed, where one waits already or the key in
    use is not `instead_of` any more (the same form, sent twice)."""
    lock(purpose, environment)
    used = newest(purpose, environment)
    if instead_of and (used is None or used.kid != instead_of):
        return None
    if usable(purpose, environment).filter(not_before__gt=timezone.now()).exists():
        return None
    return make(purpose, environment, timezone.now() + overlap(purpose, environment) if used else None)


@transaction.atomic
def replace_at_once(environment: str, *, instead_of: str = "") -> Key | None:
    """Retire and forget every signing key of an environment, because one is known to others, and sign with a new one
    from now on. EHRs that remember our key set refuse us until they read it again. None as in `rotate`."""
    lock(SIGNING, environment)
    used = newest(SIGNING, environment)
    if instead_of and (used is None or used.kid != instead_of):
        return None
    for row in usable(SIGNING, environment):
        _forget(row)
    return make(SIGNING, environment)


@transaction.atomic
def forget_due(purpose: Key.Purpose, environment: str = "", *, named: Collection[str] = ()) -> int:
    """Retire the old keys whose time is over, and forget their private half; returns how many. Those with a kid in
    `named` wait."""
    lock(purpose, environment)
    old = [line for line in lines(purpose, environment) if line.state == State.OLD and line.key.kid not in named]
    over = [line.key for line in old if line.until and line.until <= timezone.now()]
    for row in over:
        _forget(row)
    return len(over)


def _forget(row: Key) -> None:
    row.retired, row.wrapped = timezone.now(), ""
    row.save(update_fields=["retired", "wrapped"])
