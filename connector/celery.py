"""The Celery application. Tasks only wake somebody up; what is to be done stands in PostgreSQL (docs/adr)."""

import os
import secrets
from typing import Any

from celery import Celery
from celery.signals import task_prerun

from connector import logs

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "connector.settings")
app = Celery("connector")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@task_prerun.connect
def give_reference(**_: Any) -> None:
    """A number of its own for each task's lines. Every task sets it anew, so nothing has to take it back."""
    logs.reference.set(secrets.token_hex(4).upper())
