"""Each attack on a trail of six entries is found: by the database's own checkpoints, else by the log's copies."""

import logging
import uuid
from datetime import timedelta

import pytest
from django.utils import timezone

from connector import keys, trail, verify
from connector.models import Checkpoint, Entry, Key, Organization, Verification
from connector.trail import checking
from tests.connector.test_trail import attacks
from tests.connector.test_trail.attacks import FOUND, Attack
from visits.tasks import seal_trail

AUDIT = Key.Purpose.AUDIT


def found(organization: Organization, *against: verify.Checkpoint) -> list[tuple[str, int]]:
    trail.seal(organization.pk)
    return [(finding.code, finding.number) for finding in trail.check(organization.pk, against=against).findings]


def log_of(organization: Organization) -> list[verify.Checkpoint]:
    """What the hospital's log system holds, by the lines that were written to it."""
    return checking.signed(organization.pk)


def age(organization: Organization, **duration: float) -> None:
    """Let time pass since the checkpoints were signed."""
    for row in organization.checkpoints.all():
        row.at -= timedelta(**duration)
        told = checking.of_row(row).told
        Checkpoint.objects.filter(pk=row.pk).update(at=row.at, signature=keys.audit_sign(keys.audit_key(), told))


def test_nothing_is_found_where_nothing_was_done(signed: Organization) -> None:
    assert found(signed) == []
    assert found(signed, *log_of(signed)) == []
    assert trail.verify(signed.pk) == (6, None, 0)


@pytest.mark.parametrize("attack", FOUND, ids=lambda one: one.__name__)
def test_the_database_tells_what_was_done_to_it(attack: Attack, signed: Organization) -> None:
    attack(signed)
    assert FOUND[attack] in found(signed)


@pytest.mark.parametrize("attack", FOUND, ids=lambda one: one.__name__)
def test_a_copy_of_the_log_tells_it_where_the_checkpoints_are_gone_as_well(
    attack: Attack, signed: Organization
) -> None:
    log = log_of(signed)
    attack(signed)
    attacks.delete_checkpoints(signed)
    assert found(signed, *log) != []


@pytest.mark.parametrize("attack", [attacks.cut, attacks.rewrite, attacks.rewrite_and_grow])
def test_without_any_checkpoint_these_cannot_be_told(attack: Attack, signed: Organization) -> None:
    """What docs/audit-trail.md says in words: a copy outside the database is needed."""
    attack(signed)
    attacks.delete_checkpoints(signed)
    assert found(signed) == []


def test_the_sealer_signs_nothing_that_does_not_follow_from_what_it_signed(signed: Organization) -> None:
    age(signed, hours=2)
    attacks.rewrite(signed)
    for number in range(9):
        trail.record(signed, f"later-{number}")
    trail.seal_all(signed.pk)
    assert trail.sign(signed.pk) is None
    assert signed.checkpoints.count() == 2


def news_of(organization: Organization) -> list[list[object]]:
    """What a pass through the whole trail alarms about."""
    trail.ask(organization.pk, whole=True)
    trail.go_on(organization.pk)
    verification = Verification.objects.get(organization=organization)
    assert verification.asked_at is None
    return list(verification.findings)


@pytest.mark.parametrize("attack", FOUND, ids=lambda one: one.__name__)
def test_after_a_break_that_was_looked_into_the_trail_is_signed_again_and_only_another_one_alarms(
    attack: Attack, signed: Organization
) -> None:
    attack(signed)
    trail.seal(signed.pk)
    assert news_of(signed) != []
    assert FOUND[attack] in trail.accept(signed)
    assert trail.accept(signed) == [], "a second time there is nothing new"
    for number in range(4):  # past the entry of the last checkpoint before
        assert news_of(signed) == []
        age(signed, hours=2)
        trail.record(signed, f"later-{number}")
        trail.seal_all(signed.pk)
        end = Entry.objects.filter(organization=signed).latest("sequence")
        assert checking.newest(signed.pk) == Checkpoint.objects.get(digest=end.digest)
    assert FOUND[attack][1] in {number for _, number in found(signed)}, "whoever verifies still sees it"
    Entry.objects.filter(pk=end.pk).update(event="something-else")
    assert news_of(signed) == [["changed", end.sequence]]


