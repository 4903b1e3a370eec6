"""Celery tasks of the connector: each only calls a service that reads from PostgreSQL what there is to do."""

from importlib import import_module

from celery import shared_task
from django.conf import settings

from connector import mail, trail
from connector.cached import alone
from connector.each import each, in_time

SECONDS = 60.0  # in which steps are begun: a task has two minutes


@shared_task
def deliver_mail() -> None:
    """Send the mails that are due."""
    mail.deliver()


@shared_task
def forget_mail() -> None:
    """Drop old mails."""
    mail.forget()


@shared_task
def forget_sessions() -> None:
    """Drop the sessions that are over: a sign-in that is begun and never finished leaves one."""
    import_module(settings.SESSION_ENGINE).SessionStore.clear_expired()


@shared_task
@alone
def verify_trails() -> None:
    """Verify each trail once a day, and those that somebody asked for; a step at a time."""
    each(trail.due(), lambda organization: trail.ask(organization.pk, whole=True))
    each(in_time(trail.asked(), SECONDS), trail.go_on)
