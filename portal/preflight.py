"""The preflight of a FHIR base URL: when it is entered, when somebody asks, and daily for approved connections."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.contrib import messages
from django.db.models import F, OuterRef, Q, QuerySet, Subquery
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from connector import access, agreement, wires
from connector.agreement import Settings
from connector.each import each, in_time
from connector.ehr import preflight, status
from connector.ehr.preflight import Explanation, Finding, Report, Subject
from connector.http import Deadline
from connector.models import Connection, Preflight
from connector.signin import signed_in
from portal import directory, shell

SECONDS = 20.0
KEPT = timedelta(days=30)
EACH = timedelta(hours=23)
MAX_SECONDS = 90.0  # of one run: with the last check, less than a task may take
GRAVEST_FIRST = ("blocks", "warns", "info", "ok")
# level -> (kind of the state component)
KINDS = {"blocks": "error", "warns": "warning", "info": "info", "ok": "ok"}


@dataclass(frozen=True)
class Line:
    """One finding as the page shows it."""

    finding: Finding
    kind: str
    explanation: Explanation


def subject_of(connection: Connection, typed: Settings | None = None) -> Subject:
    """What is checked of a connection: its newest settings, held against what was approved. Settings that somebody is
    about to propose stand for themselves: their approval is what accepts that the EHR has moved."""
    agreed = typed or agreement.load(connection.shown.settings)
    approved = connection.live is not None and typed is None
    return Subject(
        base_url=connection.base_url,
        environment=connection.environment,
        client_id=agreed.provider_client_id,
        backend=wires.backend_client(agreed, connection.environment) if agreed.backend_client_id else None,
        backend_scopes=agreed.backend_scopes,
        status_url=status.address(agreed.status, connection.base_url),
        audit_addresses=tuple(one.address for one in agreed.audit),
        approved_hosts=frozenset(connection.approved_hosts) if approved else frozenset(),
        approved_kind=agreed.ehr_kind if approved else "",
    )


def check(connection: Connection, trigger: str, deadline: Deadline) -> Preflight:
    """Run a preflight and keep its report; earlier ones are forgotten after 30 days."""
    report = preflight.run(subject_of(connection), deadline=deadline)
    return keep(connection, trigger, report)


def keep(connection: Connection, trigger: str, report: Report) -> Preflight:
    """Keep the report of a preflight that was run already."""
    connection.preflights.filter(at__lt=timezone.now() - KEPT).delete()
    return Preflight.objects.create(connection=connection, trigger=trigger, report=report.dump(), blocks=report.blocks)


def lines_of(row: Preflight | None) -> list[Line]:
    """The findings of a kept preflight for people, the gravest first."""
    findings = Report.load(row.report).findings if row else ()
    lines = [Line(finding, KINDS[finding.level], preflight.explain(finding)) for finding in findings]
    return sorted(lines, key=lambda line: GRAVEST_FIRST.index(line.finding.level))


@require_http_methods(["GET", "POST"])
def findings(request: HttpRequest, ref: str) -> HttpResponse:
    """What the newest preflight found; a POST checks again."""
    connection = access.connection_of(signed_in(request), ref)
    if request.method == "POST":
        if page := directory.refusal(request, connection.organization, waits=False):
            return page
        check(connection, Preflight.Trigger.AGAIN, Deadline.after(SECONDS))
        messages.success(request, _("Checked again."))
        return redirect("preflight", ref=ref)
    row = connection.preflights.first()
    return shell.page(
        request, "portal/preflight.html", "configure", connection=connection, preflight=row, findings=lines_of(row)
    )


def check_due(now: datetime) -> None:
    """Check the approved connections that were not checked for a day, as long as a task may take; the next run goes on
    with those that have waited longest. What is found rings on the status page and by mail (portal.watch)."""
    each(
        in_time(due(now).iterator(), MAX_SECONDS),
        lambda connection: check(connection, Preflight.Trigger.DAILY, Deadline.after(SECONDS)),
    )


def due(now: datetime) -> QuerySet[Connection]:
    """The approved connections whose address nobody has checked for a day, longest ago first."""
    newest = Preflight.objects.filter(connection=OuterRef("pk")).order_by("-at").values("at")[:1]
    live = Connection.objects.exclude(live=None).annotate(checked=Subquery(newest))
    waiting = live.filter(Q(checked=None) | Q(checked__lt=now - EACH)).order_by(F("checked").asc(nulls_first=True))
    return waiting.select_related("organization", "live", "proposed")
