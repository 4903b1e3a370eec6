"""All visits of a filter as a file, read from the database while it is written."""

from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import islice
from zoneinfo import ZoneInfo

from django.db import transaction

from portal import sheets
from portal.reports.filters import FilterForm
from visits.services import reports

AT_A_TIME = 500
LOST = reports.Outcome.UNKNOWN.value
COLUMNS = (
    *("day", "start_utc", "first_sign_utc", "end_utc", "ehr", "environment", "department", "duration_seconds"),
    *("waiting_seconds", "lobby_seconds", "attendants", "outcome", "ehr_told", "ehr_told_after_seconds"),
    *("appointment", "visit", "meeting"),
)


def written(form: FilterForm) -> Iterator[str]:
    """The file, some rows at a time. One transaction: outside of one the database would keep the whole answer before
    its first row is sent."""
    yield sheets.BEGINNING + sheets.row(COLUMNS)
    zone = form.tz
    with transaction.atomic():
        lines = reports.as_lines(reports.ordered(form.wanted, form.order).iterator(chunk_size=AT_A_TIME))
        while some := list(islice(lines, AT_A_TIME)):
            yield "".join(sheets.row(_cells(line, zone)) for line in some)


def _cells(line: reports.Line, zone: ZoneInfo) -> tuple[object, ...]:
    row = line.row
    return (
        *(row.at.astimezone(zone).date(), _utc(row.met_at), _utc(row.began_at), _utc(row.left_at)),
        *(line.ehr.base_url, line.ehr.environment, row.department, *_spent(line)),
        *(row.attendants, row.outcome, row.told, row.told_after),
        *(line.reference, row.visit, row.generation),
    )


def _spent(line: reports.Line) -> tuple[object, ...]:
    """Duration, waiting and lobby in seconds: nothing while the visit runs, a word where a time is lost."""
    row = line.row
    return ("",) * 3 if line.running else (row.duration, row.waiting, LOST if row.lobby is None else row.lobby)


def _utc(at: datetime | None) -> str:
    """A time that spreadsheets read as one."""
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S}" if at else ""
