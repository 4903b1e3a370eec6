"""A month on a page to print: what it came to, its parts, and the allowance where one is set."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.utils import timezone
from django.utils.translation import gettext as _

from connector.models import Organization
from portal.reports.charts import Table, crossed, of_days
from portal.reports.filters import EARLIEST, LATEST, days, midnight, named
from visits.services import reports


@dataclass(frozen=True)
class Allowance:
    """Visits that are paid for in a month, and those that took place."""

    visits: int
    used: int

    @property
    def left(self) -> int:
        return max(self.visits - self.used, 0)

    @property
    def over(self) -> int:
        return max(self.used - self.visits, 0)


@dataclass(frozen=True)
class Month:
    """What a month came to, in seconds where it is about time. `lobby_lost`: visits whose time in the lobby is not
    known."""

    visits: int
    held: int
    duration: int
    mean_duration: int
    mean_waiting: int
    lobby_lost: int
    parts: list[Table]


def month_of(text: str, zone: ZoneInfo) -> date:
    """The first day of the month that a page asks for as YYYY-MM; of the present one where that is none."""
    try:
        asked = date.fromisoformat(f"{text}-01")
    except ValueError:
        asked = date.max
    return asked if EARLIEST <= asked <= LATEST else timezone.now().astimezone(zone).date().replace(day=1)


def wanted(organization: Organization, first: date, zone: ZoneInfo) -> reports.Wanted:
    """The rows of a month."""
    return reports.Wanted(organization, midnight(first, zone), midnight(_next(first), zone))


def allowance(organization: Organization, first: date, zone: ZoneInfo) -> Allowance | None:
    """How a month's allowance stands, where one is set."""
    if organization.allowance is None:
        return None
    return Allowance(organization.allowance, reports.held(wanted(organization, first, zone)))


def month(organization: Organization, first: date, zone: ZoneInfo) -> Month:
    """What a month came to."""
    sets = (("outcome",), ("waited",), ("connection", "outcome"), ("department", "outcome"), ("day", "outcome"))
    asked = wanted(organization, first, zone)
    outcomes, waited, connections, departments, by_day = reports.tally(asked, zone, *sets)
    held = outcomes.get(reports.Outcome.HELD, reports.Tally())
    who_waited = [tally for number, tally in waited.items() if number is not None]
    ehrs = [(one.pk, named(one)) for one in organization.connections.order_by("label", "base_url")]
    codes = sorted({code for code, _outcome in departments})
    return Month(
        visits=sum(tally.visits for tally in outcomes.values()),
        held=held.visits,
        duration=held.duration,
        mean_duration=_mean(held.duration, held.visits),
        mean_waiting=_mean(sum(one.waiting for one in who_waited), sum(one.visits for one in who_waited)),
        lobby_lost=reports.lobby_lost(asked),
        parts=[
            crossed(_("By EHR"), _("EHR"), _with_visits(ehrs, connections), connections),
            crossed(
                _("By department"), _("Department"), [(code, code or _("None named")) for code in codes], departments
            ),
            crossed(_("By day"), _("Day"), of_days(days(first, _next(first) - timedelta(days=1))), by_day),
        ],
    )


def _with_visits(keys: list[tuple[Any, str]], tallies: Mapping[Any, reports.Tally]) -> list[tuple[Any, str]]:
    occur = {key for key, _outcome in tallies}
    return [(key, label) for key, label in keys if key in occur]


def _mean(total: int, count: int) -> int:
    return round(total / count) if count else 0


def _next(first: date) -> date:
    return (first + timedelta(days=31)).replace(day=1)
