"""Everything that a connection's targets were told, will be or will not be, and why: for people, naming nobody."""

from dataclasses import dataclass
from datetime import datetime
from itertools import chain
from typing import Any
from uuid import UUID

from django.db.models import Count, Q, QuerySet
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from connector import wires
from connector.models import Connection, Downtime
from visits import writeback
from visits.models import Participant, Target, Writeback
from visits.writeback.texts import ACCEPTED, Reason, explain

State = Writeback.State
PAGE = 50
HELD = "held"
# What a page can be asked for -> its word; below, the kind of its state component.
STATES: dict[str, str | Promise] = {
    State.WAITING: _("Waiting"),
    HELD: _("Held"),
    State.DELIVERED: _("Delivered"),
    State.SUPERSEDED: _("Superseded"),
    State.DEAD: _("Given up"),
}
KINDS = {State.WAITING: "waiting", HELD: "warning", State.DELIVERED: "ok", State.SUPERSEDED: "off", State.DEAD: "error"}
TOLD: dict[str, str | Promise] = {
    "waiting": _("Waiting"),
    "lobby": _("In the Teams lobby"),
    "connected": _("In the visit"),
    "disconnected": _("Has left"),
    "gone": _("No longer waiting"),
}
SOMEBODY = _("Somebody else")
HEALTH: dict[str, tuple[str, str | Promise]] = {
    "off": ("warning", _("Turned off")),
    "rests": ("waiting", _("Rests")),
    "well": ("ok", _("Is told")),
}


@dataclass(frozen=True)
class Line:
    """One row of the outbox. `state` is one of STATES; `next_at` is when it is tried next, where it waits."""

    number: int
    visit: UUID
    target: str | Promise
    who: str | Promise
    presence: str | Promise
    happened_at: datetime
    state: str
    word: str | Promise
    reason: Reason
    code: str
    attempts: int
    next_at: datetime | None
    finished_at: datetime | None
    test: bool

    @property
    def kind(self) -> str:
        return KINDS[self.state]

    @property
    def may_be_sent_again(self) -> bool:
        return self.state == State.DEAD


@dataclass(frozen=True)
class Health:
    """How a target is: well, resting after failures, or turned off."""

    number: int
    name: str | Promise
    waiting: int  # what it is to be told
    rests_until: datetime | None
    off_since: datetime | None
    reason: Reason | None  # why it is off
    code: str

    @property
    def state(self) -> tuple[str, str | Promise]:
        """Kind and word of the state component."""
        return HEALTH["off" if self.off_since else "rests" if self.rests_until else "well"]


def lines(connection: Connection, state: str, before: int | None = None) -> tuple[list[Line], int | None]:
    """(a page of lines in one of STATES, or all, the newest first; what to name as `before` for the next page)."""
    now = timezone.now()
    announced = is_announced(connection, now)
    # One query a target: an index gives the newest of one, and sorts nothing.
    each = [_newest(target, state, before, now) for target in connection.targets.all()]
    found = sorted(chain(*each), key=lambda row: -row.pk)[: PAGE + 1]
    shown = [_line(row, now, announced) for row in found[:PAGE]]
    return shown, found[PAGE - 1].pk if len(found) > PAGE else None


def _newest(target: Target, state: str, before: int | None, now: datetime) -> QuerySet[Writeback]:
    """The newest rows of one target, one more than a page shows."""
    rows = Writeback.objects.filter(Q(pk__lt=before) if before else Q(), target=target)
    return _whole(_chosen(rows, state, now) if state else rows).order_by("-id")[: PAGE + 1]


def one(connection: Connection, number: int) -> Writeback | None:
    """A row of this connection."""
    return _whole(Writeback.objects.filter(pk=number, target__connection=connection)).first()


def health(connection: Connection) -> list[Health]:
    """Its targets, and how each is. One that the live settings no longer name is left out once nothing waits for it."""
    now, named = timezone.now(), {"", *(one.name for one in wires.live_settings(connection).audit)}
    waiting = Count("writebacks", filter=Q(writebacks__state=State.WAITING))
    targets = connection.targets.select_related("connection").annotate(waiting=waiting).order_by("-kind", "name")
    return [_health(target, now) for target in targets if target.name in named or target.waiting]


def _chosen(rows: QuerySet[Writeback], state: str, now: datetime) -> QuerySet[Writeback]:
    """Those in one of STATES: what waits is held, or is not."""
    if state == HELD:
        return rows.filter(writeback.held(now), state=State.WAITING)
    waiting = state == State.WAITING
    return rows.filter(state=state).exclude(writeback.held(now)) if waiting else rows.filter(state=state)


def _whole(rows: QuerySet[Writeback]) -> QuerySet[Writeback]:
    return rows.select_related("visit", "participant", "target__connection")


def _line(row: Writeback, now: datetime, announced: bool) -> Line:
    held_by = _held_by(row, now, announced)
    state = HELD if held_by else row.state
    return Line(
        number=row.pk,
        visit=row.visit_id,
        target=row.target.title,
        who=Participant.Role(row.participant.role).label if row.participant else SOMEBODY,
        presence=TOLD[row.presence],
        happened_at=row.happened_at,
        state=state,
        word=STATES[state],
        reason=_reason(row, now, held_by),
        code="" if row.code == ACCEPTED else row.code,
        attempts=row.attempts,
        next_at=row.next_at if state == State.WAITING else None,
        finished_at=row.finished_at,
        test=row.visit.test,
    )


def is_announced(connection: Connection, now: datetime) -> bool:
    """Whether a downtime of this EHR is on."""
    return Downtime.running(now).filter(connection=connection).exists()


def reason_of(row: Writeback, now: datetime, announced: bool) -> Reason:
    """Why a row is where it is."""
    return _reason(row, now, _held_by(row, now, announced))


def _reason(row: Writeback, now: datetime, held_by: str) -> Reason:
    fresh = row.state == State.WAITING and not row.attempts and row.next_at > now
    return explain(held_by or ("may-come-back" if fresh else row.code), row.state == State.SUPERSEDED)


def _held_by(row: Writeback, now: datetime, announced: bool) -> str:
    """The code of what keeps everybody from trying a row that waits, as `writeback.held` finds it; empty for
    nothing."""
    target = row.target
    if row.state != State.WAITING:
        return ""
    if target.connection.live_id is None:
        return "not-live"
    if target.is_off:
        return target.off_code
    if announced:
        return "downtime"
    return "resting" if target.rests(now) else ""


def _health(target: Any, now: datetime) -> Health:
    off = target.is_off
    return Health(
        number=target.pk,
        name=target.title,
        waiting=target.waiting,
        rests_until=target.open_until if not off and target.rests(now) else None,
        off_since=target.off_since if off else None,
        reason=explain(target.off_code) if off else None,
        code=target.off_code if off else "",
    )
