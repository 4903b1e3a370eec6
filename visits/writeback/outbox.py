"""The outbox: one row for each state that a target is to be told. The rows are the truth; a wake-up may be lost."""

import logging
from collections.abc import Iterable
from datetime import datetime, timedelta
from functools import lru_cache, partial
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Exists, F, Max, OuterRef, Q, QuerySet
from django.utils import timezone

from connector import waking, wires
from connector.cached import outdate
from connector.models import Connection, Downtime, Entry
from visits import reports
from visits.models import Lane, Participant, Target, Visit, Writeback
from visits.writeback.texts import RESTORED

log = logging.getLogger(__name__)

LANES = 8  # so many calls of one target at once, at most
WAITING = Writeback.State.WAITING
DEAD = Writeback.State.DEAD
OFF = Q(target__off_under__isnull=False, target__off_under=F("target__connection__live"))  # until another is live


def enqueue(participant: Participant, presence: str, happened_at: datetime) -> list[Writeback]:
    """Write what the EHR's status service is to be told, inside the caller's transaction, which holds the visit's row.

    Nothing where the connection tells nobody about this presence. That somebody has left waits for as long as he may
    come back; what he does then takes its place. The caller wakes the lanes once it has committed.
    """
    connection = participant.visit.connection
    if not _is_told(connection, presence):
        return []
    target, _ = Target.objects.get_or_create(connection=connection, kind=Target.Kind.STATUS_SERVICE)
    return [_tell(target, participant, presence, happened_at)]


def enqueue_entries(visit: Visit, entries: Iterable[Entry]) -> None:
    """Write presence entries of the trail for each AuditEvent repository, and wake its lanes once the caller has
    committed. Each is told, with its true time: none takes another's place."""
    connection, told = visit.connection, list(entries)
    for repository in wires.live_settings(connection).audit if told else ():
        kind = Target.Kind.AUDIT_REPOSITORY
        target, _ = Target.objects.get_or_create(connection=connection, kind=kind, name=repository.name)
        rows = [_write(target, visit, one.participant, presence_of(one), one.at, entry=one) for one in told]
        for lane in {row.lane for row in rows}:
            transaction.on_commit(partial(wake, target.pk, lane))


def presence_of(entry: Entry) -> str:
    """What a presence entry says of somebody: its event without `participant-` or `outsider-`."""
    return entry.event.partition("-")[2]


def _is_told(connection: Connection, presence: str) -> bool:
    if connection.live is None:
        return False
    service = wires.live_settings(connection).status
    if not service.complete:  # who is told that somebody came must also be told that he left
        _say_off(str(connection.id), str(connection.live_id))
        return False
    return bool(service.code_for(presence))


@lru_cache(maxsize=1024)
def _say_off(connection: str, _revision: str) -> None:
    """Once a process and revision, not at every step of every visit."""
    log.warning("writeback is off: status codes are missing", extra={"connection": connection})


def _tell(target: Target, participant: Participant, presence: str, happened_at: datetime) -> Writeback:
    visit, now = participant.visit, timezone.now()
    grace = timedelta(seconds=wires.live_settings(visit.connection).rejoin_seconds)
    due_at = max(now, happened_at + grace) if presence == "disconnected" else now
    return _write(target, visit, participant.id, presence, happened_at, next_at=min(due_at, now + grace))


def _write(
    target: Target, visit: Visit, participant: UUID | None, presence: str, happened_at: datetime, **more: Any
) -> Writeback:
    earlier = Writeback.objects.filter(target=target, visit=visit)
    lane = Lane.objects.get_or_create(target=target, number=(participant or visit.id).int % LANES)[0].number
    return Writeback.objects.create(
        target=target,
        organization_id=visit.connection.organization_id,
        visit=visit,
        participant_id=participant,
        sequence=(earlier.aggregate(last=Max("sequence"))["last"] or 0) + 1,
        lane=lane,
        presence=presence,
        happened_at=happened_at,
        **{"next_at": timezone.now()} | more,
    )


def told(last: Writeback | None, since: datetime | None) -> str:
    """What the EHR was last told of somebody, by his newest row; empty where that is not known. After a restore it is
    known only as long as nothing was learned since: he is what he was then, since the same moment."""
    if last is None or (last.code == RESTORED and last.happened_at != since):
        return ""
    return last.presence


