"""The timeline of a visit, for administrators and for the clinicians who launched it: what was seen, what was worked
out from it, what others were told, and what they answered. Codes, hosts and times, never an id or a token, and no
guess who somebody was of whom nobody knows it."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_GET

from connector.models import Entry
from visits import handles
from visits.audit_event import EVENTS
from visits.looking import CALL
from visits.models import Fact, Participant, Target, Visit, Writeback
from visits.trouble import Stop, belongs_to, explained
from visits.writeback.listing import SOMEBODY, TOLD, is_announced, reason_of
from visits.writeback.outbox import presence_of
from visits.writeback.texts import ACCEPTED, Reason, explain

Text = str | Promise
Role = Participant.Role
LATE = timedelta(minutes=1)  # what was heard of later than this says when

# How we know -> (kind of the state component, word, what it means)
HOW: dict[str, tuple[str, Text, Text]] = {
    "seen": ("ok", _("Seen"), _("told by Teams, by the EHR or by our own page at that moment")),
    "reported": ("ok", _("Reported"), _("told afterwards by the attendance report of Teams")),
    "inferred": (
        "info",
        _("Inferred"),
        _("worked out: the call ended, a page fell silent, or only one person can be meant"),
    ),
    "written": ("ok", _("Written"), _("told to the place that is named, and accepted there")),
    "superseded": ("off", _("Superseded"), _("not told, since something newer was told in its place")),
    "waiting": ("waiting", _("Waiting"), _("still to be told")),
    "given-up": ("error", _("Given up"), _("could not be told")),
}
WORDS: dict[str, Text] = {
    "launched": _("Pressed the button in the EHR"),
    "linked": _("Linked the Microsoft account"),
    "test-visit-begun": _("Test visit begun"),
    "test-side-opened": _("Side opened"),
    CALL: _("Call"),
    "unlinked": _("Unlinked the Microsoft account"),
    "handed-over": _("Opened in another browser"),
    "entered-from-list": _("Opened from the list of open visits"),
    "alert-noticed": _("Somebody at the board takes care of it"),
    "meeting-opened": _("Teams meeting opened"),
    "meeting-closed": _("Teams meeting closed"),
    "meeting-closed-failed": _("Teams meeting could not be closed"),
    "meeting-deleted": _("Teams meeting deleted"),
    "meeting-deleted-failed": _("Teams meeting could not be deleted"),
    "participant-waiting": _("On the waiting page"),
    "participant-lobby": _("In the Teams lobby"),
    "participant-connected": _("In the visit"),
    "participant-disconnected": _("Has left"),
    "participant-gone": _("No longer waiting"),
    "outsider-waiting": _("On the waiting page"),
    "outsider-lobby": _("In the Teams lobby"),
    "outsider-connected": _("In the visit"),
    "outsider-disconnected": _("Has left"),
    "outsider-gone": _("No longer waiting"),
}
WRITTEN = {"writeback-delivered": "written", "writeback-superseded": "superseded", "writeback-dead": "given-up"}
# What is said of a writeback: (target, whether it was told, was not, or is to be told).
TELLING: dict[tuple[str, str], Promise] = {
    ("status", "told"): _("The EHR was told: %(what)s"),
    ("status", "not"): _("The EHR was not told: %(what)s"),
    ("status", "to be"): _("To be told to the EHR: %(what)s"),
    ("audit", "told"): _("The AuditEvent repository was told: %(what)s"),
    ("audit", "not"): _("The AuditEvent repository was not told: %(what)s"),
    ("audit", "to be"): _("To be told to the AuditEvent repository: %(what)s"),
}
SERVICES: dict[str, Text] = {
    "graph": _("Microsoft Graph"),
    "entra": _("Microsoft sign-in"),
    "ehr": _("EHR"),
}


@dataclass(frozen=True)
class Step:
    """One line of the timeline. `service` is whom a call went to; `heard_at` when it was heard of, where that was late;
    `reason` explains the code of an answer."""

    at: datetime
    how: str
    what: Text
    who: Text
    service: Text
    detail: dict[str, str]
    heard_at: datetime | None = None
    reason: Reason | None = None

    @property
    def answer(self) -> Text:
        """What was answered, in a word; empty where nobody was asked."""
        if self.reason:
            return self.reason.what
        return (self.detail.get("status") or _("no answer")) if self.service else ""

    @property
    def code(self) -> str:
        """The code of an answer that was no plain yes, for whoever asks the EHR's team."""
        code = self.detail.get("code", "")
        return "" if code == ACCEPTED else code

    @property
    def kind(self) -> str:
        return HOW[self.how][0]

    @property
    def word(self) -> Text:
        return HOW[self.how][1]


