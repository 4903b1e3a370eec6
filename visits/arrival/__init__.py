"""From a token response to a participant of a visit: whose press it was, for which session, beside which patient."""

import logging

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from connector import keys, trail
from connector.agreement import Settings
from connector.ehr import fhir
from connector.ehr.smart import EhrIdentity, Granted
from connector.errors import WireError
from connector.http import Deadline
from connector.models import Connection, User
from visits import clinician, handles, link, meeting, schedule, waiting
from visits.arrival.press import named, read_press
from visits.arrival.rows import find_participant, find_visit, hash_of_presser, hash_of_user
from visits.doors import CONFERENCE, DOORS
from visits.models import EhrUserLink, Launch, Participant, Visit
from visits.trouble import Stop

__all__ = ["arrive", "hash_of_presser", "hash_of_user"]

log = logging.getLogger(__name__)

INITIALS, LONGEST_INITIALS = "initials", 8


def arrive(
    request: HttpRequest,
    row: Launch,
    agreed: Settings,
    granted: Granted,
    identity: EhrIdentity | None,
    deadline: Deadline,
) -> HttpResponse:
    """Make or find the visit and the participant, then send a patient to the waiting page and a clinician to Teams."""
    connection = row.connection
    door = DOORS[row.door]
    identity = named(identity, granted)
    press = read_press(door, agreed, granted, identity)
    visit = find_visit(connection, door.session_kind(agreed), press)
    participant = find_participant(visit, press)
    row.participant = participant
    row.save(update_fields=["participant"])
    trail.record(
        connection.organization, "launched", visit=visit.id, participant=participant.id, door=row.door, role=press.role
    )
    log.info("launched", extra={"visit": str(visit.id), "door": row.door, "connection": connection.ref})
    plan = schedule.plan_of(connection.base_url, granted.access_token, granted.scope, granted.context, deadline)
    schedule.keep(participant, plan, granted.context)
    _begin_anew(participant)
    _keep_for_the_board(visit, plan.clinicians, granted.context, agreed)
    if not participant.is_staff:
        _come_in(participant, row, () if door.group else plan.clinicians, deadline)
        return redirect("visit", handle=handles.issue(row))
    if participant.user_id:
        return redirect(clinician.first_page(request, row, participant), handle=handles.issue(row))
    return _to_microsoft(request, row, identity, granted, deadline)


def _begin_anew(participant: Participant) -> None:
    """A press after the visit has ended begins another meeting, unless its person is turned away for good."""
    if participant.is_staff or not schedule.is_over_for(participant):
        meeting.reopen(participant.visit)
        participant.refresh_from_db(fields=["sent_at"])


def _keep_for_the_board(
    visit: Visit, clinicians: tuple[str, ...], context: dict[str, object], agreed: Settings
) -> None:
    """Whose board the visit is on, and the initials that it shows there, where the connection allows them. What this
    press does not tell stays as another left it; of a conference's patients, none stands for all."""
    initials = schedule.code_of(context.get(INITIALS))[:LONGEST_INITIALS]
    told: dict[str, str] = {}
    if clinicians:
        with keys.hashing(visit.organization_id):
            hashed = hash_of_user(visit.connection, clinicians[0])[0]
            Visit.objects.filter(pk=visit.pk).update(clinician_hash=hashed)
    if initials and agreed.board_initials == "shown" and visit.session_kind != CONFERENCE:
        visit.seal("initials", initials)
        told["initials_sealed"] = visit.initials_sealed
    if told:
        Visit.objects.filter(pk=visit.pk).update(**told)


def _come_in(participant: Participant, row: Launch, clinicians: tuple[str, ...], deadline: Deadline) -> None:
    """A patient arrives; where the record names a clinician whom we know, the meeting is opened in that name, and
    another in the place of one that was deleted in Teams. Who comes too early, too late, or for a visit that is off,
    does neither."""
    if schedule.standing(participant):
        return
    waiting.arrived(participant, event_id=str(row.id))
    visit = participant.visit
    user = _linked(visit.connection, clinicians)
    if user is None:
        return
    try:
        participant.visit = meeting.open_for(visit, user, deadline)
    except WireError as error:  # the clinician opens it, as always
        log.info("meeting not opened for the patient", extra={"code": error.code, "status": error.status})


def _linked(connection: Connection, clinicians: tuple[str, ...]) -> User | None:
    """The Microsoft account of the first of these Practitioners who has one here."""
    for reference in clinicians:
        hashed, _kid = hash_of_user(connection, reference)
        link = EhrUserLink.objects.select_related("user").filter(connection=connection, ehr_user_hash=hashed).first()
        if link:
            return link.user
    return None


def _to_microsoft(
    request: HttpRequest, row: Launch, identity: EhrIdentity | None, granted: Granted, deadline: Deadline
) -> HttpResponse:
    """A clinician's first time: sign in at the organization's own tenant, then confirm (visits.link). Microsoft shows
    nothing in a frame: there the visit page opens a window for it.

    A link lasts, so it is made only in the browser that pressed: without our cookie nobody could tell.
    """
    framed = clinician.may_be_framed(request, row)
    if not row.browser_hash and not framed:
        raise Stop("cookies-needed")
    name = link.sealed_name(row, read_name(row.connection, identity, granted, deadline))
    if not framed:
        return link.begin(request, row, name)
    link.keep_name(row, name)
    return redirect("visit", handle=handles.issue(row))


def read_name(connection: Connection, identity: EhrIdentity | None, granted: Granted, deadline: Deadline) -> str:
    """The clinician's name in the EHR, for the one page that confirms the link; empty where it is not granted."""
    if identity is None or not identity.kind:
        return ""
    path = f"{identity.kind}/{identity.resource_id}"
    try:
        soon = deadline.within(schedule.READ_SECONDS)  # people get in without it
        resource = fhir.read(connection.base_url, path, token=granted.access_token, deadline=soon)
    except WireError as error:
        log.info("name not read", extra={"code": error.code, "status": error.status})
        return ""
    return fhir.human_name(resource)
