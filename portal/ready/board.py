"""Getting ready as a page shows it: every line with its state, what backs it up, and when it was last tried."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.conf import settings
from django.core.paginator import Page, Paginator
from django.db.models import Count, Q, QuerySet, Sum
from django.urls import reverse
from django.utils import timezone

from connector.http import Deadline
from connector.models import Check, Connection, Organization
from portal.ready import keep, texts
from portal.ready.checks import About, in_use
from portal.ready.lines import Line, wanted

State = Check.State
PAGE = 20  # connections
ICONS = {State.OK: "ok", State.OPEN: "warning", State.WAITING: "waiting", State.WRONG: "error", State.UNKNOWN: "info"}


@dataclass(frozen=True)
class Shown:
    """One line on a page."""

    line: Line
    row: Check
    connection: Connection | None = None

    @property
    def anchor(self) -> str:
        return f"{self.line.name}-{self.connection.ref}" if self.connection else self.line.name

    @property
    def done(self) -> bool:
        return self.row.state == State.OK

    @property
    def kind(self) -> str:
        return ICONS[State(self.row.state)]

    @property
    def says(self) -> str:
        return texts.say(self.row.code, self.row.evidence)

    @property
    def last_known(self) -> dict[str, Any] | None:
        """Where it could not be checked: what the last try that could be made had shown, and when."""
        seen = self.row.evidence.get("seen")
        if self.row.state != State.UNKNOWN or not seen:
            return None
        state = State(seen["state"])
        words = texts.say(seen["code"], self.row.evidence)
        return {"kind": ICONS[state], "word": state.label, "says": words, "at": keep.moment(seen["at"])}

    @property
    def may_confirm(self) -> bool:
        """Whether somebody may stand for it: once there is something to look at."""
        seen = self.row.tried_at is not None or self.line.name == "anonymous"
        return self.line.by_hand and seen and self.row.state == State.OPEN

    @property
    def confirmed_at(self) -> datetime | None:
        return keep.moment(self.row.evidence.get("confirmed_at")) if self.done else None

    @property
    def confirmed_by(self) -> str:
        return str(self.row.evidence.get("by", ""))

    @property
    def jwks_url(self) -> str:
        environment = self.connection.environment if self.connection else ""
        return settings.PUBLIC_URL + reverse("jwks", args=[environment])

    @property
    def granted_at(self) -> datetime | None:
        return keep.moment(self.row.evidence.get("granted_at"))


@dataclass(frozen=True)
class Board:
    """The lines of an organization, what is outstanding first, with those of the connections on this page;
    `outstanding` counts those of all pages."""

    lines: list[Shown]
    page: Page[Any]
    outstanding: int


def board_of(organization: Organization, number: str) -> Board:
    """Every line of an organization and of one page of its connections. What its own records tell is told as it is
    now."""
    of_each = [line for line in wanted() if line.of_connections]
    done = Q(checks__name__in=[line.name for line in of_each], checks__state=State.OK)
    connections = in_use(organization).annotate(done=Count("checks", filter=done))
    ordered = connections.select_related("live", "proposed", "organization").order_by("done", "base_url", "environment")
    page = Paginator(ordered, PAGE).get_page(number)
    kept = {(row.name, row.connection_id): row for row in _rows(organization, list(page))}
    whole = [
        Shown(line, _own(organization, line) if line.own else _kept(kept, organization, line, None))
        for line in wanted()
        if not line.of_connections
    ]
    each = [Shown(line, _kept(kept, organization, line, one), one) for line in of_each for one in page]
    undone = page.paginator.count * len(of_each) - (connections.aggregate(every=Sum("done"))["every"] or 0)
    lines = sorted([*whole, *each], key=lambda shown: shown.done)
    return Board(lines, page, undone + sum(not shown.done for shown in whole))


def _rows(organization: Organization, connections: list[Connection]) -> QuerySet[Check]:
    here = Q(connection=None) | Q(connection__in=connections)
    return Check.objects.filter(here, organization=organization)


def one_of(organization: Organization, line: Line, connection: Connection | None) -> Shown:
    """One line of an organization."""
    row = _own(organization, line) if line.own else keep.row(organization, line.name, connection)
    return Shown(line, row, connection)


def _kept(kept: dict[Any, Check], organization: Organization, line: Line, connection: Connection | None) -> Check:
    fresh = Check(organization=organization, connection=connection, name=line.name, since=timezone.now())
    return kept.get((line.name, connection.pk if connection else None), fresh)


def _own(organization: Organization, line: Line) -> Check:
    """Asks nobody, so it is never older than the page."""
    now = timezone.now()
    row = Check(organization=organization, name=line.name, tried_at=now, since=now)
    found = line.check(About(organization, "", row, Deadline.after(1.0)))
    row.state, row.code, row.evidence = found.state, found.code, found.evidence
    return row
