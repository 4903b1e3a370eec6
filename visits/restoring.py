"""After a restore from a backup: what was told and learned since the backup is not in these tables. Microsoft still
knows who was in which call; what the EHR was told nobody here knows.

Run while no other process of the connector runs. A visit that began after the backup is unknown: whoever is in it
stays in its call, and who presses the button again comes into a new one.
"""

import logging
from dataclasses import dataclass
from datetime import datetime

from django.contrib.sessions.models import Session
from django.core.cache import cache
from django.db.models import F, Max, Q
from django.utils import timezone

from connector import trail
from connector.cached import quietly
from connector.errors import WireError
from connector.http import Deadline
from connector.models import Entry, Organization
from connector.teams import meetings
from visits import receipts, writeback
from visits.models import Ending, Subscription, Visit
from visits.writeback.texts import RESTORED

log = logging.getLogger(__name__)

DEADLINE_SECONDS = 60.0  # of one organization


@dataclass
class Restored:
    """What was found: how far the trail goes, visits to be looked at, people of whom it is not known what the EHR was
    told, subscriptions that were ended or are gone, organizations whose subscriptions Microsoft did not list."""

    newest: datetime | None = None
    visits: int = 0
    people: int = 0
    ended: int = 0
    gone: int = 0
    unasked: int = 0


def take_up_again() -> Restored:
    """Let the sweeps learn anew what attendance reports tell of every visit that may still run, ask again for what
    Microsoft should tell, and tell the EHR nothing that may be over. Everybody signs in to the portal anew: who signed
    out since, or lost his role, would be there as he was. May be repeated."""
    quietly(cache.clear)  # what was remembered, by rows that are other ones now
    Session.objects.all().delete()
    found = Restored(_newest())
    alive = Visit.objects.filter(Q(ended_at=None) | Q(endings__due_at__isnull=False)).distinct()
    found.people = writeback.doubt(alive)
    for organization in Organization.objects.filter(connections__live__isnull=False).distinct():
        _compare_subscriptions(organization, found)
        trail.record(organization, RESTORED)
    found.visits = alive.count()
    now = timezone.now()
    Visit.objects.filter(ended_at=None, look_at__isnull=False).update(look_at=now)
    Ending.objects.filter(due_at__isnull=False).update(due_at=now)
    return found


def _newest() -> datetime | None:
    """When something was last done that the backup knows. A restore is nothing that it knows."""
    newest: datetime | None = Entry.objects.exclude(event=RESTORED).aggregate(at=Max("recorded_at"))["at"]
    return newest


def _compare_subscriptions(organization: Organization, found: Restored) -> None:
    """End those that Microsoft has and we do not know, which keep us from asking anew; those that we have and Microsoft
    does not are asked for again."""
    tid, deadline = str(organization.tid), Deadline.after(DEADLINE_SECONDS)
    ours = Subscription.objects.filter(visit__connection__organization=organization).exclude(graph_id="")
    try:
        theirs = set(meetings.subscriptions(tid, deadline=deadline))
        for unknown in theirs - set(ours.values_list("graph_id", flat=True)):
            meetings.unsubscribe(tid, unknown, deadline=deadline)
            found.ended += 1
    except WireError as error:
        log.warning("subscriptions not compared", extra={"code": error.code, "status": error.status})
        found.unasked += 1
        return
    running = ours.filter(visit__ended_at=None, generation=F("visit__generation"), expires_at__gt=timezone.now())
    for subscription in running.exclude(graph_id__in=theirs):
        receipts.lose(subscription)
        found.gone += 1
