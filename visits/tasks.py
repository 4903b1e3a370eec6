"""Celery tasks. Each wakes a service that reads from PostgreSQL what there is to do; a lost wake-up is found by the
sweeps, which are tasks of their own so that none waits for another."""

from celery import shared_task

from connector import trail
from connector.cached import alone
from connector.each import each
from visits import ending, forgetting, meeting, presence, receipts, reconcile, reports, writeback


@shared_task
def understand(receipt_id: int) -> None:
    """Understand one incoming notification."""
    receipts.understand(receipt_id)


@shared_task
def drain(target_id: int, lane: int) -> None:
    """Deliver what waits in one lane."""
    writeback.drain(target_id, lane)


@shared_task
def sweep_receipts() -> None:
    """Notifications that nobody was woken for."""
    receipts.sweep()


@shared_task
@alone
def sweep_presence() -> None:
    """Visits that are due, and people who left the waiting page."""
    presence.sweep_waiting()
    presence.sweep()


@shared_task
def sweep_writebacks() -> None:
    """Lanes with something to deliver that nobody drains, and what a target that is off was to be told long ago."""
    writeback.sweep()
    writeback.give_up_late()


@shared_task
def settle_reports() -> None:
    """What the EHR was told, in the rows of reports."""
    reports.settle_due()


@shared_task
def seal_trail() -> None:
    """Number and chain what the trails have gained, and sign for it now and then."""
    each(trail.unsettled(), trail.seal_all)


@shared_task
@alone
def renew_subscriptions() -> None:
    """Prolong Graph's subscriptions of visits that still run, and ask again for those that were refused."""
    meeting.renew_subscriptions()
    meeting.subscribe_again()


@shared_task
@alone
def look_at_meetings() -> None:
    """Read what attendance reports know of visits that still run."""
    reconcile.look()


@shared_task
@alone
def end_meetings() -> None:
    """Close, reconcile and delete the meetings of visits that have ended."""
    ending.work()


@shared_task
def forget() -> None:
    """Forget visits whose retention is over."""
    forgetting.forget()
