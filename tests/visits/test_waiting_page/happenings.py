"""What happens in a visit while its pages are open."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from django.utils import timezone

from connector.cached import outdate
from visits import facts, presence
from visits.models import Fact, Participant, Visit

WAITS, READY = "You are in the right place", "Your visit is ready"
Committed = Callable[..., None]


def opened(visit: Visit, *, visitor_link: bool = True) -> None:
    """The clinician has opened the meeting."""
    visit.seal("join_url", "https://teams.microsoft.com/meet/1")
    visit.seal("visitor_url", "https://visit.teams.microsoft.com/1" if visitor_link else "")
    visit.save(update_fields=["join_url_sealed", "visitor_url_sealed"])
    outdate("visit", visit.pk)


def guest(visit: Visit, kind: str, minutes: float = 0) -> None:
    """Microsoft tells that somebody without an account came or went."""
    seat: dict[str, Any] = {"participant_key": "seat-guest", "source": "subscription:1"}
    at = timezone.now() - timedelta(minutes=minutes)
    facts.record(visit, kind=Fact.Kind(kind), at=at, event_id=f"guest-{kind}-{minutes}", **seat)
    presence.refold(visit.pk)


def in_call(person: Participant, kind: str, minutes: float = 0) -> None:
    """Microsoft tells that a clinician came or went."""
    assert person.user
    seat: dict[str, Any] = {
        "participant_key": f"seat-{person.pk}",
        "oid": str(person.user.oid),
        "source": "subscription:1",
    }
    at = timezone.now() - timedelta(minutes=minutes)
    facts.record(person.visit, kind=Fact.Kind(kind), at=at, event_id=f"{kind}-{minutes}", **seat)
    presence.refold(person.visit_id)


def met(carla: Participant) -> None:
    """The clinician and a patient were in the call together; then she left."""
    in_call(carla, "connected", 2)
    guest(carla.visit, "connected", 1)
    in_call(carla, "disconnected")


def opened_and_left(carla: Participant) -> None:
    """A nurse, say, had a look: the patient knocked, came in later, and met nobody."""
    in_call(carla, "connected", 3)
    guest(carla.visit, "lobby", 2)
    in_call(carla, "disconnected", 1)
    guest(carla.visit, "connected")


def over(visit: Visit, carla: Participant) -> None:
    """The clinician was there without the patient's page, and the visit has ended."""
    opened(visit)
    in_call(carla, "connected", 30)
    in_call(carla, "disconnected", 10)


def at_page(pia: Participant, kind: str, minutes: float) -> None:
    at = timezone.now() - timedelta(minutes=minutes)
    who: dict[str, Any] = {"participant_key": str(pia.pk), "source": facts.PAGE, "event_id": f"{kind}-{minutes}"}
    facts.record(pia.visit, kind=Fact.Kind(kind), at=at, **who)
