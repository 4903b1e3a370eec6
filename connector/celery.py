"""The Celery application. Tasks only wake somebody up; what is to be done stands in PostgreSQL (docs/adr)."""

import importlib
import os
from typing import Any

from celery import Celery
from celery.signals import (
    after_task_publish,
    beat_init,
    before_task_publish,
    setup_logging,
    task_postrun,
    task_prerun,
    worker_init,
    worker_shutting_down,
)
from django.conf import settings

from connector import logs, stopping, tally

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "connector.settings")
app = Celery("connector")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@setup_logging.connect
def keep_logging(**_: Any) -> None:
    """LOG_LEVEL alone says what is written (connector.logs). Celery would set a level of its own, and as long as
    somebody listens here it does not."""


@before_task_publish.connect
def send_reference(headers: dict[str, Any], **_: Any) -> None:
    """Whoever sends a task names what set it going: the first in a row of tasks, which is a request as a rule."""
    headers["reference"] = logs.origin.get() or logs.reference.get()


@task_prerun.connect
def give_reference(task: Any, **_: Any) -> None:
    """A number of its own for each task's lines, beside its origin's. Every task sets both anew, so nothing has to take
    them back."""
    logs.reference.set(logs.new_reference())
    logs.origin.set(getattr(task.request, "reference", None) or "")


@task_postrun.connect
def count_task(task: Any, state: str | None = None, **_: Any) -> None:
    """A task that ends well is a sign of life of scheduler, broker and worker alike."""
    name, outcome = task.name.rpartition(".")[2], (state or "UNKNOWN").lower()
    tally.count("tasks", task=name, outcome=outcome)
    if outcome == "success":
        tally.mark("task_last_success_timestamp_seconds", task=name)


@beat_init.connect
def begin_schedule(**_: Any) -> None:
    """In the scheduler's process: each task that the broker has taken is a sign of life."""
    after_task_publish.connect(_sent, weak=False)
    trace()


def _sent(**_: Any) -> None:
    tally.mark("scheduler_last_sent_timestamp_seconds")


@worker_init.connect
def trace(**_: Any) -> None:
    """Collect traces, where the operator names a collector; without one nothing of it is even imported."""
    if settings.TRACES_URL:
        importlib.import_module("connector.tracing").start()


@worker_shutting_down.connect
def stop(**_: Any) -> None:
    """SIGTERM: what is at hand is finished, and lanes and sweeps take up nothing more."""
    stopping.begin()