@pytest.mark.parametrize("attack", FOUND, ids=lambda one: one.__name__)
def test_whoever_can_write_to_the_database_alone_accepts_nothing(attack: Attack, signed: Organization) -> None:
    attack(signed)
    attacks.accept_by_hand(signed)
    trail.seal(signed.pk)
    assert list(FOUND[attack]) in news_of(signed)


@pytest.mark.parametrize(
    ("attack", "again"),
    [
        (attacks.change, lambda of: attacks.entries(of).filter(sequence=3).update(event="yet-another")),
        (attacks.remove, lambda of: attacks.entries(of).filter(sequence__in=(4, 5)).delete()),
    ],
    ids=["the entry is changed once more", "the gap is made wider"],
)
def test_what_was_accepted_is_accepted_as_it_was(attack: Attack, again: Attack, signed: Organization) -> None:
    attack(signed)
    trail.accept(signed)
    assert news_of(signed) == []
    again(signed)
    assert list(FOUND[attack]) in news_of(signed)


def test_where_nothing_is_wrong_nothing_is_accepted(signed: Organization) -> None:
    assert trail.accept(signed) == []
    assert signed.checkpoints.count() == 2
    assert not Entry.objects.filter(event="break-accepted").exists()


def test_whoever_takes_our_keys_away_is_found_by_the_checkpoints_that_nobody_can_check(signed: Organization) -> None:
    attacks.forget_that_it_was_ours()
    assert {code for code, _ in found(signed)} == {"forged"}
    keys.audit_key()
    assert {code for code, _ in found(signed)} == {"forged"}


def test_a_checkpoint_of_another_organization_vouches_for_nobody_else(signed: Organization) -> None:
    other = Organization.objects.create(tid=uuid.uuid4(), region="amer")
    Checkpoint.objects.update(organization=other)
    assert found(signed) == []
    assert {code for code, _ in found(other)} == {"forged"}


def test_after_a_rotation_the_older_checkpoints_are_still_trusted_and_only_ours(signed: Organization) -> None:
    first = keys.audit_key().kid
    following = keys.rotate(AUDIT)
    assert following
    assert keys.audit_key() == following
    trail.record(signed, "later")
    trail.seal(signed.pk)
    assert trail.sign(signed.pk)
    assert keys.forget_due(AUDIT) == 1, "the private half of the old key is of no use any more"
    assert Key.objects.get(kid=first).wrapped == ""
    assert {one.kid for one in log_of(signed)} == {first, following.kid}
    assert found(signed) == []
    attacks.forged_key(signed, Entry.objects.get(organization=signed, sequence=7))
    assert found(signed) == [("forged", 7)]


def test_a_key_that_says_it_follows_ours_is_not_believed_without_our_signature(signed: Organization) -> None:
    (ours,) = keys.audit_keys()
    forged = {
        "kid": "bbbbbbbbbbbb",
        "x": ours["x"][::-1],
        "follows": {"kid": ours["kid"], "signatures": ["A" * 86] * 2},
    }
    for follows in (forged["follows"], {"kid": ours["kid"], "signatures": []}, {}, None):
        assert set(verify.trusted([ours, forged | {"follows": follows}], [ours])) == {ours["kid"]}


@pytest.mark.django_db(transaction=True)
def test_each_checkpoint_is_a_line_of_the_log_once_it_is_committed(caplog: pytest.LogCaptureFixture) -> None:
    organization = Organization.objects.create(tid=uuid.uuid4(), region="amer")
    trail.record(organization, "event-1")
    with caplog.at_level(logging.INFO, "connector.trail.checkpoints"):
        trail.seal_all(organization.pk)
    (record,) = caplog.records
    assert list(verify.checkpoints_in(str(record.__dict__["checkpoint"]))) == log_of(organization)


def test_a_checkpoint_is_signed_each_hour_with_something_new_and_each_thousand_entries(signed: Organization) -> None:
    seal_trail()
    assert list(trail.unsettled()) == []
    trail.record(signed, "later")
    seal_trail()
    assert signed.checkpoints.count() == 2, "not an hour yet"
    age(signed, hours=1, minutes=1)
    seal_trail()
    assert [one.sequence for one in signed.checkpoints.all()] == [4, 6, 7], "though nothing was left to be sealed"
    Entry.objects.bulk_create(Entry(organization=signed, event="many", at=timezone.now()) for _ in range(1001))
    seal_trail()
    assert [one.sequence for one in signed.checkpoints.all()] == [4, 6, 7, 1008]
    assert found(signed) == []
