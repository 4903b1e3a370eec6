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
    """What stands in the record of one door: which of the settings, and what somebody may add."""

    title: Promise
    tab: Promise
    client_id: str
    context: str
    department: bool = False


DOORS: dict[str, Door] = {
    "provider": Door(
        _("Provider: Begin virtual visit"), _("Provider"), "provider_client_id", "provider_context", department=True
    ),
    "patient": Door(_("Patient: Begin virtual visit"), _("Patient"), "patient_client_id", "patient_context"),
    "group-provider": Door(
        _("Provider: Begin group visit"),
        _("Provider, group"),
        "provider_client_id",
        "group_provider_context",
        department=True,
    ),
    "group-patient": Door(
        _("Patient: Begin group visit"), _("Patient, group"), "patient_client_id", "group_patient_context"
    ),
}


def launch_records(connection: Connection, revision: Revision) -> list[Record]:
    """The records behind the buttons, for clinicians and patients; none for a door that the revision names no context
    for."""
    agreed = agreement.load(revision.settings)
    return [_record(connection, name, agreed) for name, door in DOORS.items() if getattr(agreed, door.context)]


def _record(connection: Connection, name: str, agreed: Settings) -> Record:
    door = DOORS[name]
    context, epic = getattr(agreed, door.context), agreed.ehr_kind == "epic"
    rows = (
        Row("URL", public_url("launch", connection.ref, name), attested=True),
        Row("CLIENTID", getattr(agreed, door.client_id), attested=True),
        *([Row("LAUNCHTYPE", WINDOW, attested=True)] if epic else []),
        Row("CONTEXT", context, attested=set(TOKEN.findall(context)) <= ATTESTED_TOKENS),
    )
    return Record(name, door.title, door.tab, rows, tuple(_options(door, context)) if epic else ())


def _options(door: Door, context: str) -> list[Option]:
    """What was seen in records of other products and customers, and is nobody's duty."""
    department = Option(
        Row("CONTEXT", f"{context}&{DEPARTMENT}", attested=True),
        _("Names the department of the visit as well. Visits work with and without it."),
    )
    asked = _("Seen in one customer's record. Ask your Epic technical contact whether yours needs it.")
    return [
        Option(
            Row("LAUNCHTYPE", FRAME, attested=True), _("Opens the visit in a frame within Epic, in place of a window.")
        ),
        *([department] if door.department else []),
        Option(Row("PROTECTED", "1", attested=False), asked),
        Option(Row("USEEDGEBROWSER", "1", attested=False), asked),
    ]