def may_be_over(last: Writeback, since: datetime | None) -> bool:
    """After a restore: whether somebody who seems to be there since a moment before it may have left, which was told
    and is lost. A notification that was on its way tells no more than that he came."""
    if last.code != RESTORED or since is None:
        return False
    restores = Entry.objects.filter(organization_id=last.organization_id, event=RESTORED)
    at = restores.aggregate(at=Max("recorded_at"))["at"]
    return at is not None and since < at


def doubt(visits: QuerySet[Visit]) -> int:
    """After a restore from a backup: what the EHR was told since is not known, and what waited is not sent, for it may
    be over. Returns of how many people that is so."""
    rows = Writeback.objects.filter(visit__in=visits, entry=None)
    newest = list(rows.order_by("participant", "-sequence").distinct("participant").values_list("pk", flat=True))
    now = timezone.now()
    waiting = rows.filter(state=WAITING)
    waiting.update(state=Writeback.State.SUPERSEDED, code=RESTORED, lease=None, finished_at=now)
    return Writeback.objects.filter(pk__in=newest).update(code=RESTORED)


def send_again(writeback: Writeback) -> Writeback:
    """Tell the target once more, after a row was given up: of a participant always the newest state, in a row of its
    own; of the trail the same entry."""
    with transaction.atomic():
        Visit.objects.select_for_update(no_key=True).get(pk=writeback.visit_id)
        row = _revived(writeback) if writeback.entry_id else _renewed(writeback)
        reports.settle([writeback.visit_id])  # while it waits: once it is delivered nobody looks for it
        transaction.on_commit(partial(wake, row.target_id, row.lane))
    return row


def _revived(row: Writeback) -> Writeback:
    now = timezone.now()
    again = {"state": WAITING, "attempts": 0, "next_at": now, "created_at": now, "finished_at": None}
    Writeback.objects.filter(pk=row.pk, state=DEAD).update(**again)
    row.refresh_from_db()
    return row


def _renewed(row: Writeback) -> Writeback:
    newest = Writeback.objects.filter(target=row.target_id, participant=row.participant_id).latest("sequence")
    if newest.state == WAITING or newest.participant is None:
        return newest
    outdate("visit", newest.visit_id)
    return _tell(newest.target, newest.participant, newest.presence, newest.happened_at)


def wake(target_id: int, lane: int) -> None:
    """Ask a worker to drain a lane. Without a broker the rows stay and the sweeper finds them."""
    waking.wake("visits.tasks.drain", target_id, lane)


def sweep() -> int:
    """Wake the lanes with due rows that nobody drains; returns how many."""
    return wake_all(due(timezone.now()))


def wake_all(rows: QuerySet[Writeback]) -> int:
    """Wake the lanes of these rows, save those that are being drained; returns how many."""
    lane = Lane.objects.filter(target=OuterRef("target"), number=OuterRef("lane"), leased_until__gt=timezone.now())
    lanes = set(rows.exclude(Exists(lane)).values_list("target_id", "lane"))
    for target_id, number in sorted(lanes):
        wake(target_id, number)
    return len(lanes)


def due(now: datetime) -> QuerySet[Writeback]:
    """Rows to be tried now: not resting themselves, of a target that does not rest and is not turned off, of an EHR
    without an announced downtime. A suspended connection lets no launch through, but visits that run are told to their
    end: the chart shows nobody who has left. Who has just left and may come back is told nothing of until that is
    over, not even what came before."""
    newer = Writeback.objects.filter(
        target=OuterRef("target"), participant=OuterRef("participant"), sequence__gt=OuterRef("sequence")
    )
    may_come_back = newer.filter(entry=None, state=WAITING, next_at__gt=now)
    return (
        Writeback.objects.filter(state=WAITING, next_at__lte=now, target__connection__live__isnull=False)
        .exclude(OFF)
        .exclude(resting(now))
        .exclude(target__connection__downtimes__in=Downtime.running(now))
        .exclude(Exists(may_come_back))
    )


def held(now: datetime) -> Q:
    """Of the rows that wait, those that nobody will try for now: the target is off or rests, a downtime is announced,
    or nothing is live."""
    announced = Exists(Downtime.running(now).filter(connection=OuterRef("target__connection")))
    return OFF | resting(now) | Q(target__connection__live=None) | Q(announced)


def resting(now: datetime) -> Q:
    """Rows of a target that rests: under the revision that is live now. Other settings are tried at once."""
    at_all = Q(target__rests_under=None) | Q(target__rests_under=F("target__connection__live"))
    return Q(at_all, target__open_until__gt=now)
