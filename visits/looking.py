"""Looking on at test visits: the calls that are made for them go into the trail, by host, status and time."""

from collections.abc import Callable
from typing import TypeVar

from connector import trail
from connector.observing import Call, observed, service
from visits.models import Participant

CALL = "test-call"
T = TypeVar("T")


def looked_on(participant: Participant | None, act: Callable[[], T]) -> T:
    """Do it; in a test visit what it asked of whom for a participant is kept, whether it succeeds or not."""
    if participant is None or not participant.visit.test:
        return act()
    with observed() as calls:
        try:
            return act()
        finally:
            for call in calls:
                _keep(participant, call)


def _keep(participant: Participant, call: Call) -> None:
    trail.record(
        participant.visit.connection.organization,
        CALL,
        visit=participant.visit_id,
        participant=participant.id,
        service=service(call.host),
        host=call.host,
        method=call.method,
        status=str(call.status or ""),
        milliseconds=str(call.milliseconds),
    )
