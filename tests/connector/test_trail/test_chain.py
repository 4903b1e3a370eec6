"""The audit trail: sealed in order, and nobody changes it unseen."""

import hashlib
import threading
import uuid
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta

import pytest
from django.db import InterfaceError, OperationalError, connection, transaction
from django.utils import timezone

from connector import trail, verify
from connector.models import Entry, Organization
from tests.connector.races import at_once


def recorded(organization: Organization, count: int) -> None:
    """Add entries named event-1, event-2 and so on."""
    for number in range(1, count + 1):
        trail.record(organization, f"event-{number}", visit=uuid.uuid4(), code=str(number), reason="fault")


def sealed(organization: Organization) -> list[Entry]:
    return list(Entry.objects.filter(organization=organization).exclude(sequence=None).order_by("sequence"))


def change_event() -> None:
    Entry.objects.filter(sequence=3).update(event="something-else")


def change_detail() -> None:
    Entry.objects.filter(sequence=3).update(detail={"code": "9"})


def change_time() -> None:
    Entry.objects.filter(sequence=3).update(at=timezone.now() - timedelta(days=1))


def change_visit() -> None:
    Entry.objects.filter(sequence=3).update(visit=None)


def remove() -> None:
    Entry.objects.filter(sequence=3).delete()


def reorder() -> None:
    for before, after in ((3, 99), (4, 3), (99, 4)):
        Entry.objects.filter(sequence=before).update(sequence=after)


def remove_and_renumber() -> None:
    Entry.objects.filter(sequence=3).delete()
    for number in (4, 5):
        Entry.objects.filter(sequence=number).update(sequence=number - 1)


def test_entries_are_numbered_and_chained_in_the_order_they_were_recorded(organization: Organization) -> None:
    recorded(organization, 5)
    assert trail.seal(organization.id) == 5
    entries = sealed(organization)
    assert [(entry.sequence, entry.event) for entry in entries] == [(n, f"event-{n}") for n in range(1, 6)]
    assert len({entry.digest for entry in entries}) == 5
    assert trail.verify(organization.id) == (5, None, 0)


def test_sealing_goes_on_where_it_ended(organization: Organization) -> None:
    recorded(organization, 2)
    trail.seal(organization.id)
    recorded(organization, 2)
    assert [trail.seal(organization.id), trail.seal(organization.id)] == [2, 0]
    assert trail.verify(organization.id) == (4, None, 0)


def test_what_is_not_sealed_yet_is_counted(organization: Organization) -> None:
    recorded(organization, 2)
    trail.seal(organization.id)
    recorded(organization, 3)
    assert trail.verify(organization.id) == (2, None, 3)


@pytest.mark.parametrize(
    "tamper", [change_event, change_detail, change_time, change_visit, remove, reorder, remove_and_renumber]
)
def test_verification_names_the_first_entry_that_was_touched(
    tamper: Callable[[], None], organization: Organization
) -> None:
    recorded(organization, 5)
    trail.seal(organization.id)
    tamper()
    assert trail.verify(organization.id) == (2, 3, 0)


def test_each_organization_has_a_chain_of_its_own(organization: Organization) -> None:
    other = Organization.objects.create(tid=uuid.uuid4(), region="amer")
    for _ in range(2):
        recorded(organization, 1)
        recorded(other, 1)
    assert [trail.seal(other.id), trail.seal(organization.id)] == [2, 2]
    Entry.objects.filter(organization=other, sequence=1).update(event="something-else")
    assert trail.verify(organization.id) == (2, None, 0)
    assert trail.verify(other.id) == (0, 1, 0)


def test_an_entry_moved_to_another_organization_is_noticed(organization: Organization) -> None:
    other = Organization.objects.create(tid=uuid.uuid4(), region="amer")
    recorded(organization, 1)
    trail.seal(organization.id)
    Entry.objects.filter(organization=organization).update(organization=other)
    assert trail.verify(other.id) == (0, 1, 0)


@pytest.mark.django_db(transaction=True)
def test_sealers_at_once_make_one_chain() -> None:
    organization = Organization.objects.create(tid=uuid.uuid4(), region="amer")
    recorded(organization, 40)
    assert sorted(at_once(organization.id, lambda: trail.seal(organization.id))) == [0, 0, 40]
    assert trail.verify(organization.id) == (40, None, 0)


@pytest.mark.django_db(transaction=True)
def test_schedulers_at_once_sign_one_checkpoint() -> None:
    organization = Organization.objects.create(tid=uuid.uuid4(), region="amer")
    recorded(organization, 40)
    at_once(organization.id, lambda: trail.seal_all(organization.id))
    assert trail.verify(organization.id) == (40, None, 0)
    assert [one.sequence for one in organization.checkpoints.all()] == [40]


@pytest.mark.django_db(transaction=True)
def test_a_sealer_that_dies_before_its_commit_leaves_nothing_half_done() -> None:
    """Its connection is cut from outside, as it is when the process is killed."""
    organization = Organization.objects.create(tid=uuid.uuid4(), region="amer")
    recorded(organization, 40)
    sealed_, may_end, pids = threading.Event(), threading.Event(), []

    def sealer() -> None:
        with suppress(OperationalError, InterfaceError), transaction.atomic():
            pids.append(connection.connection.info.backend_pid)
            assert trail.seal(organization.id) == 40
            sealed_.set()
            may_end.wait(10)
        connection.close()

    running = threading.Thread(target=sealer)
    running.start()
    assert sealed_.wait(10)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s, 5000)", pids)
    may_end.set()
    running.join()
    assert trail.verify(organization.id) == (0, None, 40)
    trail.seal_all(organization.id)
    assert trail.verify(organization.id) == (40, None, 0)
    assert [one.sequence for one in organization.checkpoints.all()] == [40]


def test_the_digest_is_what_the_documentation_says() -> None:
    """A chain that is on disk must hold for ever: SHA-256 over the digest before and a JSON array."""
    entry = {
        "sequence": 2,
        "visit": "",
        "participant": "5f0c7a51-7a44-4a4e-9b7c-0d4e8f1c2b3a",
        "event": "launched",
        "at": "2026-03-02T09:00:00+00:00",
        "recorded_at": "2026-03-02T09:00:00.250000+00:00",
        "detail": {"door": "patient", "accent": "é"},
    }
    array = (
        '[2, "org", "", "5f0c7a51-7a44-4a4e-9b7c-0d4e8f1c2b3a", "launched", "2026-03-02T09:00:00+00:00", '
        '"2026-03-02T09:00:00.250000+00:00", {"accent": "\\u00e9", "door": "patient"}]'
    )
    assert verify.digest("ab" * 32, "org", entry) == hashlib.sha256(("ab" * 32 + array).encode()).hexdigest()
