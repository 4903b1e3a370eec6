"""Asking for the end of an organization, and calling it off while it waits. Nothing is destroyed here."""

from dataclasses import dataclass
from datetime import timedelta

from django.db import transaction
from django.db.models import Q
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from connector import mail
from connector.models import Change, Closing, Organization
from portal import history
from portal.actors import Actor
from portal.services import Refused
from visits import services as visits

# Long enough for somebody else to read the mail and call it off, and for every writeback to be delivered or given up.
DAYS = 3


@dataclass(frozen=True)
class Blocker:
    """Something that has to be over first: what it is, what to do, and how many there are."""

    code: str
    what: Promise
    mend: Promise
    count: int


# code -> (what it is, what to do)
BLOCKERS: dict[str, tuple[Promise, Promise]] = {
    "connections-live": (
        _("Connections on which visits can still be begun"),
        _("Suspend each of them, on its own page: launches stop at once, and visits that run go on."),
    ),
    "visits-running": (
        _("Visits that still run"),
        _("Wait until they are over. Nobody is thrown out of a visit."),
    ),
    "writebacks-waiting": (
        _("Writebacks that the EHR was not told yet"),
        _("Wait: they are delivered by themselves, or given up after a day. The status page shows them."),
    ),
}


def blockers(organization: Organization) -> list[Blocker]:
    """What keeps the organization from being ended now, in the order of BLOCKERS."""
    left = visits.unfinished(organization)
    live = organization.connections.filter(Q(live__isnull=False, suspended=False)).count()
    counts = dict(zip(BLOCKERS, (live, left.running, left.untold), strict=True))
    return [Blocker(code, *BLOCKERS[code], count) for code, count in counts.items() if count]


def of(organization: Organization) -> Closing | None:
    """The end that was asked for and not called off."""
    return organization.closings.exclude(step__in=[Closing.Step.OFF, Closing.Step.DONE]).first()


@transaction.atomic
def ask(organization: Organization, actor: Actor) -> Closing:
    """Let the organization be ended in DAYS days, and tell everybody who is told of its connections. Raises Refused
    where something has to be over first, or where it was asked for already."""
    Organization.objects.select_for_update().get(pk=organization.pk)
    if of(organization):
        raise Refused("asked-already")
    if found := blockers(organization):
        raise Refused(found[0].code)
    closing = Closing.objects.create(
        organization=organization,
        tid=organization.tid,
        name=str(organization),
        asked_by_name=actor.name,
        address=actor.address,
        recipients=told(organization),
        due_at=timezone.now() + timedelta(days=DAYS),
    )
    history.record(organization, Change.Kind.ENDING, actor=actor, ends=closing.due_at.isoformat())
    _tell(closing, "ending-asked", actor)
    return closing


@transaction.atomic
def call_off(organization: Organization, actor: Actor) -> None:
    """Let everything stay as it is. Raises Refused where nothing waits any more."""
    waiting = organization.closings.select_for_update().filter(step=Closing.Step.WAITING)
    closing = waiting.first()
    if closing is None:
        raise Refused("not-waiting")
    closing.step, closing.finished_at = Closing.Step.OFF, timezone.now()
    closing.save(update_fields=["step", "finished_at"])
    history.record(organization, Change.Kind.ENDING_OFF, actor=actor)
    _tell(closing, "ending-off", actor)


def told(organization: Organization) -> list[str]:
    """Who is told: the notification mails of the connections."""
    mails = organization.connections.exclude(notification_mail="").values_list("notification_mail", flat=True)
    return sorted(set(mails))


def _tell(closing: Closing, kind: str, actor: Actor) -> None:
    day = f"{closing.due_at:%Y-%m-%d %H:%M} UTC"
    mail.tell(closing.organization, None, kind, closing.recipients, by=actor.name, day=day, path=reverse("end"))
