"""What goes wrong with a connection by itself: shown on its status page, and told to its administrators once."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from connector import mail
from connector.each import each
from connector.models import Connection, Downtime
from connector.problems import ADMINISTRATOR, ANALYST, Problem
from visits import services as visits
from visits.services import Figures

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
    "target-off": Problem(
        _("The AuditEvent repository is turned off"),
        _("It answered that it takes no AuditEvents, so none is sent. The connector's own trail has them all."),
        _("Open the connection's writebacks: they say what it answered. Mend that, and try it again from there."),
        ADMINISTRATOR,
    ),
    "preflight-blocks": Problem(
        _("The check of the EHR's address found something that stops visits"),
        _("The daily check found a setting of the EHR that keeps launches from working."),
        _("Open the connection's check: each finding says what to mend and who can."),
        ANALYST,
    ),
}


def _is_late(connection: Connection, found: Figures, now: datetime) -> bool:
    return found.waiting_since is not None and found.waiting_since < now - LATE


def _has_given_up(connection: Connection, found: Figures, now: datetime) -> bool:
    return found.dead > 0


def _target_off(connection: Connection, found: Figures, now: datetime) -> bool:
    return found.off > 0


def _preflight_blocks(connection: Connection, found: Figures, now: datetime) -> bool:
    newest = connection.preflights.first()
    return newest is not None and newest.blocks


ALARMS: dict[str, Callable[[Connection, Figures, datetime], bool]] = {
    "writebacks-late": _is_late,
    "writebacks-given-up": _has_given_up,
    "target-off": _target_off,
    "preflight-blocks": _preflight_blocks,
}


@dataclass(frozen=True)
class Alarm:
    """A problem that is there now."""

    code: str
    problem: Problem


def alarms_of(connection: Connection, found: Figures, now: datetime) -> list[Alarm]:
    """The problems of a connection that are there now."""
    return [Alarm(code, PROBLEMS[code]) for code, rings in ALARMS.items() if rings(connection, found, now)]


def watch() -> None:
    """Tell problems that have come, and that they are over; nobody is alarmed during an announced downtime."""
    now = timezone.now()
    live = Connection.objects.exclude(live=None).select_related("organization")
    each(live.exclude(downtimes__in=Downtime.running(now)), _watch_one)


def _watch_one(connection: Connection) -> None:
    ringing = {alarm.code for alarm in alarms_of(connection, visits.figures(connection), timezone.now())}
    path = reverse("status_one", args=[connection.ref])
    for code in ALARMS:
        if code in ringing:
            recipients = [connection.notification_mail]
            mail.tell(
                connection.organization, connection, "problem-found", recipients, subject=code, code=code, path=path
            )
        else:
            mail.over(connection.organization, connection, "problem-found", subject=code)
