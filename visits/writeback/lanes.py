"""Draining: a lane is leased, its rows are sent one after the other, each by a call outside any transaction."""

import logging
import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone

from connector import logs, tally, trail
from connector.cached import outdate
from connector.each import each, in_time
from connector.errors import Retry, WireError
from connector.models import Downtime
from visits.looking import looked_on
from visits.models import Lane, Target, Writeback
from visits.writeback.health import GIVE_UP_AFTER, NOBODY_ASKED, backoff, note_health, outcome, pause
from visits.writeback.outbox import OFF, WAITING, due, wake
from visits.writeback.targets import deliver
from visits.writeback.texts import ACCEPTED, NEVER_TRIED

log = logging.getLogger(__name__)

LEASE_SECONDS = 60  # longer than any row takes (targets.ROW_SECONDS); renewed with each
MAX_ROWS, MAX_SECONDS = 50, 20.0  # of one drain
AT_ONCE = 2  # lanes of one target that are drained at once: one that hangs leaves half of a small worker to the others
# And of one organization, by kind: however many addresses it enters that answer late, half of a small worker is left.
SHARE = {Target.Kind.STATUS_SERVICE: 4, Target.Kind.AUDIT_REPOSITORY: 2}
MOST_GIVEN_UP = 1000  # a sweep
RELATED = ("organization", "visit__connection__organization", "participant__visit", "entry", "target__connection__live")


@dataclass(frozen=True)
class Lease:
    """One worker's hold on a lane. Whatever it writes is written only while the token stands in the lane's row."""

    target_id: int
    number: int
    token: uuid.UUID

    @property
    def lane(self) -> QuerySet[Lane]:
        return Lane.objects.filter(target=self.target_id, number=self.number)

    def take(self, now: datetime) -> bool:
        """Lease the lane unless somebody's lease still runs, or as many lanes of its target, or of its organization's
        targets of this kind, are leased as may be."""
        free = Q(lease=None) | Q(leased_until__lte=now)
        leased = Lane.objects.filter(leased_until__gt=now)
        with transaction.atomic():
            targets = Target.objects.select_for_update(no_key=True, of=("self",)).select_related("connection")
            target = targets.filter(pk=self.target_id).first()
            if target is None or leased.filter(target=target).count() >= AT_ONCE:
                return False
            same = {"target__kind": target.kind, "target__connection__organization": target.connection.organization_id}
            if leased.filter(**same).count() >= SHARE[Target.Kind(target.kind)]:
                return False
            return self.lane.filter(free).update(lease=self.token, leased_until=_lease_end(now)) == 1

    def renew(self, now: datetime) -> bool:
        """Whether the lane is still ours, and then for another whole lease."""
        return self.lane.filter(lease=self.token).update(leased_until=_lease_end(now)) == 1

    def give_back(self) -> None:
        self.lane.filter(lease=self.token).update(lease=None, leased_until=None)


def _lease_end(now: datetime) -> datetime:
    return now + timedelta(seconds=LEASE_SECONDS)


def drain(target_id: int, lane_number: int) -> None:
    """Deliver a lane's due rows, for a while; what is left, what came meanwhile, and another lane of the target that
    found no place, wakes the next one."""
    lease = Lease(target_id, lane_number, uuid.uuid4())
    if not lease.take(timezone.now()):
        return
    try:
        _deliver_for_a_while(lease)
    finally:
        lease.give_back()
    if (next_lane := _next_lane(target_id)) is not None:
        wake(target_id, next_lane)


def _next_lane(target_id: int) -> int | None:
    """The number of the lane that has waited longest and that nobody drains."""
    now = timezone.now()
    leased = Lane.objects.filter(target=target_id, leased_until__gt=now).values("number")
    waiting = due(now).filter(target=target_id).exclude(lane__in=leased).order_by("next_at", "id")
    return waiting.values_list("lane", flat=True).first()


def _deliver_for_a_while(lease: Lease) -> None:
    for _ in in_time(range(MAX_ROWS), MAX_SECONDS):
        row = _claim(lease)
        if row is None:
            return
        with logs.step(row.pk):
            _finish(lease, row, _try(row))


@transaction.atomic
def _claim(lease: Lease) -> Writeback | None:
    """The current state of the next participant who is due; his older states end here. None: nothing, or not now.

    A claimed row already bears the time of its next try, so that one that breaks its worker steps aside too.
    """
    now = timezone.now()
    if not lease.renew(now):
        return None
    first = due(now).filter(target=lease.target_id, lane=lease.number).order_by("next_at", "id").first()
    if first is None or not _may_try(lease.target_id, now):
        return None
    *overtaken, row = _of_same(first).select_related(*RELATED).order_by("sequence")
    for older in overtaken:
        _end(older, Writeback.State.SUPERSEDED, older.code, now)
    row.lease, row.attempts = lease.token, row.attempts + 1
    row.next_at = now + timedelta(seconds=backoff(row.attempts))
    row.save(update_fields=["lease", "attempts", "next_at"])
    return row


