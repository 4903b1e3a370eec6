"""What a revision settles between the hospital, its EHR and Microsoft 365: typed, frozen, kept as JSON in
Revision.settings."""

from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from django.conf import settings
from pydantic import BeforeValidator, Field, TypeAdapter

LONGEST_WINDOW = 7 * 24 * 60
LONGEST_NAME, MOST_REPOSITORIES = 40, 50
# Minutes before or after a planned time; 0: no limit.
Window = Annotated[int, Field(ge=0, le=LONGEST_WINDOW)]
EPIC_STATUS_PATH = "api/epic/2018/Telehealth/ContextLinking/SetExternalConnectionStatus"


@dataclass(frozen=True)
class StatusService:
    """The shape of the EHR's telehealth status call. Epic does not publish it in full, so all of it is data.

    `path` is relative to the interconnect base (the FHIR base URL up to `/api/`). `codes` holds the ConnectionStatus
    for
    connected, disconnected and, where the EHR has one, waiting. An empty code means: ask your Epic technical contact.
    """

    path: str = EPIC_STATUS_PATH
    method: Literal["GET", "POST", "PUT"] = "GET"
    conference_parameter: str = "ConferenceID"
    external_id_parameter: str = "ExternalID"
    external_id_type_parameter: str = "ExternalIDType"
    vendor_parameter: str = "VendorName"
    status_parameter: str = "ConnectionStatus"
    vendor_name: str = "EHR Connector for Microsoft Teams"
    codes: dict[str, str] = field(default_factory=dict)
    waiting_as: Literal["waiting", "connected", "nothing"] = "waiting"
    # "basic" is the background user with a password; Epic wants a client id beside it, in a header.
    authentication: Literal["bearer", "basic"] = "bearer"
    user_name: str = ""
    secret_kid: str = ""  # the Key row of the password
    headers: dict[str, str] = field(default_factory=dict)  # sent with every call, whatever the authentication

    def code_for(self, presence: str) -> str:
        """The ConnectionStatus to send for `waiting`, `connected` or `disconnected`; empty when it is not to be
        sent."""
        if presence != "waiting":
            return self.codes.get(presence, "")
        return "" if self.waiting_as == "nothing" else self.codes.get(self.waiting_as, "")

    @property
    def complete(self) -> bool:
        """Whether both codes that every visit needs are known."""
        return bool(self.codes.get("connected") and self.codes.get("disconnected"))


@dataclass(frozen=True)
class AuditRepository:
    """A FHIR R4 base URL that accepts AuditEvents. With "bearer" the token comes from the token endpoint that this
    address names (SMART Backend Services), signed with our key. The name tells several of a connection apart: what
    waits for one goes with it when its address is mended."""

    address: str
    name: str = ""
    authentication: Literal["bearer", "basic"] = "bearer"
    client_id: str = ""  # empty: the backend client's of the EHR
    scopes: str = "system/AuditEvent.write"
    user_name: str = ""
    secret_kid: str = ""  # the Key row of the password


def repositories(document: object) -> object:
    """A list of them. Older revisions held one alone, and an empty address where there was none."""
    if not isinstance(document, dict):
        return document
    return [document] if document.get("address") else []


@dataclass(frozen=True)
class Settings:
    """One revision's settings. Client ids are those of the records in the EHR's client registration."""

    ehr_kind: Literal["epic", "oracle", "other"] = "epic"  # as discovered, unless somebody corrected it
    provider_client_id: str = ""
    patient_client_id: str = ""
    backend_client_id: str = ""
    # "certificate" signs as "private_key_jwt" does; the EHR holds our certificate in place of the JWKS URL.
    authentication: Literal["private_key_jwt", "certificate", "client_secret_basic"] = "private_key_jwt"
    secret_kid: str = ""  # the Key row of a client secret, for client_secret_basic
    provider_scopes: str = "launch openid fhirUser user/Practitioner.read"  # the name on the page that links accounts
    patient_scopes: str = "launch openid fhirUser"
    sign_in_scopes: str = "openid fhirUser user/Practitioner.read user/Organization.read"
    backend_scopes: str = ""
    session_kind: Literal["context", "appointment", "encounter"] = "context"
    provider_context: str = "sessionId=%CSN%&externalId=%EXTERNALID%&externalIdType=%EXTERNALIDTYPE%"
    patient_context: str = "sessionId=%CSN%&externalId=%EXTERNALID%&externalIdType=%EXTERNALIDTYPE%"
    group_provider_context: str = "sessionId=%CONFERENCEID%&externalId=%EXTERNALID%&externalIdType=%EXTERNALIDTYPE%"
    group_patient_context: str = "sessionId=%CONFERENCEID%&externalId=%EXTERNALID%&externalIdType=%EXTERNALIDTYPE%"
    board_context: str = "departmentId=%LOGINDEPTID%"
    status: StatusService = field(default_factory=StatusService)
    audit: Annotated[
        tuple[AuditRepository, ...], BeforeValidator(repositories), Field(max_length=MOST_REPOSITORIES)
    ] = ()
    frame_ancestors: tuple[str, ...] = ()
    # One neutral text for all visits, so that no calendar, log or lobby tells anything about a patient.
    meeting_subject: str = "Video visit"
    lobby: Literal["organization", "organizer"] = "organization"
    waiting_silence_minutes: int = 3
    board_alert_minutes: Annotated[int, Field(ge=1, le=240)] = 5  # of waiting without a clinician
    board_initials: Literal["hidden", "shown"] = "hidden"  # the patients', where the record's context holds them
    # When patients may come in, where the EHR says when a visit is planned. Clinicians always may.
    early_minutes: Window = 0  # at most so long before the start
    late_minutes: Window = 0  # at most so long after the end, or the start where no end is known
    rejoin_seconds: int = 10  # within which a person who left may come back before the EHR is told that he left


_ADAPTER = TypeAdapter(Settings)


def load(document: dict[str, Any]) -> Settings:
    """Settings from their JSON form. Members that an older revision lacks take their defaults."""
    return _ADAPTER.validate_python(document)


def dump(agreed: Settings) -> dict[str, Any]:
    """The JSON form of settings."""
    document: dict[str, Any] = _ADAPTER.dump_python(agreed, mode="json")
    return document


def defaults(environment: str) -> Settings:
    """What a new connection starts with in this environment: the operator's client ids and status codes."""
    clients = settings.EHR_CLIENT_IDS[environment]
    return Settings(
        provider_client_id=clients["provider"],
        patient_client_id=clients["patient"],
        backend_client_id=clients["backend"],
        status=StatusService(codes=settings.EHR_STATUS_CODES[environment]),
    )
