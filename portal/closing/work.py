"""Working off an end, step by step. The row is the truth: a worker that dies leaves it due again, each step may be
taken twice, and none is left out. From the second step on there is no way back."""

import logging
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.contrib.sessions.models import Session
from django.db import transaction
from django.db.models import F
from django.utils import timezone

from connector import keys
from connector.each import each
from connector.errors import Retry, WireError
from connector.models import Closing, Connection, Organization, User
from connector.teams import entra
from connector.wiping import wipe
from portal.closing import asking, receipt
from visits import services as visits

log = logging.getLogger(__name__)

Step = Closing.Step
LEASE = timedelta(minutes=5)  # longer than any task may take; after a crash the row is due again
LOOKED_AT = timedelta(minutes=1)  # how often it is asked whether what has to be over first is
MOST_TRIES, LONGEST_WAIT = 24, 3600.0  # of one step that meets no answer: about a day
KEPT = timedelta(days=6 * 365 + 2)  # a receipt: as long as 45 CFR 164.316(b)(2) wants such a record kept


def work() -> int:
    """Take the steps that are due; returns how many ends were taken up."""
    Closing.objects.filter(finished_at__lt=timezone.now() - KEPT).delete()
    return each(list(_due(timezone.now()).values_list("pk", flat=True)), _take_up)


def _due(now: datetime) -> Any:
    return Closing.objects.filter(next_at__lte=now, due_at__lte=now).exclude(step__in=[Step.DONE, Step.OFF])


def _take_up(pk: UUID) -> None:
    """Step after step, as long as they follow at once."""
    while closing := _claim(pk):
        try:
            wait = DO[Step(closing.step)](closing)
        except WireError as error:
            wait = _later(closing, error)
        if wait is not None:
            _put_off(closing, wait)
            return


def _claim(pk: UUID) -> Closing | None:
    now = timezone.now()
    if not _due(now).filter(pk=pk).update(next_at=now + LEASE, attempts=F("attempts") + 1):
        return None
    return Closing.objects.select_related("organization").get(pk=pk)


def _later(closing: Closing, error: WireError) -> timedelta:
    after = error.after if isinstance(error, Retry) else None
    closing.code = error.code
    log.warning("end put off", extra={"status": closing.step, "code": error.code})
    return timedelta(seconds=max(min(15.0 * 2.0 ** min(closing.attempts, 10), LONGEST_WAIT), after or 0))


def _put_off(closing: Closing, wait: timedelta) -> None:
    now_on = {"next_at": timezone.now() + wait, "code": closing.code}
    Closing.objects.filter(pk=closing.pk, step=closing.step, attempts=closing.attempts).update(**now_on)


def _go_on(closing: Closing, step: Closing.Step, **values: Any) -> None:
    """Write down that a step is done; the next is due at once."""
    begun: dict[str, Any] = {"step": step, "attempts": 0, "next_at": timezone.now(), "code": ""}
    Closing.objects.filter(pk=closing.pk, step=closing.step).update(**begun | values)
    log.warning("end of an organization", extra={"status": step.value})


def _counted(closing: Closing) -> Callable[[Mapping[str, int]], None]:
    """Adds to what was destroyed, in the transaction that destroys it."""

    def count(more: Mapping[str, int]) -> None:
        with transaction.atomic():
            row = Closing.objects.select_for_update().get(pk=closing.pk)
            row.counts = row.counts | {name: row.counts.get(name, 0) + number for name, number in more.items()}
            row.save(update_fields=["counts"])

    return count


def _stop(closing: Closing) -> timedelta | None:
    """The point of no return: nobody reaches the organization any more. Not while something has to be over first."""
    if closing.organization is None:
        _go_on(closing, Step.FORGETTING)
        return None
    return _stop_organization(closing, closing.organization.pk)


@transaction.atomic
def _stop_organization(closing: Closing, number: UUID) -> timedelta | None:
    organization = Organization.objects.select_for_update().get(pk=number)
    connections = Connection.objects.select_for_update().filter(organization=organization)
    list(connections.order_by("pk"))
    if Closing.objects.select_for_update().get(pk=closing.pk).step != Step.WAITING:
        return timedelta(0)  # it was called off this very moment
    if found := asking.blockers(organization):
        closing.code = found[0].code
        return LOOKED_AT
    connections.update(live=None, proposed=None, suspended=True)
    organization.ended_at = timezone.now()
    organization.save(update_fields=["ended_at"])
    _go_on(closing, Step.LEAVING, recipients=sorted({*closing.recipients, *asking.told(organization)}))
    return None


def _leave(closing: Closing) -> timedelta | None:
    """Take away what Graph has of it. After a day without an answer the rest is left, and the receipt says so."""
    give_up = closing.attempts > MOST_TRIES
    if closing.organization and not visits.leave(closing.organization, _counted(closing), give_up=give_up):
        return timedelta(0)
    _go_on(closing, Step.SHREDDING)
    return None


def _shred(closing: Closing) -> timedelta | None:
    """Destroy the organization's keys: from here on its sealed values and hashes are noise, whatever fails later."""
    if closing.organization:
        receipt.note_trail(closing)
        kids, beyond = keys.destroy(closing.organization)
        receipt.note_keys(closing, kids, beyond)
    _go_on(closing, Step.FORGETTING)
    return None


def _forget(closing: Closing) -> timedelta | None:
    """Delete every row, the organization last; then write the receipt."""
    organization, count = closing.organization, _counted(closing)
    if organization:
        visits.forget_all(organization, count)
        for rows in _rows(organization):
            wipe(rows, count)
        _forget_sessions(organization)
        wipe(User.objects.filter(tid=organization.tid), count)
        entra.forget_app_token(str(organization.tid))
        wipe(Organization.objects.filter(pk=organization.pk), count)
    receipt.issue(closing.pk)
    return timedelta(0)


def _rows(organization: Organization) -> list[Any]:
    """What stands on the organization itself, in an order in which nothing refers to what is gone."""
    names = (
        "checkpoints",
        "trail",
        "changes",
        "connections",
        "notices",
        "checks",
        "proofs",
        "readers",
        "administrators",
        "keys",
    )
    return [getattr(organization, name).all() for name in names]


def _forget_sessions(organization: Organization) -> None:
    """The portal sessions of its people; Django keeps whose they are inside."""
    people = {str(pk) for pk in User.objects.filter(tid=organization.tid).values_list("pk", flat=True)}
    for row in Session.objects.iterator():
        if row.get_decoded().get("_auth_user_id") in people:
            row.delete()


DO: dict[Step, Callable[[Closing], timedelta | None]] = {
    Step.WAITING: _stop,
    Step.LEAVING: _leave,
    Step.SHREDDING: _shred,
    Step.FORGETTING: _forget,
}
