"""Celery tasks of the portal: each only calls a service that reads from PostgreSQL what there is to do."""

from celery import shared_task
from django.utils import timezone

from portal import approvers, closing, gone, preflight, rotation, watch
from portal.ready import proving


@shared_task
def watch_connections() -> None:
    """Tell administrators what goes wrong, once."""
    watch.watch()


@shared_task
def prove(proof_id: str) -> None:
    """Run the proof of an organization's set-up."""
    proving.prove(proof_id)


@shared_task
def rotate_keys() -> None:
    """Make the keys that the schedule asks for, and forget old ones."""
    rotation.sweep()


@shared_task
def end_organizations() -> None:
    """Work off the ends that were asked for and whose day has come."""
    closing.work()


@shared_task
def check_approvers() -> None:
    """The daily question whether those who approve still can."""
    approvers.check_due(timezone.now())


@shared_task
def check_links() -> None:
    """The daily question whether those who are linked to EHR users are still of the directory."""
    gone.check_due(timezone.now())


@shared_task
def check_addresses() -> None:
    """The daily preflight of approved connections."""
    preflight.check_due(timezone.now())
