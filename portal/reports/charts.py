"""Tables of figures. Each is the table behind a chart, which the browser draws from it (static/js/charts.js)."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from typing import Any

from django.utils.formats import date_format
from django.utils.functional import Promise
from django.utils.translation import gettext as _

from portal.reports.filters import FilterForm
from portal.templatetags.spans import span
from visits.services import reports

Text = str | Promise
Tallies = Mapping[Any, reports.Tally]
LONGEST_DAYS = 92  # of charts: more bars than a quarter has days are not read any more
NONE = reports.Tally()


@dataclass(frozen=True)
class Table:
    """What its first column names, the other columns' names, and the rows: what each is, and its numbers. Where
    `stacked`, the columns are parts of a whole and the last one is the whole."""

    title: str
    first: str
    columns: Sequence[Text]
    rows: Sequence[tuple[Text, Sequence[int]]]
    stacked: bool = False

    @property
    def empty(self) -> bool:
        return not any(any(numbers) for _title, numbers in self.rows)


def charts(form: FilterForm) -> list[Table]:
    """The five charts of what a filter asks for."""
    sets = (("day", "outcome"), ("waited",), ("lasted",), ("hour",), ("told_after",))
    days, waited, lasted, hours, told = reports.tally(form.wanted, form.tz, *sets)
    return [
        crossed(_("Visits a day"), _("Day"), of_days(form.days), days),
        classes(_("Waiting time of patients"), _("On the waiting page for"), reports.WAITED, waited),
        classes(_("Duration of visits"), _("From both there until the last one left"), reports.LASTED, lasted),
        counted(
            _("Busiest hours"), _("Visits that began from"), [(hour, f"{hour:02d}:00") for hour in range(24)], hours
        ),
        classes(_("Delay of the EHR"), _("From what happened until the EHR knew"), reports.TOLD_AFTER, told),
    ]


def of_days(days: Iterable[date]) -> list[tuple[date, str]]:
    """Days as keys of a table, with how they are shown: each language has an order of its own."""
    return [(day, date_format(day, _("D j M"))) for day in days]


def crossed(title: str, first: str, keys: Iterable[tuple[Any, Text]], tallies: Tallies) -> Table:
    """A row a key, a column for each outcome that occurs, and their sum."""
    occur = {outcome for _key, outcome in tallies}
    outcomes = [(value, word) for value, word in reports.OUTCOME_WORDS if value in occur]
    rows = []
    for key, label in keys:
        numbers = [tallies.get((key, value), NONE).visits for value, _word in outcomes]
        rows.append((label, [*numbers, sum(numbers)]))
    return Table(title, first, [*(word for _value, word in outcomes), _("All")], rows, stacked=True)


def counted(title: str, first: str, keys: Iterable[tuple[Any, Text]], tallies: Tallies) -> Table:
    """A row a key with how many there are."""
    return Table(title, first, [_("Visits")], [(label, [tallies.get(key, NONE).visits]) for key, label in keys])


def classes(title: str, first: str, ends: Sequence[int], tallies: Tallies) -> Table:
    """How many visits are in each class of a length of time."""
    within = [_("%(first)s to %(last)s") % {"first": span(begin), "last": span(end)} for begin, end in pairwise(ends)]
    labels = [
        _("under %(end)s") % {"end": span(ends[0])},
        *within,
        _("%(end)s and more") % {"end": span(ends[-1])},
    ]
    return counted(title, first, enumerate(labels), tallies)
