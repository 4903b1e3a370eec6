"""Reading the rows, a page at a time: by keyset, so that the thousandth page costs what the first one does."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any
from uuid import UUID

from django.db import connection as database
from django.db.models import F, Model, QuerySet
from django.db.models.fields.tuple_lookups import TupleGreaterThan, TupleLessThan
from django.utils.functional import Promise

from connector.models import Connection, Organization
from visits.models import Report, Visit
from visits.outcome import OUTCOMES, Outcome

PAGE = 50
MOST_COUNTED = 10_000
# Sort -> (column, newest or longest first)
SORTS: dict[str, tuple[str, bool]] = {
    "newest": ("at", True),
    "oldest": ("at", False),
    "longest": ("duration", True),
    "waited": ("waiting", True),
}
OUTCOME_WORDS: list[tuple[str, str | Promise]] = list(Report._meta.get_field("outcome").flatchoices)
TOLD_KINDS = {
    Report.Told.NOTHING: "off",
    Report.Told.WAITING: "waiting",
    Report.Told.DELIVERED: "ok",
    Report.Told.DEAD: "error",
}


@dataclass(frozen=True)
class Wanted:
    """Which rows: those of an organization from a moment (included) to another (not), and of a connection, department
    or outcome where one is named."""

    organization: Organization
    since: datetime
    until: datetime
    connection: UUID | None = None
    department: str = ""
    outcome: str = ""


@dataclass(frozen=True)
class Line:
    """A row as people read it. `reference` is what the EHR calls the appointment; None once the visit is forgotten."""

    row: Report
    ehr: Connection
    reference: str | None

    @property
    def running(self) -> bool:
        """Whether it has no figures yet."""
        return self.row.outcome == Report.RUNNING

    @property
    def outcome(self) -> tuple[str, str | Promise]:
        """Kind and word of the state component."""
        return ("waiting", self.row.get_outcome_display()) if self.running else OUTCOMES[Outcome(self.row.outcome)]

    @property
    def told(self) -> tuple[str, str | Promise]:
        told = Report.Told(self.row.told)
        return TOLD_KINDS[told], told.label


@dataclass(frozen=True)
class Page:
    """Some lines in order, with the cursors of the pages before and after them; empty where there is none."""

    lines: list[Line]
    before: str
    after: str


def rows(wanted: Wanted) -> QuerySet[Report]:
    """The rows that are wanted, in no order."""
    found = Report.objects.filter(organization=wanted.organization, at__gte=wanted.since, at__lt=wanted.until)
    named = {name: getattr(wanted, name) for name in ("connection", "department", "outcome")}
    return found.filter(**{name: value for name, value in named.items() if value})


def count(wanted: Wanted) -> int:
    """How many there are; one more than MOST_COUNTED where there are more than that. Nobody waits for a million."""
    return rows(wanted).order_by()[: MOST_COUNTED + 1].count()


def page_of(wanted: Wanted, sort: str, *, after: str = "", before: str = "") -> Page:
    """A page of the rows. A cursor that is none of ours leads to the first page."""
    column, descending = SORTS[sort]
    cursor = _read(column, after or before)
    back = bool(before) and cursor is not None
    found = rows(wanted).order_by(*_order(column, descending is not back))
    if cursor:
        beyond: Any = TupleLessThan if descending is not back else TupleGreaterThan
        found = found.filter(beyond((F(column), F("id")), cursor))
    shown = list(found[: PAGE + 1])
    more, shown = len(shown) > PAGE, shown[:PAGE]
    shown = shown[::-1] if back else shown
    has_before, has_after = (more, True) if back else (cursor is not None, more)
    return Page(
        lines=list(as_lines(shown)),
        before=_written(column, shown[0]) if shown and has_before else "",
        after=_written(column, shown[-1]) if shown and has_after else "",
    )


def ordered(wanted: Wanted, sort: str) -> QuerySet[Report]:
    """All rows that are wanted, in order."""
    return rows(wanted).order_by(*_order(*SORTS[sort]))


def as_lines(found: Iterable[Report]) -> Iterator[Line]:
    """The rows with their EHRs, and with what those call the appointments while the visits are kept: looked up for many
    at a time."""
    remaining, ehrs = iter(found), dict[UUID, Connection]()
    while some := list(islice(remaining, 10 * PAGE)):
        ehrs |= Connection.objects.in_bulk({row.connection_id for row in some} - ehrs.keys())
        kept = Visit.objects.filter(pk__in={row.visit for row in some}).select_related("connection")
        references = {visit.pk: visit.unseal("session") for visit in kept}
        yield from (Line(row, ehrs[row.connection_id], references.get(row.visit)) for row in some)


def departments(organization: Organization) -> list[str]:
    """The departments that an organization's rows name. Each step goes to the next one in the index: a million rows
    are not read to find twenty."""
    with database.cursor() as cursor:
        cursor.execute(_DEPARTMENTS, {"organization": organization.pk})
        return [row[0] for row in cursor.fetchall()]


_DEPARTMENTS = f"""
WITH RECURSIVE found(department) AS (
    SELECT min(department) FROM {Report._meta.db_table} WHERE organization_id = %(organization)s AND department > ''
    UNION ALL
    SELECT (SELECT min(department) FROM {Report._meta.db_table}
            WHERE organization_id = %(organization)s AND department > found.department)
    FROM found WHERE found.department IS NOT NULL
)
SELECT department FROM found WHERE department IS NOT NULL
"""  # noqa: S608 -- the table's own name


def _order(column: str, descending: bool) -> tuple[str, str]:
    sign = "-" if descending else ""
    return f"{sign}{column}", f"{sign}id"


def _written(column: str, row: Model) -> str:
    value = getattr(row, column)
    return f"{value.isoformat() if isinstance(value, datetime) else value}~{row.pk}"


def _read(column: str, cursor: str) -> tuple[datetime | int, int] | None:
    value, _, key = cursor.partition("~")
    try:
        read = datetime.fromisoformat(value) if column == "at" else int(value)
        known = read.tzinfo is not None if isinstance(read, datetime) else abs(read) < 2**31
        return (read, int(key)) if known and abs(int(key)) < 2**63 else None
    except ValueError:
        return None
