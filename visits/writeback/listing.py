"""Everything that a connection's targets were told, will be or will not be, and why: for people, naming nobody."""

from dataclasses import dataclass
from datetime import datetime
from itertools import chain
from uuid import UUID

from django.db.models import Q, QuerySet
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

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
    rests_until: datetime | None
    off_since: datetime | None
    reason: Reason | None  # why it is off
    code: str


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
    """Its targets, and how each is."""
    now = timezone.now()
    return [_health(target, connection, now) for target in connection.targets.order_by("-kind")]


def _chosen(rows: QuerySet[Writeback], state: str, now: datetime) -> QuerySet[Writeback]:
    """Those in one of STATES: what waits is held, or is not."""
    if state == HELD:
        return rows.filter(writeback.held(now), state=State.WAITING)
    waiting = state == State.WAITING
    return rows.filter(state=state).exclude(writeback.held(now)) if waiting else rows.filter(state=state)


def _whole(rows: QuerySet[Writeback]) -> QuerySet[Writeback]:
    return rows.select_related("visit", "participant", "target__connection")


def _line(row: Writeback, now: datetime, announced: bool) -> Line:
    waits = row.state == State.WAITING
    held_by = _held_by(row.target, now, announced) if waits else ""
    state = HELD if held_by else row.state
    return Line(
        number=row.pk,
        visit=row.visit_id,
        target=Target.Kind(row.target.kind).label,
        who=Participant.Role(row.participant.role).label if row.participant else SOMEBODY,
        presence=TOLD[row.presence],
        happened_at=row.happened_at,
        state=state,
        word=STATES[state],
        reason=reason_of(row, now, announced),
        code="" if row.code == ACCEPTED else row.code,
        attempts=row.attempts,
        next_at=row.next_at if waits and not held_by else None,
        finished_at=row.finished_at,
        test=row.visit.test,
    )


def is_announced(connection: Connection, now: datetime) -> bool:
    """Whether a downtime of this EHR is on."""
    return Downtime.running(now).filter(connection=connection).exists()


def reason_of(row: Writeback, now: datetime, announced: bool) -> Reason:
    """Why a row is where it is."""
    waits = row.state == State.WAITING
    held_by = _held_by(row.target, now, announced) if waits else ""
    fresh = waits and not row.attempts and row.next_at > now
    return explain(held_by or ("may-come-back" if fresh else row.code), row.state == State.SUPERSEDED)


def _held_by(target: Target, now: datetime, announced: bool) -> str:
    """The code of what keeps everybody from trying, as `writeback.held` finds it; empty for nothing."""
    live = target.connection.live_id
    if live is None:
        return "not-live"
    if target.off_under_id == live:
        return target.off_code
    if announced:
        return "downtime"
    return "resting" if target.open_until and target.open_until > now else ""


def _health(target: Target, connection: Connection, now: datetime) -> Health:
    off = target.off_under_id is not None and target.off_under_id == connection.live_id
    rests = target.open_until if not off and target.open_until and target.open_until > now else None
    return Health(
        number=target.pk,
        name=Target.Kind(target.kind).label,
        rests_until=rests,
        off_since=target.off_since if off else None,
        reason=explain(target.off_code) if off else None,
        code=target.off_code if off else "",
    )
