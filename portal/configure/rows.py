"""The rows of the grid that are open: what somebody types, kept from one request to the next within the form itself."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from django import forms
from django.http import Http404, QueryDict

from connector.ehr.preflight import Report
from connector.models import Connection, Environment, Organization
from connector.teams.graph import Person
from portal.configure.forms import ChangeRowForm, NewRowForm

MOST_OPEN = 20
REF = re.compile(r"[0-9a-f]{16}")
NEW = re.compile(r"new-[1-9]\d{0,3}")


@dataclass
class Row:
    """One open row. `key` is `new-1` and so on, or the ref of the connection that is changed."""

    key: str
    form: forms.Form
    connection: Connection | None = None
    report: Report | None = None
    people: tuple[Person, ...] = ()
    approver: Person | None = None
    warnings: list[object] = field(default_factory=list)

    @property
    def failed(self) -> bool:
        return self.form.is_bound and bool(self.form.errors)


def opened(organization: Organization, data: QueryDict) -> list[Row]:
    """The open rows as they were sent, none of them checked yet. A ref of no connection of the organization is a
    404."""
    keys = list(dict.fromkeys(data.getlist("open")))[:MOST_OPEN]
    known = _connections(organization, (key for key in keys if not NEW.fullmatch(key)))
    return [_typed(key, known.get(key), data) for key in keys]


def _connections(organization: Organization, refs: Iterable[str]) -> dict[str, Connection]:
    wanted = set(refs)
    if not all(map(REF.fullmatch, wanted)):
        raise Http404
    rows = organization.connections.filter(ref__in=wanted).select_related("live", "proposed")
    known = {row.ref: row for row in rows.prefetch_related("revisions", "decisions")}
    if wanted - known.keys():
        raise Http404
    return known


def _typed(key: str, connection: Connection | None, data: Mapping[str, str]) -> Row:
    kind = ChangeRowForm if connection else NewRowForm
    sent = {name: data.get(f"{key}-{name}", "") for name in kind.base_fields}
    return Row(key, kind(prefix=key, initial=sent), connection)


def checked(row: Row) -> bool:
    """Check what a row holds; from here on its form says what is wrong."""
    sent = {f"{row.key}-{name}": value for name, value in row.form.initial.items()}
    row.form = type(row.form)(sent, prefix=row.key)
    return row.form.is_valid()


def new(rows: list[Row]) -> Row:
    """Another empty row."""
    numbers = [int(row.key.removeprefix("new-")) for row in rows if NEW.fullmatch(row.key)]
    key = f"new-{max(numbers, default=0) + 1}"
    row = Row(key, NewRowForm(prefix=key, initial={"environment": Environment.TESTING}))
    return _with_focus(row, "base_url")


def change(organization: Organization, ref: str) -> Row:
    """A connection's row, opened with what it holds now."""
    connection = _connections(organization, [ref])[ref]
    shown = connection.shown
    held = {"approver": shown.approver_upn, "label": connection.label, "seen": newest(connection)}
    return _with_focus(Row(ref, ChangeRowForm(prefix=ref, initial=held), connection), "approver")


def newest(connection: Connection) -> int:
    """The number of a connection's newest revision."""
    return max(revision.number for revision in connection.revisions.all())


def say(row: Row, name: str, value: str) -> None:
    """Set what the row sends along the next time."""
    form = row.form
    form.data = {**form.data, f"{row.key}-{name}": value}


def _with_focus(row: Row, name: str) -> Row:
    row.form.fields[name].widget.attrs["autofocus"] = True
    return row
