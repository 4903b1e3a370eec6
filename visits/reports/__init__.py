"""Reports: a row for each meeting of a visit, written with the fold, read by page, day and month. It names nobody and
outlives the visit."""

from visits.outcome import Outcome
from visits.reports.reading import (
    MOST_COUNTED,
    OUTCOME_WORDS,
    SORTS,
    Line,
    Page,
    Wanted,
    as_lines,
    count,
    departments,
    ordered,
    page_of,
)
from visits.reports.tally import LASTED, TOLD_AFTER, WAITED, Tally, held, lobby_lost, tally
from visits.reports.writing import settle, settle_due, write

__all__ = [
    "LASTED",
    "MOST_COUNTED",
    "OUTCOME_WORDS",
    "SORTS",
    "TOLD_AFTER",
    "WAITED",
    "Line",
    "Outcome",
    "Page",
    "Tally",
    "Wanted",
    "as_lines",
    "count",
    "departments",
    "held",
    "lobby_lost",
    "ordered",
    "page_of",
    "settle",
    "settle_due",
    "tally",
    "write",
]
