"""Submissions, decisions and changes, read as one list."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from django.db.models import BooleanField, CharField, ExpressionWrapper, F, JSONField, Q, QuerySet, Value
from django.db.models.functions import Cast, JSONObject
from django.utils.dateparse import parse_datetime
from django.utils.functional import Promise
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from connector.models import Change, Connection, Decision, Environment, Key, Organization, Revision
from connector.templatetags.ui import moment
from portal import labels
from portal.ready.lines import LINES

NEWEST = 5
SUBMITTED = "submit"
KINDS: dict[str, Any] = {
    SUBMITTED: gettext_lazy("Submitted"),
    **dict(Decision.Kind.choices),
    **dict(Change.Kind.choices),
}
# Details that are times, that are of use to programs alone, and whose values are codes.
MOMENTS = {"begins", "ends"}
UNSAID = {"proof"}
WORDS: dict[str, dict[str, Any]] = {
    "line": {line.name: line.title for line in LINES.values()},
    "why": {
        "account-gone": gettext_lazy("the Microsoft account was deleted"),
        "on-request": gettext_lazy("at the person's request"),
    },
    "by": {"somebody-else": gettext_lazy("somebody who is not signed in here")},
    "environment": dict(Environment.choices),
    "purpose": dict(Key.Purpose.choices),
}


@dataclass(frozen=True)
class Line:
    """One act. `kind` is a key of KINDS; `connection` is empty for what concerns the whole organization."""

    at: datetime
    kind: str
    who: str
    address: str | None
    connection: str
    environment: str
    ref: str
    number: int | None
    reason: str
    detail: dict[str, Any]
    by_itself: bool

    @property
    def what(self) -> str | Promise:
        named: str | Promise = KINDS[self.kind]
        if self.number is None:
            return named
        return _("%(what)s, revision %(number)d") % {"what": named, "number": self.number}

    @property
    def actor(self) -> str:
        return _("The connector itself") if self.by_itself else self.who

    @property
    def why(self) -> list[str]:
        """The reason, and what was changed, a line each."""
        said = {name: value for name, value in self.detail.items() if name not in UNSAID}
        return [*filter(None, [self.reason]), *(_told(name, value) for name, value in said.items())]

    @property
    def host(self) -> str:
        return urlsplit(self.connection).netloc

    @property
    def environment_name(self) -> str | Promise:
        return Environment(self.environment).label if self.environment else ""


def _told(name: str, value: object) -> str:
    label = labels.DETAILS.get(name, name)
    if isinstance(value, list) and len(value) == 2:
        before, after = (_value(name, one) for one in value)
        return _("%(label)s: %(before)s → %(after)s") % {"label": label, "before": before, "after": after}
    return format_html("{}: {}", label, _value(name, value))


def _value(name: str, value: object) -> str:
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    if name in MOMENTS and (when := parse_datetime(str(value))):
        return moment(when, "datetime")
    return _("nothing") if value in ("", None) else str(WORDS.get(name, {}).get(str(value), value))


@dataclass(frozen=True)
class Scope:
    """Whose acts a reader may see: the whole organization's, or those of some of its connections."""

    organization: Organization
    connections: QuerySet[Connection] | None = None
    connection: Connection | None = None  # the one that the page is about


def lines(scope: Scope, kind: str = "") -> QuerySet[Any]:
    """The acts of a scope, newest first, as rows for `line_of`; those of one of KINDS where `kind` names one."""
    sources = (_submitted(kind), _decided(kind), _changed(kind))
    wanted = [_within(scope, source).values_list(*_COLUMNS) for source in sources if source is not None]
    rows: QuerySet[Any] = wanted[0].union(*wanted[1:], all=True) if len(wanted) > 1 else wanted[0]
    return rows.order_by("-x_at", "-x_key")


def line_of(row: tuple[Any, ...]) -> Line:
    """A row of `lines`; what stands on no connection has none of its names."""
    kept = dict(zip(Line.__dataclass_fields__, row, strict=False))
    return Line(**kept | {name: kept[name] or "" for name in ("connection", "environment", "ref")})


def newest(connection: Connection) -> list[Line]:
    """The last few acts of a connection, for portal/history_lines.html."""
    return [line_of(row) for row in lines(scope_of_one(connection))[:NEWEST]]


def scope_of_one(connection: Connection) -> Scope:
    """The acts of one connection."""
    return Scope(connection.organization, Connection.objects.filter(pk=connection.pk), connection)


def _within(scope: Scope, source: QuerySet[Any]) -> QuerySet[Any]:
    if scope.connections is not None:
        return source.filter(connection__in=scope.connections.values("pk"))
    if source.model is Change:  # which may stand on no connection
        return source.filter(organization=scope.organization)
    return source.filter(connection__organization=scope.organization)


_COLUMNS = tuple(f"x_{name}" for name in (*Line.__dataclass_fields__, "key"))


def _as_columns(rows: QuerySet[Any], **given: Any) -> QuerySet[Any]:
    """The columns of a Line under names that no model has; the last one orders what happened at once."""
    text = {"output_field": CharField()}
    shared = {
        "who": F("actor_name"),
        "address": F("address"),
        "connection": F("connection__base_url"),
        "environment": F("connection__environment"),
        "ref": F("connection__ref"),
        "by_itself": Value(False),
        "key": Cast("pk", **text),
    }
    columns: QuerySet[Any] = rows.order_by().annotate(**{f"x_{n}": value for n, value in (shared | given).items()})
    return columns


def _submitted(kind: str) -> QuerySet[Any] | None:
    if kind not in ("", SUBMITTED):
        return None
    return _as_columns(
        Revision.objects.all(),
        at=F("submitted_at"),
        kind=Value(SUBMITTED),
        who=F("submitted_by_name"),
        number=F("number"),
        reason=Value(""),
        detail=JSONObject(approver=F("approver_name")),
    )


def _decided(kind: str) -> QuerySet[Any] | None:
    if kind and kind not in Decision.Kind:
        return None
    rows = Decision.objects.filter(kind=kind) if kind else Decision.objects.all()
    given = {"number": F("revision__number"), "reason": F("reason"), "detail": Value({}, output_field=JSONField())}
    return _as_columns(rows, at=F("at"), kind=F("kind"), **given)


def _changed(kind: str) -> QuerySet[Any] | None:
    if kind and kind not in Change.Kind:
        return None
    rows = Change.objects.filter(kind=kind) if kind else Change.objects.all()
    itself = ExpressionWrapper(Q(actor=None), output_field=BooleanField())
    given = {"number": Value(None, output_field=Revision._meta.get_field("number")), "reason": Value("")}
    return _as_columns(rows, at=F("at"), kind=F("kind"), detail=F("detail"), by_itself=itself, **given)
