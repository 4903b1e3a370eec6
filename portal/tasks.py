"""Celery tasks of the portal: each only calls a service that reads from PostgreSQL what there is to do."""

from celery import shared_task

from portal import watch


@shared_task
def watch_connections() -> None:
    """Tell administrators what goes wrong, once."""
    watch.watch()
