"""The approvers who are named, asked of the directory once a day: a disabled one is flagged, administrators are told.
Nothing stops: live visits rest on what was approved, and a proposal waits for somebody else."""

import logging
from datetime import datetime, timedelta

from django.db.models import F, OuterRef, Q, QuerySet, Subquery
from django.urls import reverse
from django.utils import timezone

from connector import mail
from connector.each import each, in_time
from connector.errors import WireError
from connector.http import Deadline
from connector.models import Check, Connection, Revision
from connector.teams import graph

log = logging.getLogger(__name__)

CHECK = "approver"
SECONDS = 10.0
MAX_SECONDS = 90.0  # of one run
EACH = timedelta(hours=23)


def check_due(now: datetime) -> None:
    """Ask about the approvers of live and proposed revisions who were not asked for a day, as long as a task may take;
    the next run goes on with those who have waited longest."""
    each(in_time(due(now).iterator(), MAX_SECONDS), check)


def due(now: datetime) -> QuerySet[Connection]:
    """The connections whose approver was not asked for a day, longest ago first."""
    tried = Check.objects.filter(connection=OuterRef("pk"), name=CHECK).values("tried_at")
    named = Connection.objects.exclude(live=None, proposed=None).annotate(tried=Subquery(tried))
    waiting = named.filter(Q(tried=None) | Q(tried__lt=now - EACH)).order_by(F("tried").asc(nulls_first=True))
    return waiting.select_related("organization", "live", "proposed")


def check(connection: Connection) -> None:
    """Ask about a connection's approver, keep what came of it, and tell the administrators of one who is disabled or
    gone. While the directory does not answer, what is known stays, which is raised; it is due again, behind the others
    that wait."""
    shown = connection.proposed or connection.live
    if shown is None:
        return
    try:
        code = _code(connection, shown)
    except WireError as error:
        log.info("approver not checked", extra={"code": error.code, "connection": connection.ref})
        _put_off(connection)
        raise
    _keep(connection, code)
    if code:
        _tell(connection, shown)


def confirmed(connection: Connection) -> None:
    """The directory has just shown that the approver's account works."""
    _keep(connection, "")


def _code(connection: Connection, shown: Revision) -> str:
    """What is wrong with the approver's account; empty when nothing is."""
    tid = str(connection.organization.tid)
    person = graph.read_person(tid, str(shown.approver_oid), deadline=Deadline.after(SECONDS))
    if person is None:
        return "account-gone"
    return "" if person.enabled else "account-disabled"


def _keep(connection: Connection, code: str) -> None:
    now, state = timezone.now(), Check.State.WRONG if code else Check.State.OK
    row, made = Check.objects.get_or_create(
        organization=connection.organization, connection=connection, name=CHECK, defaults={"state": state}
    )
    row.since = now if made or row.state != state else row.since
    row.state, row.code, row.tried_at = state, code, now
    row.save(update_fields=["state", "code", "tried_at", "since"])


def _put_off(connection: Connection) -> None:
    """Due again with the next run: those whose directory never answers take nobody's turn."""
    tried = {"tried_at": timezone.now() - EACH}
    Check.objects.update_or_create(
        organization=connection.organization,
        connection=connection,
        name=CHECK,
        defaults=tried,
        create_defaults=tried | {"state": Check.State.UNKNOWN},
    )


def _tell(connection: Connection, shown: Revision) -> None:
    mail.tell(
        connection.organization,
        connection,
        "approver-disabled",
        [connection.notification_mail],
        approver=shown.approver_name,
        path=reverse("edit", args=[connection.ref]),
    )
