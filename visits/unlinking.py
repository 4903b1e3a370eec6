"""Taking back which Microsoft account an EHR user is: by himself, at his request by an administrator, or because the
account is no more."""

import logging
from collections.abc import Iterable
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


def links_of(organization: Organization, oid: UUID) -> list[Linked]:
    """The links of somebody's Microsoft account, oldest first."""
    rows = EhrUserLink.objects.filter(connection__organization=organization, user__oid=oid)
    rows = rows.filter(user__tid=organization.tid).select_related("connection", "user").order_by("linked_at")
    return [Linked(row.pk, row.connection, row.linked_at, row.used_at, _his(row).count()) for row in rows]


def linked_accounts(organization: Organization) -> list[str]:
    """The object ids of everybody who has a link."""
    rows = EhrUserLink.objects.filter(connection__organization=organization, user__tid=organization.tid)
    return sorted({str(oid) for oid in rows.values_list("user__oid", flat=True)})


def erase(organization: Organization, oid: UUID, *, event: str, only: int | None = None) -> dict[Connection, int]:
    """Erase the links of somebody's account, or `only` one of them: how many, by connection. He is nobody's account in
    visits that have not ended, and no browser remembers him; what has ended stays as it was until it is forgotten.
    `event` is what the trail calls it."""
    erased: dict[Connection, int] = {}
    visits: list[UUID] = []
    with transaction.atomic():
        rows = EhrUserLink.objects.filter(connection__organization=organization, user__oid=oid)
        rows = rows.filter(user__tid=organization.tid, **({} if only is None else {"pk": only}))
        for row in rows.select_related("connection", "user").select_for_update(of=("self",)):
            visits += assign(_his(row).filter(visit__ended_at=None), None)
            erased[row.connection] = erased.get(row.connection, 0) + 1
            row.delete()
            trail.record(organization, event, connection=str(row.connection_id))
        if erased:
            Browser.objects.filter(user__oid=oid, user__tid=organization.tid).update(user=None, list_until=None)
        for connection, count in erased.items():
            note(event, connection, count)
    refold(visits)
    return erased


def note(event: str, connection: Connection, count: int = 1) -> None:
    """A line of the log, which a restore from a backup does not take back: that links were erased, and nobody's."""
    told = {"reason": event, "connection": connection.ref, "count": count}
    transaction.on_commit(partial(log.warning, "links erased", extra=told))


def _his(link: EhrUserLink) -> QuerySet[Participant]:
    """This EHR user, as this account, in the visits of the connection."""
    same = {"ehr_user_hash": link.ehr_user_hash, "user": link.user, "role": Participant.Role.PROVIDER}
    return Participant.objects.filter(visit__connection=link.connection, **same)


def assign(participants: QuerySet[Participant], user: User | None) -> list[UUID]:
    """Give these participants an account, or none; returns their visits."""
    rows = list(participants.values_list("pk", "visit"))
    Participant.objects.filter(pk__in=[pk for pk, _ in rows]).update(user=user)
    for _, visit in rows:
        outdate("visit", visit)
    return [visit for _, visit in rows]


def refold(visits: Iterable[UUID]) -> None:
    """Who is in the roster under that account is, or is no longer, this person."""
    for visit in visits:
        presence.refold(visit)
