"""Counting rows for charts and months: in the database, in one pass, by days and hours of the reader's zone."""

from dataclasses import dataclass
from datetime import tzinfo
from typing import Any

from django.db import connection as database
from django.db.models import Case, Expression, F, IntegerField, Value, When
from django.db.models.functions import ExtractHour, TruncDate

from visits.outcome import Outcome
from visits.reports.reading import Wanted, rows

# Where classes end, in seconds (not included); the last class has no end.
WAITED = (60, 300, 600, 900, 1800, 3600)
LASTED = (300, 600, 900, 1200, 1800, 2700, 3600)
TOLD_AFTER = (2, 5, 15, 60, 300, 3600)


@dataclass(frozen=True)
class Tally:
    """What is counted together: how many visits, and their seconds of duration and of waiting."""

    visits: int = 0
    duration: int = 0
    waiting: int = 0


def tally(wanted: Wanted, zone: tzinfo, *sets: tuple[str, ...]) -> list[dict[Any, Tally]]:
    """For each set of columns the tallies by their value; by a tuple of them where they are several. Columns: day and
    hour in this zone, outcome, connection, department, and the classes waited, lasted and told_after (a number; None
    where there is nothing to measure)."""
    columns = sorted({name for one in sets for name in one})
    measured = rows(wanted).values("duration", "waiting", **{f"x_{name}": _column(name, zone) for name in columns})
    inner, params = measured.query.sql_with_params()
    named = [f"x_{name}" for name in columns]
    grouped = ", ".join(f"({', '.join(f'x_{name}' for name in one)})" for one in sets)
    with database.cursor() as cursor:
        cursor.execute(
            f"SELECT grouping({', '.join(named)}), {', '.join(named)}, count(*), sum(duration), sum(waiting)"  # noqa: S608 -- names of ours
            f" FROM ({inner}) AS measured GROUP BY GROUPING SETS ({grouped})",
            params,
        )
        return _by_set(cursor.fetchall(), columns, sets)


def _column(name: str, zone: tzinfo) -> Expression | F:
    classes = {"waited": ("waiting", WAITED), "lasted": ("duration", LASTED), "told_after": ("told_after", TOLD_AFTER)}
    if name in classes:
        return _class(*classes[name])
    known = {"day": TruncDate("at", tzinfo=zone), "hour": ExtractHour("met_at", tzinfo=zone)}
    return known.get(name, F(f"{name}_id" if name == "connection" else name))


def _class(column: str, ends: tuple[int, ...]) -> Case:
    """The number of the class that a value is in. Nobody who did not wait, and no visit that did not take place, is in
    one."""
    without = [] if column == "told_after" else [When(**{column: 0}, then=None)]
    within = [When(**{f"{column}__lt": end}, then=Value(number)) for number, end in enumerate(ends)]
    longer = When(**{f"{column}__isnull": False}, then=Value(len(ends)))
    return Case(*without, *within, longer, default=None, output_field=IntegerField())


def _by_set(found: list[Any], columns: list[str], sets: tuple[tuple[str, ...], ...]) -> list[dict[Any, Tally]]:
    """GROUPING() tells by its bits, the last column's being the lowest, which columns a row is not grouped by."""
    tallies: dict[int, dict[Any, Tally]] = {_mask(columns, one): {} for one in sets}
    places = {_mask(columns, one): [1 + columns.index(name) for name in one] for one in sets}
    for row in found:
        value = tuple(row[place] for place in places[row[0]])
        tallies[row[0]][value if len(value) > 1 else value[0]] = Tally(*(int(one) for one in row[-3:]))
    return [tallies[_mask(columns, one)] for one in sets]


def _mask(columns: list[str], of: tuple[str, ...]) -> int:
    return int("".join(str(int(name not in of)) for name in columns), 2)


def lobby_lost(wanted: Wanted) -> int:
    """Of how many it is not known how long somebody was in the lobby."""
    return rows(wanted).filter(lobby=None).count()


def held(wanted: Wanted) -> int:
    """How many took place: what an allowance counts."""
    return rows(wanted).filter(outcome=Outcome.HELD).count()
