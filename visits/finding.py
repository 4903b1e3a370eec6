"""Finding a visit for an administrator: by its day, or by the id that the EHR calls it, which is hashed as it was when
the visit began, and neither kept nor logged."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import Count, Q, QuerySet

from connector import keys
from connector.models import Connection
from visits.models import Visit

MOST = 200
KINDS = ("context", "appointment", "encounter", "conference")


@dataclass(frozen=True)
class Found:
    """A visit as a list shows it: by its times, never by what the EHR calls it."""

    number: UUID
    begun_at: datetime
    ended_at: datetime | None
    people: int
    told: int  # rows of the outbox
    given_up: int
    test: bool


def on_day(connection: Connection, begins: datetime) -> list[Found]:
    """The visits that began within the 24 hours from `begins`, the newest first; at most MOST."""
    day = Q(created_at__gte=begins, created_at__lt=begins + timedelta(days=1))
    return _found(Visit.objects.filter(day, connection=connection))


def by_session(connection: Connection, typed: str) -> Visit | None:
    """The newest visit that the EHR calls by this id, whatever kind of id it is. Epic pads some ids with a space that
    people do not type."""
    visits = Visit.objects.filter(connection=connection, session_hash__in=_hashes(connection, typed))
    return visits.order_by("-created_at").first()


def _hashes(connection: Connection, typed: str) -> list[str]:
    written = dict.fromkeys((typed, typed.strip(), f" {typed.strip()}"))
    places = [("visit", "session", str(connection.id), kind) for kind in KINDS]
    return [keys.hash_of(connection.organization_id, one, place)[0] for one in written if one for place in places]


def _found(visits: QuerySet[Visit]) -> list[Found]:
    newest = list(visits.order_by("-created_at").values_list("pk", flat=True)[:MOST])  # before anything is counted
    rows = Visit.objects.filter(pk__in=newest).annotate(
        people=Count("participants", distinct=True),
        told=Count("writebacks", distinct=True),
        given_up=Count("writebacks", filter=Q(writebacks__state="dead"), distinct=True),
    )
    return [
        Found(row.pk, row.created_at, row.ended_at, row.people, row.told, row.given_up, row.test)
        for row in rows.order_by("-created_at")
    ]
