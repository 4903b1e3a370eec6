"""Celery tasks. Each wakes a service that reads from PostgreSQL what there is to do; a lost wake-up is found by the
sweeps."""

from celery import shared_task

from connector import trail
from connector.models import Organization
from visits import meeting, presence, receipts, writeback


@shared_task
def understand(receipt_id: int) -> None:
    """Understand one incoming notification."""
    receipts.understand(receipt_id)


@shared_task
def drain(target_id: int, lane: int) -> None:
    """Deliver what waits in one lane."""
    writeback.drain(target_id, lane)


@shared_task
def sweep() -> None:
    """Find what nobody was woken for: receipts, lanes, visits that are due, people who left the waiting page."""
    receipts.sweep()
    presence.sweep_waiting()
    presence.sweep()
    writeback.sweep()


@shared_task
def tend() -> None:
    """The slower chores: seal the trail, prolong subscriptions."""
    for organization in Organization.objects.filter(trail__sequence=None).distinct():
        trail.seal(organization.pk)
    meeting.renew_subscriptions()