def of(visit: Visit) -> list[Step]:
    """What happened so far, in order, and what is still to be told."""
    people = {person.id: person for person in visit.participants.all()}
    seen = set(Fact.objects.filter(visit=visit).values_list("kind", "at"))
    entries = Entry.objects.filter(visit=visit.id).order_by("at", "id")
    steps = [_step(entry, people, seen) for entry in entries]
    rows = Writeback.objects.filter(visit=visit, state=Writeback.State.WAITING).order_by("id")
    waiting, now = list(rows.select_related("target__connection", "participant")), timezone.now()
    announced = is_announced(visit.connection, now)
    return steps + [_waits(row, reason_of(row, now, announced)) for row in waiting]


def _step(entry: Entry, people: dict[UUID, Participant], seen: set[tuple[str, datetime]]) -> Step:
    person = people.get(entry.participant) if entry.participant else None
    written = WRITTEN.get(entry.event)
    return Step(
        at=entry.at,
        how=written or _how(entry, person, seen),
        what=_written(entry, written) if written else WORDS.get(entry.event, entry.event),
        who=_who(entry, person),
        service=SERVICES.get(entry.detail.get("service", ""), ""),
        detail=entry.detail,
        heard_at=entry.recorded_at if entry.event in EVENTS and entry.recorded_at - entry.at > LATE else None,
        reason=explain(entry.detail["code"], written == "superseded") if written else None,
    )


def _written(entry: Entry, how: str) -> str:
    target = entry.detail.get("target", Target.Kind.STATUS_SERVICE)  # entries of before there were others name none
    name = entry.detail.get("repository", "")
    return _telling(target, name, "told" if how == "written" else "not", entry.detail["presence"])


def _telling(target: str, name: str, state: str, presence: str) -> str:
    """`name` is that of one repository of several."""
    told = str(TELLING[target, state]) % {"what": TOLD[presence]}
    return f"{told} ({name})" if name else told


def _how(entry: Entry, person: Participant | None, seen: set[tuple[str, datetime]]) -> str:
    """Whether somebody told it. Who an outsider of the call is, is worked out even where he was seen."""
    if entry.event not in EVENTS:
        return "seen"
    presence = presence_of(entry)
    by_elimination = person is not None and not person.is_staff and presence != "waiting"
    if by_elimination or presence == "gone":  # nobody tells that a page fell silent
        return "inferred"
    if entry.detail.get("told") == "report":
        return "reported"
    return "seen" if (presence, entry.at) in seen else "inferred"


def _who(entry: Entry, person: Participant | None) -> Text:
    if person:
        return Role(person.role).label
    return SOMEBODY if entry.event in EVENTS or entry.event in WRITTEN else ""


def _waits(row: Writeback, reason: Reason) -> Step:
    return Step(
        at=row.happened_at,
        how="waiting",
        what=_telling(row.target.kind, row.target.name, "to be", row.presence),
        who=Role(row.participant.role).label if row.participant else SOMEBODY,
        service="",
        detail={"code": row.code},
        reason=reason,
    )


def shown(visit: Visit) -> dict[str, Any]:
    """What `components/timeline.html` shows of a visit; the legend explains each way of knowing that its steps use."""
    steps = of(visit)
    used = {step.how for step in steps}
    legend = [(word, meaning) for how, (_kind, word, meaning) in HOW.items() if how in used]
    return {"visit": visit, "timeline": steps, "legend": legend}


@login_not_required
@require_GET
@explained
def page(request: HttpRequest, handle: str) -> HttpResponse:
    """The timeline as a clinician of the visit sees it, and, in the same browser, when it is over."""
    row, handle = handles.look_back(request, handle)
    participant = row.participant
    belongs_to(request, row)
    if participant is None or not participant.is_staff:
        raise Stop("page-lost")
    context = shown(participant.visit) | {"handle": "" if handles.is_over(row) else handle}
    return render(request, "visits/timeline.html", context)
