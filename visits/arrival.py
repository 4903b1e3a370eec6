"""From a token response to a participant of a visit: whose press it was, for which session, beside which patient."""

import logging
from dataclasses import dataclass

from django.db import IntegrityError, transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone

from connector import keys, trail
from connector.agreement import Settings
from connector.ehr import fhir, smart
from connector.ehr.smart import PATIENT_SIDE, STAFF_SIDE, EhrIdentity, Granted
from connector.errors import WireError
from connector.http import Deadline
from connector.models import Connection, User
from visits import clinician, handles, link, meeting, schedule, waiting
from visits.doors import CONFERENCE, DOORS, Door
from visits.models import EhrUserLink, Launch, Participant, Visit
from visits.trouble import Stop

log = logging.getLogger(__name__)

# Keys of the integration record's CONTEXT, which come back beside the token.
SESSION, EXTERNAL_ID, EXTERNAL_ID_TYPE = "sessionId", "externalId", "externalIdType"
INITIALS, LONGEST_INITIALS = "initials", 8
# What names the visit where the record's CONTEXT does not: the resource that the launch is about.
RESOURCES = {"appointment": "Appointment", "encounter": "Encounter"}


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


def named(identity: EhrIdentity | None, granted: Granted) -> EhrIdentity | None:
    """Who pressed: as the id_token says; where it names no resource, or there is none, as the token response does."""
    kind, resource_id = smart.fhir_user(str(granted.context.get("fhirUser") or ""))
    if not kind or (identity and identity.kind):
        return identity
    return EhrIdentity(identity.subject if identity else "", kind, resource_id)


def read_press(door: Door, agreed: Settings, granted: Granted, identity: EhrIdentity | None) -> Press:
    """What the token response says, held against the door. Raises Stop with the record's field to mend."""
    kind = identity.kind if identity else ""
    if kind in (PATIENT_SIDE if door.staff else STAFF_SIDE):
        raise Stop("launch-wrong-door")
    # Of a Person or nobody in particular, the client that redeemed the code tells the side: if it is that side's alone.
    if door.staff and kind not in STAFF_SIDE and agreed.provider_client_id == agreed.patient_client_id:
        raise Stop("person-unknown")
    context = granted.context
    own = identity.resource_id if identity and kind == "Patient" else ""
    patient = filled(context.get("patient"), "patient", required=False) or own
    return Press(
        role=_role(door, kind, acts_for_another=bool(own) and patient != own),
        ehr_user=_ehr_user(identity, context),
        session=_session(door.session_kind(agreed), context),
        patient="" if door.group else patient,
        external_id=filled(context.get(EXTERNAL_ID), EXTERNAL_ID, required=False),
        external_id_type=filled(context.get(EXTERNAL_ID_TYPE), EXTERNAL_ID_TYPE, required=False),
    )


def _role(door: Door, kind: str, *, acts_for_another: bool) -> Participant.Role:
    if door.staff:
        return Participant.Role.PROVIDER
    return Participant.Role.PROXY if kind == "RelatedPerson" or acts_for_another else Participant.Role.PATIENT


def _session(kind: str, context: dict[str, object]) -> str:
    """What names the visit at this EHR: a key of the record's CONTEXT, or the resource that the launch is about."""
    if kind not in RESOURCES:
        return filled(context.get(SESSION), SESSION)
    session = filled(smart.launched(context, RESOURCES[kind]), kind, required=False)
    if not session:
        raise Stop("context-missing", field=kind)
    return session


def filled(value: object, member: str, *, required: bool = True) -> str:
    """A value of the token response, byte for byte. A `%` in it is a token that Epic did not fill in; what is neither
    text nor number is no value at all."""
    text = str(value) if value is not None else ""
    strange = value is not None and (isinstance(value, bool) or not isinstance(value, str | int))
    if strange or "%" in text or (required and not text.strip()):
        raise Stop("context-unfilled", field=member)
    return text


def hash_of_presser(connection: Connection, identity: EhrIdentity | None, granted: Granted) -> str:
    """Whose press it was, as links and visits know him; empty where the EHR names nobody."""
    try:
        return hash_of_user(connection, _ehr_user(named(identity, granted), granted.context))[0]
    except Stop:
        return ""


def _ehr_user(identity: EhrIdentity | None, context: dict[str, object]) -> str:
    """What names the person at this EHR: the id_token's resource, else its subject; before OpenID, CONTEXT's own id."""
    if identity:
        return f"{identity.kind}/{identity.resource_id}" if identity.kind else identity.subject
    return filled(context.get(EXTERNAL_ID), EXTERNAL_ID)


def find_visit(connection: Connection, kind: str, press: Press) -> Visit:
    """The visit of this session, made when new. Raises Stop when the patient context is another's."""
    with keys.hashing(connection.organization_id):
        visit = _visit_of(connection, kind, press)
    visit.connection = connection
    return visit


def _visit_of(connection: Connection, kind: str, press: Press) -> Visit:
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
    with keys.hashing(visit.organization_id):
        return _participant_of(visit, press)


def _participant_of(visit: Visit, press: Press) -> Participant:
    connection = visit.connection
    ehr_user_hash, kid = hash_of_user(connection, press.ehr_user)
    participant = Participant.objects.filter(visit=visit, role=press.role, ehr_user_hash=ehr_user_hash).first()
    if participant is None:
        participant = _new_participant(visit, press, ehr_user_hash, kid)
    participant.visit = visit
    _renew_ids(participant, press)
    link = EhrUserLink.objects.filter(connection=connection, ehr_user_hash=ehr_user_hash).first()
    if participant.is_staff and link:
        EhrUserLink.objects.filter(pk=link.pk).update(used_at=timezone.now())
    if participant.is_staff and link and participant.user_id != link.user_id:
        participant.user = link.user
        participant.save(update_fields=["user"])
    return participant


def hash_of_user(connection: Connection, ehr_user: str) -> tuple[str, str]:
    """(hash, kid of the hash key) of what names a person at this EHR, such as `Practitioner/abc`."""
    return keys.hash_of(connection.organization_id, ehr_user, ("participant", "ehr_user", str(connection.id)))


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
