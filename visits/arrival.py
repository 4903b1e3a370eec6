"""From a token response to a participant of a visit: whose press it was, for which session, beside which patient."""

import logging
from dataclasses import dataclass

from django.db import IntegrityError, transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from connector import keys, trail
from connector.agreement import Settings
from connector.ehr import fhir
from connector.ehr.smart import PATIENT_SIDE, EhrIdentity, Granted
from connector.errors import WireError
from connector.http import Deadline
from connector.models import Connection
from visits import clinician, handles, link, meeting, waiting
from visits.doors import DOORS, Door
from visits.models import EhrUserLink, Launch, Participant, Visit
from visits.trouble import Stop

log = logging.getLogger(__name__)

# Keys of the integration record's CONTEXT, which come back beside the token.
SESSION, EXTERNAL_ID, EXTERNAL_ID_TYPE = "sessionId", "externalId", "externalIdType"
SESSION_MEMBERS = {"context": SESSION, "conference": SESSION, "appointment": "appointment", "encounter": "encounter"}


@dataclass(frozen=True)
class Press:
    """Who pressed, as the EHR's token says: for this request alone."""

    role: Participant.Role
    ehr_user: str
    session: str
    patient: str
    external_id: str
    external_id_type: str


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
    press = read_press(door, agreed, granted, identity)
    visit = find_visit(connection, door.session_kind(agreed), press)
    participant = find_participant(visit, press)
    row.participant = participant
    row.save(update_fields=["participant"])
    trail.record(
        connection.organization, "launched", visit=visit.id, participant=participant.id, door=row.door, role=press.role
    )
    if not participant.is_staff:
        waiting.arrived(participant, event_id=str(row.id))
        return redirect("visit", handle=handles.issue(row))
    if participant.user_id:
        return redirect(clinician.first_page(request, row, participant), handle=handles.issue(row))
    return _to_microsoft(request, row, identity, granted, deadline)


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


def read_press(door: Door, agreed: Settings, granted: Granted, identity: EhrIdentity | None) -> Press:
    """What the token response says, held against the door. Raises Stop with the record's field to mend."""
    kind = identity.kind if identity else ""
    if door.staff == (kind in PATIENT_SIDE) and kind in {*PATIENT_SIDE, "Practitioner", "PractitionerRole"}:
        raise Stop("launch-wrong-door")
    context = granted.context
    role = Participant.Role.PROVIDER if door.staff else Participant.Role.PATIENT
    if kind == "RelatedPerson":
        role = Participant.Role.PROXY
    member = SESSION_MEMBERS[door.session_kind(agreed)]
    patient = str(context.get("patient") or (identity.resource_id if identity and kind == "Patient" else ""))
    return Press(
        role=role,
        ehr_user=_ehr_user(identity, context),
        session=filled(context.get(member), member),
        patient="" if door.group else patient,
        external_id=filled(context.get(EXTERNAL_ID), EXTERNAL_ID, required=False),
        external_id_type=filled(context.get(EXTERNAL_ID_TYPE), EXTERNAL_ID_TYPE, required=False),
    )


def filled(value: object, member: str, *, required: bool = True) -> str:
    """A value of the token response, byte for byte. A `%` in it is a token that Epic did not fill in."""
    text = str(value) if value is not None else ""
    if "%" in text or (required and not text.strip()):
        raise Stop("context-unfilled", field=member)
    return text


def _ehr_user(identity: EhrIdentity | None, context: dict[str, object]) -> str:
    """What names the person at this EHR: the id_token's resource, else its subject; before OpenID, CONTEXT's own id."""
    if identity:
        return f"{identity.kind}/{identity.resource_id}" if identity.kind else identity.subject
    return filled(context.get(EXTERNAL_ID), EXTERNAL_ID)


def find_visit(connection: Connection, kind: str, press: Press) -> Visit:
    """The visit of this session, made when new. Raises Stop when the patient context is another's."""
    organization = connection.organization_id
    session_hash, kid = keys.hash_of(organization, press.session, ("visit", "session", str(connection.id), kind))
    patient_hash = (
        keys.hash_of(organization, press.patient, ("visit", "patient", str(connection.id)))[0] if press.patient else ""
    )
    identity = {"connection": connection, "session_kind": kind, "session_hash": session_hash}
    visit = Visit.objects.filter(**identity).first()
    if visit is None:
        visit = Visit(**identity, hash_kid=kid, patient_hash=patient_hash)
        visit.seal("session", press.session)
        try:
            with transaction.atomic():
                visit.save(force_insert=True)
        except IntegrityError:  # two people pressed at once
            visit = Visit.objects.get(**identity)
    _same_patient(visit, patient_hash)
    visit.connection = connection
    meeting.reopen(visit)
    return visit


def _same_patient(visit: Visit, patient_hash: str) -> None:
    """Nobody is sent into another's meeting: in a one-to-one visit every patient context is the first one's."""
    if not patient_hash:
        return
    if not visit.patient_hash:
        Visit.objects.filter(pk=visit.pk, patient_hash="").update(patient_hash=patient_hash)
        visit.refresh_from_db(fields=["patient_hash"])
    if visit.patient_hash != patient_hash:
        raise Stop("patient-unlike")


def find_participant(visit: Visit, press: Press) -> Participant:
    """The participant behind a press, made when new, with the ids as this launch brought them."""
    connection = visit.connection
    ehr_user_hash, kid = keys.hash_of(
        connection.organization_id, press.ehr_user, ("participant", "ehr_user", str(connection.id))
    )
    participant = Participant.objects.filter(visit=visit, role=press.role, ehr_user_hash=ehr_user_hash).first()
    if participant is None:
        participant = _new_participant(visit, press, ehr_user_hash, kid)
    participant.visit = visit
    _renew_ids(participant, press)
    link = EhrUserLink.objects.filter(connection=connection, ehr_user_hash=ehr_user_hash).first()
    if participant.is_staff and link and participant.user_id != link.user_id:
        participant.user = link.user
        participant.save(update_fields=["user"])
    return participant


def _renew_ids(participant: Participant, press: Press) -> None:
    """A record that was mended since brings other ids: the newest launch's are told from now on."""
    ids = {"external_id": press.external_id, "external_id_type": press.external_id_type}
    changed = [column for column, value in ids.items() if value != participant.unseal(column)]
    for column in changed:
        participant.seal(column, ids[column])
    if changed:
        participant.save(update_fields=[f"{column}_sealed" for column in changed])


def _new_participant(visit: Visit, press: Press, ehr_user_hash: str, kid: str) -> Participant:
    participant = Participant(visit=visit, role=press.role, ehr_user_hash=ehr_user_hash, hash_kid=kid)
    participant.seal("external_id", press.external_id)
    participant.seal("external_id_type", press.external_id_type)
    try:
        with transaction.atomic():
            participant.save(force_insert=True)
    except IntegrityError:  # a double click
        return Participant.objects.get(visit=visit, role=press.role, ehr_user_hash=ehr_user_hash)
    return participant


def read_name(connection: Connection, identity: EhrIdentity | None, granted: Granted, deadline: Deadline) -> str:
    """The clinician's name in the EHR, for the one page that confirms the link; empty where it is not granted."""
    if identity is None or not identity.kind:
        return ""
    path = f"{identity.kind}/{identity.resource_id}"
    try:
        resource = fhir.read(connection.base_url, path, token=granted.access_token, deadline=deadline)
    except WireError as error:
        log.info("name not read", extra={"code": error.code, "status": error.status})
        return ""
    return fhir.human_name(resource)