def _of_same(row: Writeback) -> QuerySet[Writeback]:
    """What waits to be told in this row's place or before it. A status has no time, so that a newer one overtakes; an
    entry of the trail has its own, and stands for itself."""
    if row.entry_id:
        return Writeback.objects.filter(pk=row.pk)
    return Writeback.objects.filter(target=row.target_id, participant=row.participant_id, state=WAITING)


def _may_try(target_id: int, now: datetime) -> bool:
    """Whether the target may be called. After a rest one worker alone may, for as long as its lease would run; so too
    where other settings are live than those it rests under."""
    target = Target.objects.filter(pk=target_id)
    if target.filter(open_until=None).exists():
        return True
    live = target.values_list("connection__live", flat=True).get()
    probe = target.filter(Q(open_until__lte=now) | Q(rests_under__isnull=False) & ~Q(rests_under=live))
    return probe.update(open_until=_lease_end(now), rests_under=live) == 1


def _try(row: Writeback) -> WireError | None:
    try:
        looked_on(row.participant, lambda: deliver(row))
    except WireError as error:
        return error
    except Exception:
        log.exception("writeback failed")
        return Retry("unexpected")
    return None


def _finish(lease: Lease, row: Writeback, error: WireError | None) -> None:
    """Write down what a try came to, if the row is still ours, and how the target is."""
    now, code = timezone.now(), error.code if error else ACCEPTED
    state = outcome(error, row.attempts, now - row.created_at)
    # What somebody must mend is tried as soon as that is done: it is the target that rests until then.
    seconds = pause(error, row.attempts) if isinstance(error, Retry) else 0
    until = {"next_at": now + timedelta(seconds=seconds)} if state == WAITING else {}
    with transaction.atomic():
        ours = Writeback.objects.filter(pk=row.pk, state=WAITING, lease=lease.token)
        if ours.update(lease=None, code=code, **until) != 1:
            return
        if state != WAITING:
            _end(row, state, code, now)
    told = {"target": row.target_id, "lane": row.lane, "visit": str(row.visit_id)}
    log.info("writeback", extra=told | {"code": code, "attempt": row.attempts})
    tally.count("writebacks", code=code, connection=row.target.connection.ref)
    if error is None or error.code not in NOBODY_ASKED:
        note_health(row, error, now)


def _end(row: Writeback, state: Writeback.State, code: str, now: datetime) -> None:
    """A row's last state, with its line in the trail. `seconds` is how long after the event."""
    row.state, row.code, row.finished_at, row.lease = state, code, now, None
    row.save(update_fields=["state", "code", "finished_at", "lease"])
    outdate("visit", row.visit_id)
    trail.record(
        row.organization,
        f"writeback-{state}",
        at=now,
        visit=row.visit_id,
        participant=row.participant_id,
        target=row.target.kind,
        **({"repository": row.target.name} if row.target.name else {}),
        code=code,
        presence=row.presence,
        seconds=str(round((now - row.happened_at).total_seconds())),
    )


def give_up_late() -> int:
    """End what has waited for a day for a target that is turned off, or that has failed for all of that day, so that
    visits can be forgotten; returns how many. A target that rests is probed by one row for all: the others would never
    come to their last try. Each can be sent again while its visit is kept, and the trail keeps what it would have
    told."""
    then = timezone.now() - GIVE_UP_AFTER
    late = Writeback.objects.filter(OFF | _failed_since(then), state=WAITING, created_at__lt=then)
    return each(late.select_related("organization", "target__connection")[:MOST_GIVEN_UP], _give_up)


def _failed_since(then: datetime) -> Q:
    """Of targets that were tried since then, and failed each time. A downtime that was announced is no failure: what
    was held up by it has another day from its end."""
    announced = Downtime.objects.filter(begins_at__lte=timezone.now(), ends_at__gt=then)
    return Q(~Exists(announced.filter(connection=OuterRef("target__connection"))), target__failing_since__lt=then)


@transaction.atomic
def _give_up(row: Writeback) -> None:
    """End a row that still waits, unless somebody tries it at this moment."""
    now = timezone.now()
    tried = Lane.objects.filter(lease=OuterRef("lease"), leased_until__gt=now)
    waits = Writeback.objects.select_for_update(of=("self",)).filter(~Exists(tried), pk=row.pk, state=WAITING)
    if waits.exists():
        code = row.target.off_code if row.target.is_off else row.code or NEVER_TRIED
        _end(row, Writeback.State.DEAD, code, now)
