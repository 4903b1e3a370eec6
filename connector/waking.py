"""Waking workers. What is to be done stands in PostgreSQL, so a wake-up may be lost: a sweep finds it."""

from connector.celery import app
from connector.dispensable import Dispensable

BROKER = Dispensable("broker unavailable")


def wake(task: str, *arguments: object) -> bool:
    """Ask a worker to run a task. False: the broker is away."""
    return BROKER.ask(lambda: app.send_task(task, [*arguments])) is not None
