"""What goes wrong with a connection by itself: shown on its status page, and told to its administrators once."""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from connector import mail
from connector.each import each
from connector.models import Connection, Downtime, Preflight, Verification
from connector.problems.table import ADMINISTRATOR, ANALYST, Problem
from visits import services as visits
from visits.services import Troubles

LATE = timedelta(minutes=15)

# Problems of a running connection, by code; they are added to connector.problems, whose texts mails use too.
PROBLEMS: dict[str, Problem] = {
    "writebacks-late": Problem(
        _("The EHR is not told who is connected"),
        _("Writebacks have waited for more than 15 minutes. They are kept, and the newest state goes out later."),
        _("Ask the EHR's team whether it is down. If it is a planned downtime, announce it on the status page."),
        ANALYST,
    ),
    "writebacks-given-up": Problem(
        _("Writebacks were given up"),
        _("The EHR refused them, or they could not be delivered for a day. The chart may show an old state."),
        _("Open the status page: it says what the EHR answered. Mend that, then send them again from there."),
        ADMINISTRATOR,
    ),
    "events-given-up": Problem(
        _("AuditEvents were given up"),
        _("A repository could not be told of them for a day. No chart is wrong, and the trail here has them all."),
        _("Open the connection's writebacks: they say what it answered. Mend that, then send them again from there."),
        ADMINISTRATOR,
    ),
    "target-off": Problem(
        _("An AuditEvent repository is turned off"),
        _("It answered that it takes no AuditEvents, so none is sent. The connector's own trail has them all."),
        _("Open the connection's writebacks: they say what it answered. Mend that, and try it again from there."),
        ADMINISTRATOR,
    ),
    "trail-broken": Problem(
        _("The audit trail does not hold"),
        _("The daily check found entries that were changed, removed or put in. Visits go on as ever."),
        _("Open the audit trail's page: it names the entries. Export the trail, and keep the log."),
        _("Whoever operates the connector"),
    ),
    "preflight-blocks": Problem(
        _("The check of the EHR's address found something that stops visits"),
        _("The daily check found a setting of the EHR that keeps launches from working."),
        _("Open the connection's check: each finding says what to mend and who can."),
        ANALYST,
    ),
}


@dataclass(frozen=True)
class Seen:
    """How a connection is doing: what its visits tell, and whether the newest check of its address found what stops
    them."""

    troubles: Troubles
    blocked: bool


ALARMS: dict[str, Callable[[Seen, datetime], bool]] = {
    "writebacks-late": lambda seen, now: (seen.troubles.waiting_since or now) < now - LATE,
    "writebacks-given-up": lambda seen, now: seen.troubles.charts > 0,
    "events-given-up": lambda seen, now: seen.troubles.events > 0,
    "target-off": lambda seen, now: seen.troubles.off > 0,
    "preflight-blocks": lambda seen, now: seen.blocked,
}


@dataclass(frozen=True)
class Alarm:
    """A problem that is there now."""

    code: str
    problem: Problem


def look(connections: Collection[Connection]) -> dict[UUID, Seen]:
    """How these connections are doing, by connection: two queries for all of them."""
    newest = Preflight.objects.filter(connection__in=connections).order_by("connection", "-at").distinct("connection")
    blocked = {connection for connection, blocks in newest.values_list("connection", "blocks") if blocks}
    return {pk: Seen(found, pk in blocked) for pk, found in visits.troubles_of(connections).items()}


def alarms_of(seen: Seen, now: datetime) -> list[Alarm]:
    """The problems of a connection that are there now."""
    return [Alarm(code, PROBLEMS[code]) for code, rings in ALARMS.items() if rings(seen, now)]


def watch() -> None:
    """Tell problems that have come, and that they are over; nobody is alarmed during an announced downtime."""
    now = timezone.now()
    live = Connection.objects.exclude(live=None).select_related("organization")
    each(live.exclude(downtimes__in=Downtime.running(now)), _watch_one)
    each(Verification.objects.exclude(finished_at=None).select_related("organization"), _watch_trail)


def _watch_trail(verified: Verification) -> None:
    of, kind, code = verified.organization, "problem-found", "trail-broken"
    if verified.findings:
        recipients = of.connections.values_list("notification_mail", flat=True)
        mail.tell(of, None, kind, recipients, subject=code, code=code, path=reverse("trail"))
    else:
        mail.over(of, None, kind, subject=code)


def _watch_one(connection: Connection) -> None:
    ringing = {alarm.code for alarm in alarms_of(look([connection])[connection.pk], timezone.now())}
    path = reverse("status_one", args=[connection.ref])
    for code in ALARMS:
        if code in ringing:
            recipients = [connection.notification_mail]
            mail.tell(
                connection.organization, connection, "problem-found", recipients, subject=code, code=code, path=path
            )
        else:
            mail.over(connection.organization, connection, "problem-found", subject=code)
