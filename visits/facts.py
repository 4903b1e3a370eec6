"""Facts: what happened to somebody in a visit. Inserted once, never changed."""

from datetime import datetime

from django.db import connection

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
        return bool(cursor.rowcount)
