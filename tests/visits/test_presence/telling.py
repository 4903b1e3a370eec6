"""How these tests tell a story and read what became of it. Times are minutes before the test began."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.core.cache import cache
from django.utils import timezone

from connector.models import Entry
from visits import facts
from visits.models import Fact, Participant, Visit


@dataclass
class Clock:
    """When this test began: the moment that its stories are told back from."""

    now: datetime


CLOCK = Clock(timezone.now())


def begin_story() -> None:
    """A test begins now, and remembers nothing of the one before."""
    CLOCK.now = timezone.now()
    cache.clear()


def ago(minutes: float) -> datetime:
    return CLOCK.now - timedelta(minutes=minutes)


def page(person: Participant, kind: str, minutes: float) -> bool:
    """Our own page saw something, so many minutes ago."""
    key = str(person.id)
    return facts.record(
        person.visit,
        kind=Fact.Kind(kind),
        participant_key=key,
        at=ago(minutes),
        source=facts.PAGE,
        event_id=f"{minutes}",
    )


def roster(visit: Visit, key: str, kind: str, minutes: float, *, oid: str = "", source: str = "subscription:1") -> bool:
    """Microsoft told something about a roster entry."""
    event_id = f"{key} {minutes}"
    return facts.record(
        visit, kind=Fact.Kind(kind), participant_key=key, at=ago(minutes), source=source, event_id=event_id, oid=oid
    )


def reported(visit: Visit, key: str, kind: str, minutes: float) -> bool:
    """An attendance report told something about a stay of somebody whom it cannot name."""
    return roster(visit, key, kind, minutes, source=f"{facts.REPORT}:1:1")


def connected(clinician: Participant, minutes: float, *, kind: str = "connected") -> bool:
    assert clinician.user
    return roster(clinician.visit, "desk", kind, minutes, oid=str(clinician.user.oid))


def told(person: Participant) -> list[str]:
    return list(person.writebacks.order_by("sequence").values_list("presence", flat=True))


def trail_of(visit: Visit) -> list[tuple[str, datetime]]:
    return list(Entry.objects.filter(visit=visit.pk).order_by("at", "id").values_list("event", "at"))


def seen(person: Participant, minutes: float) -> None:
    cache.set(facts.SEEN_KEY.format(person.id), ago(minutes).timestamp(), 3600)
