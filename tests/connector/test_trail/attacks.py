"""What somebody may do to a trail who can write to the database and has no key, and to its export."""

import json
import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.db import connection
from django.utils import timezone

from connector import verify
from connector.crypto import base64url
from connector.keys import pairs
from connector.models import Checkpoint, Entry, Key, Organization, Verification
from connector.trail.chain import members

Attack = Callable[[Organization], None]


def entries(of: Organization) -> Any:
    return Entry.objects.filter(organization=of)


def change(of: Organization) -> None:
    entries(of).filter(sequence=3).update(event="something-else")


def change_and_hash_anew(of: Organization) -> None:
    """The changed entry fits its digest, and the next does not."""
    entries(of).filter(sequence=3).update(event="something-else")
    _chain_anew(of, from_=3, to=3)


def remove(of: Organization) -> None:
    entries(of).filter(sequence=3).delete()


def remove_and_close_the_gap(of: Organization) -> None:
    entries(of).filter(sequence=3).delete()
    for number in range(4, 7):
        entries(of).filter(sequence=number).update(sequence=number - 1)


def reorder(of: Organization) -> None:
    for before, after in ((3, 99), (4, 3), (99, 4)):
        entries(of).filter(sequence=before).update(sequence=after)


def cut(of: Organization) -> None:
    entries(of).filter(sequence__gt=4).delete()


def rewrite(of: Organization) -> None:
    """An entry goes, and every digest after it is computed anew: a chain that holds."""
    remove_and_close_the_gap(of)
    _chain_anew(of, from_=1, to=5)


def rewrite_and_grow(of: Organization) -> None:
    """As above, and as long as before, by another entry at the end."""
    rewrite(of)
    Entry.objects.create(organization=of, event="event-6", at=timezone.now(), sequence=6)
    _chain_anew(of, from_=6, to=6)


def forge_checkpoints(of: Organization) -> None:
    """The chain anew, and checkpoints that say so, by a key of the attacker's own that he puts among ours."""
    rewrite(of)
    forged_key(of, entries(of).get(sequence=5))


def forged_key(of: Organization, last: Entry) -> None:
    private = Ed25519PrivateKey.generate()
    public = pairs._audit_jwk(private, "aaaaaaaaaaaa")
    earlier = timezone.now() - timedelta(days=1)
    Key.objects.create(
        purpose="audit", kid="aaaaaaaaaaaa", wrapped="", public=public, not_before=earlier, retired=earlier
    )
    place = verify.Place(last.sequence or 0, last.digest)
    told = verify.Checkpoint(str(of.pk), place, "2026-03-02T09:00:00Z", "aaaaaaaaaaaa").told
    signature = base64url(private.sign(told.encode()))
    Checkpoint.objects.filter(organization=of).delete()
    Checkpoint.objects.create(
        organization=of, sequence=place.sequence, digest=last.digest, at="2026-03-02T09:00:00Z", kid="aaaaaaaaaaaa",
        signature=signature,
    )  # fmt: skip


def back_date(of: Organization) -> None:
    """An entry that nobody sealed is put in with a time of long ago; the sealer takes it for one of ours."""
    Entry.objects.create(organization=of, event="event-0", at=_long_ago(), recorded_at=_long_ago())


def move_in(of: Organization) -> None:
    """The newest entry of another organization becomes one of this."""
    other = Organization.objects.create(tid=uuid.uuid4(), region="amer")
    entry = Entry.objects.create(organization=other, event="theirs", at=timezone.now(), sequence=7)
    entry.digest = verify.digest(entries(of).get(sequence=6).digest, str(other.pk), members(_read(entry)))
    Entry.objects.filter(pk=entry.pk).update(organization=of, digest=entry.digest)


def _read(entry: Entry) -> Entry:
    return Entry.objects.get(pk=entry.pk)


def _long_ago() -> Any:
    return timezone.now() - timedelta(days=3)


def _chain_anew(of: Organization, *, from_: int, to: int) -> None:
    before = entries(of).filter(sequence=from_ - 1).first()
    previous = before.digest if before else ""
    for entry in entries(of).filter(sequence__range=(from_, to)).order_by("sequence"):
        previous = verify.digest(previous, str(of.pk), members(entry))
        Entry.objects.filter(pk=entry.pk).update(digest=previous)


def accept_by_hand(of: Organization) -> None:
    """Whatever is wrong, and much that might be, is written down as known."""
    known: dict[str, Any] = {"findings": [[code, number, ""] for code in verify.TEXTS for number in range(20)]}
    row, _ = Verification.objects.get_or_create(organization=of)
    key = Key.objects.filter(purpose="audit").first()
    known |= {"kid": key.kid if key else "", "signature": "A" * 86}
    Verification.objects.filter(pk=row.pk).update(accepted=known, accepted_at=timezone.now())


def delete_checkpoints(of: Organization) -> None:
    Checkpoint.objects.filter(organization=of).delete()


def forget_that_it_was_ours() -> None:
    """The keys go too: what signs from now on is a new one."""
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM connector_key WHERE purpose = 'audit'")


# What is found, by whoever has the database alone: (code, entry).
FOUND: dict[Attack, tuple[str, int]] = {
    change: ("changed", 3),
    change_and_hash_anew: ("changed", 4),
    remove: ("missing", 3),
    remove_and_close_the_gap: ("changed", 3),
    reorder: ("changed", 3),
    cut: ("cut", 6),
    rewrite: ("cut", 6),
    rewrite_and_grow: ("rewritten", 6),
    forge_checkpoints: ("forged", 5),
    back_date: ("back-dated", 7),
    move_in: ("changed", 7),
}


def lines_of(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]
