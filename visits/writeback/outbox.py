"""The outbox: one row for each state that a target is to be told. The rows are the truth; a wake-up may be lost."""

import logging
from datetime import datetime
from functools import lru_cache

from django.db import transaction
from django.db.models import Exists, Max, OuterRef, Q, QuerySet
from django.utils import timezone
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

from connector import agreement
from connector.cached import outdate
from connector.celery import app
from connector.models import Connection, Downtime
from visits.models import Lane, Participant, Target, Visit, Writeback

log = logging.getLogger(__name__)

LANES = 8
WAITING = Writeback.State.WAITING


def enqueue(participant: Participant, presence: str, happened_at: datetime) -> list[Writeback]:
    """Write what each target is to be told, inside the caller's transaction, which holds the visit's row.

    Nothing where the connection tells nobody about this presence. The caller wakes the lanes once it has committed.
    """
    connection = participant.visit.connection
    if not _is_told(connection, presence):
        return []
    target, _ = Target.objects.get_or_create(connection=connection, kind=Target.Kind.STATUS_SERVICE)
    return [_write(target, participant, presence, happened_at)]


def _is_told(connection: Connection, presence: str) -> bool:
    if connection.live is None:
        return False
    service = agreement.load(connection.live.settings).status
    if not service.complete:  # who is told that somebody came must also be told that he left
        _say_off(str(connection.id), str(connection.live_id))
        return False
    return bool(service.code_for(presence))


@lru_cache(maxsize=1024)
def _say_off(connection: str, _revision: str) -> None:
    """Once a process and revision, not at every step of every visit."""
    log.warning("writeback is off: status codes are missing", extra={"connection": connection})


def _write(target: Target, participant: Participant, presence: str, happened_at: datetime) -> Writeback:
    earlier = Writeback.objects.filter(target=target, participant=participant)
    lane = Lane.objects.get_or_create(target=target, number=participant.id.int % LANES)[0].number
    return Writeback.objects.create(
        target=target,
        organization_id=participant.visit.connection.organization_id,
        participant=participant,
        sequence=(earlier.aggregate(last=Max("sequence"))["last"] or 0) + 1,
        lane=lane,
        presence=presence,
        happened_at=happened_at,
        next_at=timezone.now(),
    )


def send_again(writeback: Writeback) -> Writeback:
    """Tell the target once more, after a row was given up: always the participant's newest state, in a row of its
    own."""
    participant = writeback.participant
    with transaction.atomic():
        Visit.objects.select_for_update(no_key=True).get(pk=participant.visit_id)
        newest = Writeback.objects.filter(target=writeback.target_id, participant=participant).latest("sequence")
        if newest.state != WAITING:
            newest = _write(newest.target, participant, newest.presence, newest.happened_at)
            outdate("visit", participant.visit_id)
        transaction.on_commit(lambda: wake(newest.target_id, newest.lane))
    return newest


def wake(target_id: int, lane: int) -> None:
    """Ask a worker to drain a lane. Without a broker the rows stay and the sweeper finds them."""
    try:
        app.send_task("visits.tasks.drain", args=[target_id, lane])
    except (OperationalError, RedisError, OSError):
        log.warning("wake-up lost", extra={"target": target_id, "lane": lane})


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
    """Rows to be tried now: not resting themselves, of a target that does not rest, of an EHR without an announced
    downtime. A suspended connection lets no launch through, but visits that run are told to their end: the chart shows
    nobody who has left."""
    return Writeback.objects.filter(
        Q(target__open_until=None) | Q(target__open_until__lte=now),
        state=WAITING,
        next_at__lte=now,
        target__connection__live__isnull=False,
    ).exclude(target__connection__downtimes__in=Downtime.running(now))
