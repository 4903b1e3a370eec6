"""The list of an organization's connections: searched, grouped by state, fifty a page, with the same number of queries
for any number of them."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from django.core.paginator import Page, Paginator
from django.db.models import Case, Count, IntegerField, OuterRef, Prefetch, Q, QuerySet, Subquery, Value, When

from connector.models import Check, Connection, Decision, Organization

PAGE_SIZE = 50
State = Connection.State
GROUPS = (State.NEEDS_APPROVAL, State.APPROVED, State.RETURNED, State.SUSPENDED, State.WITHDRAWN)
NEWEST_DECISION = Decision.objects.filter(connection=OuterRef("pk")).order_by("-at").values("kind")[:1]
# Connection.state, as the database says it.
RANK = Case(
    When(suspended=True, then=Value(GROUPS.index(State.SUSPENDED))),
    When(live__isnull=False, then=Value(GROUPS.index(State.APPROVED))),
    When(proposed__isnull=False, then=Value(GROUPS.index(State.NEEDS_APPROVAL))),
    When(newest_decision=Decision.Kind.WITHDRAW, then=Value(GROUPS.index(State.WITHDRAWN))),
    default=Value(GROUPS.index(State.RETURNED)),
    output_field=IntegerField(),
)
DISABLED = Check.objects.filter(name="approver", state=Check.State.WRONG)


@dataclass(frozen=True)
class Group:
    """The connections of one state on this page; `count` is how many there are on all pages."""

    state: Connection.State
    count: int
    connections: list[Connection]


@dataclass(frozen=True)
class Listing:
    """One page of the list."""

    page: Page[Any]
    groups: list[Group]
    text: str
    total: int

    def place(self, open_rows: dict[str, Any]) -> set[str]:
        """Put open rows where their connections stand on this page; returns the refs of those that stand here."""
        here = {one.ref: one for group in self.groups for one in group.connections if one.ref in open_rows}
        for ref, connection in here.items():
            connection.open_row = open_rows[ref]  # type: ignore[attr-defined]
        return set(here)


def listing(organization: Organization, text: str, number: str) -> Listing:
    """The page with this number of the connections whose URL or label holds the text."""
    found = ranked(organization, text)
    counts = dict(found.values_list("rank").annotate(count=Count("pk")).order_by())
    ordered = found.select_related("live", "proposed").prefetch_related(
        "revisions", "decisions", Prefetch("checks", DISABLED, to_attr="disabled_approvers")
    )
    paginator = Paginator(ordered.order_by("rank", "base_url", "environment"), PAGE_SIZE)
    paginator.count = sum(counts.values())  # a cached property: counted already
    page = paginator.get_page(number)
    return Listing(page, list(_groups(page, counts)), text, paginator.count)


def ranked(organization: Organization, text: str) -> QuerySet[Any]:
    """The connections that match, each with its `rank` in GROUPS."""
    found = organization.connections.annotate(newest_decision=Subquery(NEWEST_DECISION)).annotate(rank=RANK)
    return found.filter(Q(base_url__icontains=text) | Q(label__icontains=text)) if text else found


def _groups(page: Page[Any], counts: dict[int, int]) -> Iterator[Group]:
    for rank, connections in groupby(page.object_list, key=lambda one: one.rank):
        yield Group(GROUPS[rank], counts[rank], list(connections))
