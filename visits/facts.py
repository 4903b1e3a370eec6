"""Facts: what happened to somebody in a visit. Inserted once, never changed."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from django.db import connection
from django.db.models import F

from connector import keys
from connector.cached import outdate
from connector.teams.notifications import Identity
from visits.fold import FactLine
from visits.models import Fact, Participant, Visit

PAGE = "page"  # the source of what our own pages saw
REPORT = "report"  # the source of what attendance reports tell: "report:<which>:<version>"
LIMIT = "limit"  # the source of an end that nobody told: nothing was heard for as long as a call can last
SEEN_KEY = "seen:{}"  # cache key of when a participant's page last asked, in epoch seconds
SEEN_SECONDS = 86_400

FOLDED = ("kind", "participant_key", "oid", "at", "event_id", "foreign", "source")

_INSERT = """
INSERT INTO visits_fact (visit_id, generation, source, event_id, participant_key, oid, "foreign", kind, at)
SELECT id, %s, %s, %s, %s, %s, %s, %s, %s FROM visits_visit WHERE id = %s FOR KEY SHARE ON CONFLICT DO NOTHING
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
    foreign: bool = False,
) -> bool:
    """Keep a fact of the visit's present meeting; False when it was there already, or the visit has been forgotten.
    `oid` is a member's object id; `foreign`: with an account, and not of a member."""
    row = (visit.generation, source, event_id, participant_key, oid.lower(), foreign, kind.value, at, visit.pk)
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


def lines_of(visit: Visit, generation: int) -> list[FactLine]:
    """The facts of one meeting of a visit, as they are folded. Of a report that was read again and had changed, the
    newest version counts."""
    rows = Fact.objects.filter(visit=visit, generation=generation).order_by("pk").values_list(*FOLDED)
    return _newest([_line(*row) for row in rows])


def lines_of_each(visits: Iterable[Visit]) -> dict[UUID, list[FactLine]]:
    """The same of the present meetings of many visits, read at once."""
    rows = Fact.objects.filter(visit__in=visits, generation=F("visit__generation")).order_by("pk")
    found: dict[UUID, list[FactLine]] = defaultdict(list)
    for visit_id, *row in rows.values_list("visit_id", *FOLDED):
        found[visit_id].append(_line(*row))
    return defaultdict(list, {visit_id: _newest(lines) for visit_id, lines in found.items()})


def _line(kind: str, key: str, oid: str, at: datetime, event_id: str, foreign: bool, source: str) -> FactLine:
    return FactLine(kind, key, oid, at, event_id, foreign, source if source.startswith(f"{REPORT}:") else "")


def _newest(found: list[FactLine]) -> list[FactLine]:
    newest = {_which(line): line.report for line in found}
    return [line for line in found if newest[_which(line)] == line.report]


def _which(line: FactLine) -> str:
    return line.report.rpartition(":")[0]


def entry_key(visit: Visit, name: str) -> str:
    """What stands for an entry of a roster or a report in the facts of this visit."""
    organization, place = visit.connection.organization_id, ("roster", str(visit.pk))
    return keys.hash_of(organization, name, place, since=visit.created_at)[0]


def account_of(visit: Visit, identity: Identity) -> tuple[str, bool]:
    """(object id of a member of the organization or nothing, whether it is an account of another organization or of
    one that nobody named).

    Where no tenant is named, only a clinician of this visit is known to be a member. Patients come without an account:
    whoever has one, known or not, is never taken for one of them.
    """
    try:
        oid = UUID(identity.id) if identity.kind == "user" else None
    except ValueError:
        oid = None  # teamsvisitor: and the like
    tid = visit.connection.organization.tid
    if oid is None or identity.tenant_id not in ("", str(tid)):
        return "", oid is not None
    clinicians = visit.participants.filter(role=Participant.Role.PROVIDER, user__tid=tid, user__oid=oid)
    member = bool(identity.tenant_id) or clinicians.exists()
    return str(oid) if member else "", not member
