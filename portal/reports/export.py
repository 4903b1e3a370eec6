"""All visits of a filter as a file, read from the database while it is written. A file takes a thread of the web server
and a transaction for as long as it lasts: so one an organization at a time, and not for ever."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import islice
from zoneinfo import ZoneInfo

from django.core.cache import cache
from django.db import transaction

from connector.cached import quietly
from connector.models import Organization
from portal import sheets
from portal.reports.filters import FilterForm
from visits.services import reports

AT_A_TIME = 500
ONE, MOST_SECONDS = "export:{}", 600  # a million visits take two minutes; who reads slower than this is cut off
LOST = reports.Outcome.UNKNOWN.value
COLUMNS = (
    *("day", "start_utc", "first_sign_utc", "end_utc", "ehr", "environment", "department", "duration_seconds"),
    *("waiting_seconds", "lobby_seconds", "attendants", "outcome", "ehr_told", "ehr_told_after_seconds"),
    *("appointment", "visit", "meeting"),
)


class TooSlow(Exception):
    """The reader takes too long: the connection is broken off, so that nobody takes a part of the file for all."""


def may_begin(organization: Organization) -> bool:
    """Whether no other file of this organization is being written. While the cache is away nobody can tell."""
    return quietly(lambda: cache.add(ONE.format(organization.pk), True, MOST_SECONDS)) is not False


def then_another(organization: Organization, pieces: Iterator[str]) -> Iterator[str]:
    """The pieces of a file that may_begin has let begin. After the last, or when the reader leaves, another may."""
    try:
        yield from pieces
    finally:
        quietly(lambda: cache.delete(ONE.format(organization.pk)))


def written(form: FilterForm) -> Iterator[str]:
    """The file, some rows at a time. One transaction: outside of one the database would keep the whole answer before
    its first row is sent."""
    until = time.monotonic() + MOST_SECONDS
    yield sheets.BEGINNING + sheets.row(COLUMNS)
    with transaction.atomic():
        lines = reports.as_lines(reports.ordered(form.wanted, form.order).iterator(chunk_size=AT_A_TIME))
        while some := list(islice(lines, AT_A_TIME)):
            if time.monotonic() > until:
                raise TooSlow
            yield "".join(sheets.row(_cells(line, form.tz)) for line in some)


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
