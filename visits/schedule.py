"""When a visit is planned, as far as a launch can tell, and who comes too early, too late, or for one that is off.

The EHR tells nobody of cancellations, so each launch looks: at the record's CONTEXT, else at the Appointment or
Encounter with the launch's own token, where the scopes allow it. Where nobody says anything, nobody is turned away.
"""

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from connector import wires
from connector.cached import outdate
from connector.ehr import fhir, scopes, smart
from connector.ehr.fhir import Plan
from connector.errors import WireError
from connector.http import Deadline
from visits.models import Participant, Visit

log = logging.getLogger(__name__)

# Keys of the integration record's CONTEXT: instants with a zone, a FHIR status, the FHIR id of a Practitioner, a code,
# the name of a clinic.
UNFIT = frozenset("%\ufffd")  # a token that was not filled in, and what stands for a character that cannot be kept
STARTS, ENDS, STATUS, CLINICIAN, DEPARTMENT = "startsAt", "endsAt", "status", "clinician", "departmentId"
CLINIC = "clinic"
LOGIN_DEPARTMENT = "loginDepartment"  # Epic's own member beside the token
READ_SECONDS = 2.0  # of the launch's eight, for the Appointment and the Encounter together
LONGEST_CODE, LONGEST_NAME = 64, 120
Timing = Participant.Timing

# What a clinician reads, who is never turned away.
NOTES: dict[str, Promise] = {
    Timing.EARLY: _("Patients cannot come in yet: it is too early. Once you have opened the meeting, they can."),
    Timing.LATE: _("The planned time is over. Patients can come in only once you have opened the meeting."),
    Timing.CANCELLED: _("The EHR says that this visit does not take place. Patients are told so until you open it."),
}


@dataclass(frozen=True)
class Standing:
    """Why patients cannot come in yet, or any more. Times are None where nobody told them."""

    timing: str
    starts_at: datetime | None
    opens_at: datetime | None


def plan_of(base_url: str, token: str, granted: str, context: dict[str, Any], deadline: Deadline) -> Plan:
    """What this launch tells of its visit: CONTEXT first, then what may be read. A read that fails tells nothing."""
    read = _read(base_url, token, granted, context, deadline)
    told = Plan(fhir.instant(context.get(STARTS)), fhir.instant(context.get(ENDS)))
    times, off, clinician = told if told.starts_at else read, fhir.is_off(context.get(STATUS)), _practitioner(context)
    return Plan(
        starts_at=times.starts_at,
        ends_at=times.ends_at,
        cancelled=read.cancelled if off is None else off,
        clinicians=(clinician,) if clinician else read.clinicians,
    )


def _read(base_url: str, token: str, granted: str, context: dict[str, Any], deadline: Deadline) -> Plan:
    """The Appointment, else the Encounter: the first that can be read counts."""
    until: Deadline | None = None
    for kind in ("Appointment", "Encounter"):
        identifier = smart.launched(context, kind)
        if not identifier or not scopes.reads(granted, kind):
            continue
        try:
            until = until or deadline.within(READ_SECONDS)
            return fhir.plan_of(fhir.read(base_url, f"{kind}/{identifier}", token=token, deadline=until))
        except WireError as error:
            log.info("schedule not read", extra={"kind": kind, "code": error.code, "status": error.status})
    return Plan()


def _practitioner(context: dict[str, Any]) -> str:
    """The reference to the Practitioner whom the record names; empty for what is no id."""
    value = str(context.get(CLINICIAN) or "").strip()
    kind, identifier = fhir.reference(value if "/" in value else f"Practitioner/{value}")
    return f"{kind}/{identifier}" if kind in smart.STAFF_SIDE else ""


def code_of(value: object, longest: int = LONGEST_CODE) -> str:
    """A code of the EHR, or the name of a clinic; empty for `NONE`, for a token that Epic did not fill in, and for what
    is neither."""
    text = str(value).strip() if isinstance(value, str | int) else ""
    fit = text.isprintable() and len(text) <= longest and not UNFIT & {*text} and text.upper() != "NONE"
    return text if fit else ""


def keep(participant: Participant, plan: Plan, context: dict[str, Any]) -> None:
    """Keep what a press told of its visit, and whether its person comes at the time. What was known before and is not
    told again stays; only the press itself can say that the visit is off."""
    visit = participant.visit
    # The login's department is where the clinician sits; the record's own is the visit's.
    department = code_of(context.get(DEPARTMENT)) or visit.department or code_of(context.get(LOGIN_DEPARTMENT))
    clinic = code_of(context.get(CLINIC), LONGEST_NAME) or visit.clinic
    told: dict[str, Any] = {"department": department, "clinic": clinic}
    if plan.starts_at:
        ends_at = plan.ends_at if plan.ends_at and plan.ends_at > plan.starts_at else None
        told |= {"starts_at": plan.starts_at, "ends_at": ends_at}
    changed = {name: value for name, value in told.items() if value != getattr(visit, name)}
    for name, value in changed.items():
        setattr(visit, name, value)
    if changed:
        Visit.objects.filter(pk=visit.pk).update(**changed)
        outdate("visit", visit.pk)
    timing = Timing.CANCELLED if plan.cancelled else _timing(participant)
    if timing != participant.timing:
        participant.timing = timing
        participant.save(update_fields=["timing"])


def _timing(participant: Participant) -> str:
    """Whether somebody presses too early or too late. Who is here already is not sent away for pressing again."""
    visit, now = participant.visit, timezone.now()
    opens_at, closes_at = _opens_at(visit), _closes_at(visit)
    if opens_at and now < opens_at:
        timing: str = Timing.EARLY
    elif closes_at and now > closes_at:
        timing = Timing.LATE
    else:
        return ""
    here = visit.facts.filter(generation=visit.generation, participant_key=str(participant.id))
    return "" if visit.ended_at is None and here.exists() else timing


def standing(participant: Participant) -> Standing | None:
    """What keeps patients out now, as of this person's last press; None where they may come in. Where the meeting is
    open, everybody may."""
    visit = participant.visit
    if not participant.timing or (visit.join_url_sealed and visit.ended_at is None):
        return None
    opens_at = _opens_at(visit) if participant.timing == Timing.EARLY else None
    if participant.timing == Timing.EARLY and (opens_at is None or timezone.now() >= opens_at):
        return None
    return Standing(participant.timing, visit.starts_at, opens_at)


def is_over_for(participant: Participant) -> bool:
    """Whether this person is turned away for good, and not until it opens: his press begins no other meeting."""
    now = standing(participant)
    return now is not None and now.timing != Timing.EARLY


def _opens_at(visit: Visit) -> datetime | None:
    minutes = wires.live_settings(visit.connection).early_minutes
    return visit.starts_at - timedelta(minutes=minutes) if visit.starts_at and minutes else None


def _closes_at(visit: Visit) -> datetime | None:
    minutes, planned = wires.live_settings(visit.connection).late_minutes, visit.ends_at or visit.starts_at
    return planned + timedelta(minutes=minutes) if planned and minutes else None
