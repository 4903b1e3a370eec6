"""Microsoft accounts that are no more: once a day the directory is asked about everybody who has a link to an EHR user,
and the links of deleted accounts are erased. A disabled account is not a deleted one, and a directory that does not
answer takes nobody's link."""

import logging
from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import F, OuterRef, Q, QuerySet, Subquery
from django.utils import timezone

from connector.each import each, in_time
from connector.errors import WireError
from connector.http import Deadline
from connector.models import Change, Check, Organization
from connector.teams import graph
from portal import history
from visits import services as visits

log = logging.getLogger(__name__)

CHECK = "links"
SECONDS = 10.0  # of one batch
MAX_SECONDS = 90.0  # of one run: what is left is asked by the next
EACH = timedelta(hours=23)


def check_due(now: datetime) -> None:
    """Ask about the people of organizations that were not asked for a day, those first that were tried longest ago."""
    each(in_time(_due(now).iterator(), MAX_SECONDS), check)


def _due(now: datetime) -> QuerySet[Organization]:
    row = Check.objects.filter(organization=OuterRef("pk"), connection=None, name=CHECK)
    known = Organization.objects.filter(ended_at=None, consented_at__isnull=False)
    tried = known.annotate(tried=Subquery(row.values("tried_at")))
    return tried.filter(Q(tried=None) | Q(tried__lt=now - EACH)).order_by(F("tried").asc(nulls_first=True))


def check(organization: Organization) -> None:
    """Erase the links of accounts that were deleted. An outage ends it, is raised, and is due again behind the others
    that wait: those that fail every time take nobody's turn."""
    people = visits.linked_accounts(organization)
    for first in range(0, len(people), graph.BATCH):
        some = people[first : first + graph.BATCH]
        try:
            gone = graph.gone(str(organization.tid), some, deadline=Deadline.after(SECONDS))
        except WireError as error:
            log.info("links not checked", extra={"code": error.code})
            _keep(organization, Check.State.UNKNOWN, error.code, timezone.now() - EACH)
            raise
        for oid in sorted(gone):
            _erase(organization, oid)
    _keep(organization, Check.State.OK, "", timezone.now())


def _keep(organization: Organization, state: Check.State, code: str, tried_at: datetime) -> None:
    found = {"state": state, "code": code, "tried_at": tried_at}
    Check.objects.update_or_create(organization=organization, connection=None, name=CHECK, defaults=found)


def _erase(organization: Organization, oid: str) -> None:
    for connection, count in visits.erase_links(organization, UUID(oid), event="unlinked-gone").links.items():
        history.record(organization, Change.Kind.UNLINKED, connection=connection, count=count, why="account-gone")
