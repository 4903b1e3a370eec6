"""`manage.py health worker | scheduler`: for supervisors of processes that listen to nothing."""

import time
from typing import Any

from celery.utils.nodenames import default_nodename
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from connector import tally
from connector.celery import app
from connector.dispensable import AWAY

SECONDS = 3.0  # until a worker has answered
LATE = 30.0  # the scheduler sends something every five seconds
SENT = "scheduler_last_sent_timestamp_seconds"


class Command(BaseCommand):
    """Exits with 0 where the process is well, else with 1 and a sentence."""

    help = "Tells whether a worker or the scheduler is well."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("process", choices=("worker", "scheduler"))
        parser.add_argument("--name", default=default_nodename(""), help="a worker's node name (celery -n)")
        parser.add_argument("--wait", type=float, default=0, help="seconds that it may take to become well")

    def handle(self, *_: Any, process: str, name: str, wait: float, **__: Any) -> None:
        until = time.monotonic() + wait
        while (wrong := _wrong_with(process, name)) and time.monotonic() < until:
            time.sleep(1)
        if wrong:
            raise CommandError(f"{process}: {wrong}.")
        self.stdout.write(f"{process}: ok")


def _wrong_with(process: str, name: str) -> str:
    try:
        return _worker(name) if process == "worker" else _scheduler()
    except AWAY:
        return "nothing is known: the broker or the cache does not answer. Mend that first, and restart nothing"


def _worker(name: str) -> str:
    """What is wrong with a worker; nothing when it answers through the broker and none of its tasks is stuck. Threads
    cannot be stopped, so one that is past the time limit is lost until the worker starts again."""
    answers = app.control.inspect(destination=[name], timeout=SECONDS).active()
    if not answers or name not in answers:
        return f"{name} does not answer"
    began = [task["time_start"] for task in answers[name] if task.get("time_start")]
    stuck = [at for at in began if time.time() - at > settings.CELERY_TASK_TIME_LIMIT]
    return f"{len(stuck)} of its tasks run longer than {settings.CELERY_TASK_TIME_LIMIT} seconds" if stuck else ""


def _scheduler() -> str:
    """What is wrong with the scheduler; nothing when the broker took a task from it a moment ago."""
    sent = tally.read()[1].get((SENT,))
    if sent is None:
        return "no sign of life since the cache was emptied"
    silent = time.time() - sent
    return f"silent for {silent:.0f} seconds" if silent > LATE else ""
