"""Facts: what happened to somebody in a visit. Inserted once, never changed."""

from datetime import datetime

from django.db import connection

from connector.cached import outdate
from visits.models import Fact, Visit

PAGE = "page"  # the source of what our own pages saw
SEEN_KEY = "seen:{}"  # cache key of when a participant's page last asked, in epoch seconds
SEEN_SECONDS = 86_400

_INSERT = """
INSERT INTO visits_fact (visit_id, generation, source, event_id, participant_key, oid, kind, at)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING
"""


def record(
    visit: Visit,
    *,
    kind: Fact.Kind,
    participant_key: str,
    at: datetime,
    source: str,
    event_id: str,
    oid: str = "",
) -> bool:
    """Keep a fact of the visit's present meeting; False when it was there already. `oid` is a member's object id."""
    row = (visit.pk, visit.generation, source, event_id, participant_key, oid.lower(), kind.value, at)
    # Written by hand because bulk_create(ignore_conflicts=True) does not tell whether the row was new.
    with connection.cursor() as cursor:
        cursor.execute(_INSERT, row)
        new = bool(cursor.rowcount)
    if new:
        outdate("visit", visit.pk)
    return new


def newest_of_pages(visit: Visit) -> dict[str, str]:
    """The kind of the newest fact that our own pages saw in the visit's present meeting, by participant key."""
    seen = Fact.objects.filter(visit=visit, generation=visit.generation, source=PAGE)
    newest = seen.order_by("participant_key", "-at", "-kind", "-event_id").distinct("participant_key")
    return dict(newest.values_list("participant_key", "kind"))
