"""Writing the rows, always under the visit's lock: what the fold knows with the fold; what became of the writebacks
when they are final."""

from collections import defaultdict
from collections.abc import Collection, Iterable
from datetime import datetime, timedelta
from itertools import islice
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from visits import outcome
from visits.fold import VisitState
from visits.models import Ending, Participant, Report, Visit, Writeback
from visits.outcome import Reading

Told = Report.Told
State = Writeback.State
BATCH = 500
NEWEST_LAST = ("participant", "target", "sequence")


def write(visit: Visit, participants: Iterable[Participant], state: VisitState, generation: int | None = None) -> None:
    """Keep what the fold of one meeting (empty: the present one) came to, inside the caller's transaction, which holds
    the visit's row. Test visits are in no report."""
    if visit.test:
        return
    generation = generation or visit.generation
    earlier = generation != visit.generation
    live = _was_live(visit, generation) if earlier else visit.presence_live
    staff = {str(one.id) for one in participants if one.is_staff}
    ended = earlier or visit.ended_at is not None
    until = _left_at(visit, generation, state) if earlier else timezone.now()
    found = outcome.read(state, staff, ended=ended, live=live, now=until)
    if found.began_at is None:
        return
    row = Report(visit=visit.pk, generation=generation, live=live, **_kept(visit, found, found.began_at))
    Report.objects.bulk_create(
        [row], update_conflicts=True, unique_fields=["visit", "generation"], update_fields=list(_FOLDED)
    )
    settle([visit.pk])


_FOLDED = (
    *("organization_id", "connection_id", "department", "at", "began_at", "met_at", "left_at"),
    *("duration", "waiting", "lobby", "attendants", "outcome", "live"),
)


def _was_live(visit: Visit, generation: int) -> bool:
    """Whether presence was live in an earlier meeting: the visit knows it of its present one alone."""
    return Report.objects.filter(visit=visit.pk, generation=generation, live=True).exists()


def _left_at(visit: Visit, generation: int, state: VisitState) -> datetime:
    """Until when an earlier meeting is measured: who waited when it was replaced waits for another one since."""
    left = Ending.objects.filter(visit=visit, generation=generation).values_list("ended_at", flat=True).first()
    return timezone.now() if state.somebody_there or left is None else left


def _kept(visit: Visit, found: Reading, began_at: datetime) -> dict[str, object]:
    spent = {"duration": found.duration, "waiting": found.waiting, "lobby": found.lobby}
    if found.running:  # what is measured until now would stand still until the next fold
        spent = dict.fromkeys(spent, timedelta())
    return {
        "organization_id": visit.organization_id,
        "connection_id": visit.connection_id,
        "department": visit.department,
        "at": found.met_at or began_at,
        "began_at": began_at,
        "met_at": found.met_at,
        "left_at": found.left_at,
        **{name: None if time is None else round(time.total_seconds()) for name, time in spent.items()},
        "attendants": found.attendants,
        "outcome": Report.RUNNING if found.running else found.outcome.value,
    }


def settle(visits: Collection[UUID]) -> None:
    """Bring what the EHR was told up to date in the rows of these visits, whose locks the caller's transaction holds.
    Before a visit is forgotten it is asked for once more: after that nobody knows."""
    told = _writebacks(visits)
    changed = []
    for rows in _by_visit(Report.objects.filter(visit__in=visits)).values():
        for row, until in zip(rows, [*(later.began_at for later in rows[1:]), None], strict=True):
            of_row = [one for one in told[row.visit] if _within(one.happened_at, row.began_at, until)]
            if (row.told, row.told_after) != (now := _summed(of_row)):
                row.told, row.told_after = now
                changed.append(row)
    Report.objects.bulk_update(changed, ["told", "told_after"])


def settle_due() -> None:
    """Settle the rows with something that waits, and those whose visits have something waiting again."""
    waiting = Writeback.objects.filter(state=State.WAITING, entry=None).values_list("visit", flat=True)
    visits = iter({*Report.objects.filter(told=Told.WAITING).values_list("visit", flat=True), *waiting})
    while batch := list(islice(visits, BATCH)):
        _settle_free(batch)


@transaction.atomic
def _settle_free(batch: Collection[UUID]) -> None:
    """Settle those that nobody else works on; the others are due again."""
    free = Visit.objects.select_for_update(no_key=True, skip_locked=True).filter(pk__in=batch)
    settle(list(free.values_list("pk", flat=True)))


def _writebacks(visits: Collection[UUID]) -> dict[UUID, list[Writeback]]:
    """What the EHR was to be told of each: a repository of AuditEvents has a story of its own."""
    found = Writeback.objects.filter(visit__in=visits, entry=None).order_by(*NEWEST_LAST)
    by_visit: dict[UUID, list[Writeback]] = defaultdict(list)
    for row in found:
        by_visit[row.visit_id].append(row)
    return by_visit


def _by_visit(rows: Iterable[Report]) -> dict[UUID, list[Report]]:
    by_visit: dict[UUID, list[Report]] = defaultdict(list)
    for row in sorted(rows, key=lambda one: one.generation):
        by_visit[row.visit].append(row)
    return by_visit


def _within(at: datetime, since: datetime, until: datetime | None) -> bool:
    return since <= at and (until is None or at < until)


def _summed(rows: list[Writeback]) -> tuple[Told, int | None]:
    """(what became of them together, the longest time until the EHR knew). Something that was given up outweighs what
    was delivered, unless something newer about the same person was delivered to the same target."""
    newest = {(row.participant_id, row.target_id): State(row.state) for row in rows}.values()
    answered = [(row.happened_at, row.finished_at) for row in rows if row.state == State.DELIVERED]
    after = [round((end - begin).total_seconds()) for begin, end in answered if end]
    found = next((told for state, told in _HEAVIEST.items() if state in newest), Told.NOTHING)
    return found, max(max(after), 0) if after else None


_HEAVIEST = {State.WAITING: Told.WAITING, State.DEAD: Told.DEAD, State.DELIVERED: Told.DELIVERED}
