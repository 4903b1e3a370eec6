"""What an administrator takes along before the organization is ended, each as one file, written while it is read."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import chain

from django.http import QueryDict
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from connector import trail
from connector.models import Change, Organization
from portal import as_code, sheets
from portal.history.export import FORMATS
from portal.history.lines import Scope, line_of, lines
from portal.reports.export import written
from portal.reports.filters import EARLIEST, LATEST, FilterForm

AT_A_TIME = 500


@dataclass(frozen=True)
class Export:
    """One file: what is in it, and how it is written."""

    title: Promise
    ending: str
    media_type: str
    texts: Callable[[Organization], Iterable[str]]


def _trail(organization: Organization) -> Iterator[str]:
    return trail.lines(trail.extent(organization))


def _history(organization: Organization) -> Iterable[str]:
    form = FORMATS["jsonl"]
    rows = lines(Scope(organization)).iterator(chunk_size=AT_A_TIME)
    return chain([form.beginning], (form.write(line_of(row)) for row in rows))


def _reports(organization: Organization) -> Iterator[str]:
    every = FilterForm(organization, QueryDict(f"since={EARLIEST}&until={LATEST}&zone=UTC"), "UTC")
    every.full_clean()
    return written(every)


EXPORTS: dict[str, Export] = {
    "trail": Export(
        _("The audit trail"),
        "jsonl",
        "application/jsonl; charset=utf-8",
        _trail,
    ),
    "history": Export(_("The history"), "jsonl", FORMATS["jsonl"].media_type, _history),
    "reports": Export(_("All visits, without names"), "csv", sheets.MEDIA_TYPE, _reports),
    "configuration": Export(
        _("The configuration, to be read in again"),
        "yaml",
        "application/yaml; charset=utf-8",
        lambda organization: [as_code.export(organization)],
    ),
}


def taken(organization: Organization) -> dict[str, datetime]:
    """When each was last taken along, by its name."""
    rows = organization.changes.filter(kind=Change.Kind.EXPORTED, detail__what__in=list(EXPORTS))
    return {row.detail["what"]: row.at for row in rows.order_by("at")}
