"""A press, as the EHR's token says: whose it was, for which session, beside which patient. For one request alone."""

from dataclasses import dataclass

from connector.agreement import Settings
from connector.ehr import smart
from connector.ehr.smart import PATIENT_SIDE, STAFF_SIDE, EhrIdentity, Granted
from visits.doors import Door
from visits.models import Participant
from visits.trouble import Stop

# Keys of the integration record's CONTEXT, which come back beside the token.
SESSION, EXTERNAL_ID, EXTERNAL_ID_TYPE = "sessionId", "externalId", "externalIdType"
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
        ehr_user=ehr_user_of(identity, context),
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


def ehr_user_of(identity: EhrIdentity | None, context: dict[str, object]) -> str:
    """What names the person at this EHR: the id_token's resource, else its subject; before OpenID, CONTEXT's own id."""
    if identity:
        return f"{identity.kind}/{identity.resource_id}" if identity.kind else identity.subject
    return filled(context.get(EXTERNAL_ID), EXTERNAL_ID)
