"""Taking back which Microsoft account an EHR user is: by himself, at his request by an administrator, or because the
account is no more."""

import logging
from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet

from connector import trail
from connector.cached import outdate
from connector.models import Connection, Organization, User
from visits import presence
from visits.models import Browser, EhrUserLink, Participant

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Linked:
    """A link as an administrator sees it. What the EHR calls the person is kept as a keyed hash alone: nobody can be
    shown it."""

    number: int
    connection: Connection
    linked_at: datetime
    used_at: datetime | None
    visits: int  # that are not forgotten yet and name him


@dataclass(frozen=True)
class Erased:
    """What was erased of an account: how many links by connection (none, where visits alone knew him), and in how many
    browsers he was remembered."""

    links: dict[Connection, int]
    browsers: int

    @property
    def anything(self) -> bool:
        return bool(self.links or self.browsers)


def links_of(organization: Organization, oid: UUID) -> list[Linked]:
    """The links of somebody's Microsoft account, oldest first."""
    rows = EhrUserLink.objects.filter(connection__organization=organization, user__oid=oid)
    rows = rows.filter(user__tid=organization.tid).select_related("connection", "user").order_by("linked_at")
    return [Linked(row.pk, row.connection, row.linked_at, row.used_at, _his(row).count()) for row in rows]


def linked_accounts(organization: Organization) -> list[str]:
    """The object ids of everybody who has a link."""
    rows = EhrUserLink.objects.filter(connection__organization=organization, user__tid=organization.tid)
    return sorted({str(oid) for oid in rows.values_list("user__oid", flat=True)})


def erase(organization: Organization, oid: UUID, *, event: str, only: int | None = None) -> Erased:
    """Erase what is kept of somebody's account, or `only` one of its links. He is nobody's account in visits that have
    not ended, whether or not a link led him there, and no browser remembers him; what has ended stays as it was until
    it is forgotten. `event` is what the trail calls it."""
    account = {"user__oid": oid, "user__tid": organization.tid}
    with transaction.atomic():
        rows = EhrUserLink.objects.filter(connection__organization=organization, **account)
        links = list(_locked(rows if only is None else rows.filter(pk=only)))
        if only is not None and not links:
            return Erased({}, 0)
        people = Participant.objects.filter(visit__connection__organization=organization, visit__test=False, **account)
        if only is not None:
            people = _his(links[0])
        running = people.filter(visit__ended_at=None)
        known = Connection.objects.filter(pk__in=running.values("visit__connection"))
        counts = dict.fromkeys(known, 0) | Counter(one.connection for one in links)
        assign(running, None)
        EhrUserLink.objects.filter(pk__in=[one.pk for one in links]).delete()
        for connection, count in counts.items():
            for _ in range(max(count, 1)):
                trail.record(organization, event, connection=str(connection.pk))
            note(event, connection, count)
        browsers = Browser.objects.filter(**account).update(user=None, list_until=None)
    return Erased(counts, browsers)


def _locked(links: QuerySet[EhrUserLink]) -> QuerySet[EhrUserLink]:
    """Locked before the visits that they lead into: who presses meanwhile waits, and finds his link gone."""
    return links.select_related("connection", "user").select_for_update(of=("self",)).order_by("pk")


def note(event: str, connection: Connection, count: int = 1) -> None:
    """A line of the log, which a restore from a backup does not take back: that links were erased, and nobody's."""
    told = {"reason": event, "connection": connection.ref, "count": count}
    transaction.on_commit(partial(log.warning, "links erased", extra=told))


def _his(link: EhrUserLink) -> QuerySet[Participant]:
    """This EHR user, as this account, in the visits of the connection."""
    same = {"ehr_user_hash": link.ehr_user_hash, "user": link.user, "role": Participant.Role.PROVIDER}
    return Participant.objects.filter(visit__connection=link.connection, **same)


@transaction.atomic
def assign(participants: QuerySet[Participant], user: User | None) -> None:
    """Give these participants an account, or none, and fold their visits with it: who is in the roster under that
    account is, or is no longer, this person. Both or neither, as nobody else would fold it."""
    visits = set(participants.values_list("visit", flat=True))
    presence.lock(visits)
    participants.filter(visit__in=visits).update(user=user)
    for visit in visits:
        outdate("visit", visit)
        presence.refold(visit)
