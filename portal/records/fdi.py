"""Launch records: one for each door of a connection, with Epic's mnemonics."""

import re
from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from connector import agreement
from connector.addresses import public_url
from connector.agreement import Settings
from connector.models import Connection, Revision
from portal.records.shapes import Option, Record, Row

WINDOW, FRAME = "6", "7"  # LAUNCHTYPE
TOKEN = re.compile(r"%([^%&=]*)%")
# Tokens of Epic that published records of several products use; what they are in a release, Epic alone can tell.
ATTESTED_TOKENS = frozenset(
    {"CSN", "CONFERENCEID", "PATID", "EPTID", "DOB", "LOGINDEPTID", "EPICUSERID", "EPICUSERFHIRID", "USERPROVID"}
    | {"USERPROVFHIRID", "SYSLOGIN", "USERFNAME", "USERLNAME"}
)
DEPARTMENT = "departmentId=%PERFDEPID;;; ; ;;NONE;%"


@dataclass(frozen=True)
class Door:
    """What stands in the record of one door: which of the settings, and what somebody may add. A door that opens no
    visit needs no context. `note` is what has to be known beside the rows."""

    title: Promise
    tab: Promise
    client_id: str
    context: str = ""
    department: str | Promise = ""  # what it is good for that the record names it
    attested_department: bool = False
    note: str | Promise = ""


STAFF_DEPARTMENT = _("Names the department of the visit as well, for boards and reports. Visits work without it.")
PATIENT_DEPARTMENT = _(
    "Names the department of the visit as well: then its board shows a patient who waits before any clinician has "
    "pressed. Ask your Epic technical contact which token names it in patients' records."
)
DOORS: dict[str, Door] = {
    "provider": Door(
        _("Provider: Begin virtual visit"),
        _("Provider"),
        "provider_client_id",
        "provider_context",
        STAFF_DEPARTMENT,
        attested_department=True,
    ),
    "patient": Door(
        _("Patient: Begin virtual visit"), _("Patient"), "patient_client_id", "patient_context", PATIENT_DEPARTMENT
    ),
    "group-provider": Door(
        _("Provider: Begin group visit"),
        _("Provider, group"),
        "provider_client_id",
        "group_provider_context",
        STAFF_DEPARTMENT,
        attested_department=True,
    ),
    "group-patient": Door(
        _("Patient: Begin group visit"),
        _("Patient, group"),
        "patient_client_id",
        "group_patient_context",
        PATIENT_DEPARTMENT,
    ),
    "device-test": Door(
        _("Patient: Test your device"),
        _("Device test"),
        "patient_client_id",
        note=_(
            "Patients test camera, microphone, speaker and connection on any day; no visit is made, nothing is kept. "
            "Ask your EHR's technical contact whether your release has a button for it and what its record holds. "
            "The EHR is not told the result: how it could be is not published, so the connector does not do it."
        ),
    ),
    "board": Door(_("Provider: Visit board"), _("Board"), "provider_client_id", "board_context"),
}


def launch_records(connection: Connection, revision: Revision) -> list[Record]:
    """The records behind the buttons, for clinicians and patients; none for the door of a visit that the revision names
    no context for."""
    agreed = agreement.load(revision.settings)
    wanted = (name for name, door in DOORS.items() if not door.context or getattr(agreed, door.context))
    return [_record(connection, name, agreed) for name in wanted]


def _record(connection: Connection, name: str, agreed: Settings) -> Record:
    door = DOORS[name]
    context, epic = getattr(agreed, door.context) if door.context else "", agreed.ehr_kind == "epic"
    attested = bool(door.context)  # that Epic has a device test is known, what stands in its record is not
    rows = (
        Row("URL", public_url("launch", connection.ref, name), attested),
        Row("CLIENTID", getattr(agreed, door.client_id), attested),
        *([Row("LAUNCHTYPE", WINDOW, attested)] if epic else []),
        *([Row("CONTEXT", context, set(TOKEN.findall(context)) <= ATTESTED_TOKENS)] if context else []),
    )
    options = tuple(_options(door, context)) if epic and context else ()
    return Record(name, door.title, door.tab, rows, options, door.note)


def _options(door: Door, context: str) -> list[Option]:
    """What was seen in records of other products and customers, and is nobody's duty."""
    names_department = Option(
        Row("CONTEXT", f"{context}&{DEPARTMENT}", attested=door.attested_department), door.department
    )
    asked = _("Seen in one customer's record. Ask your Epic technical contact whether yours needs it.")
    return [
        Option(
            Row("LAUNCHTYPE", FRAME, attested=True), _("Opens the visit in a frame within Epic, in place of a window.")
        ),
        *([names_department] if door.department else []),
        Option(Row("PROTECTED", "1", attested=False), asked),
        Option(Row("USEEDGEBROWSER", "1", attested=False), asked),
    ]
