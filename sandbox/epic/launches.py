"""Launches: what a pressed button puts aside under a one-time token, and what of it the app is told afterwards."""

import secrets
import time
from urllib.parse import urlencode

from sandbox.cast import ScheduledVisit
from sandbox.epic import people
from sandbox.epic.instance import fhir_base, store, switched, table
from sandbox.epic.people import HYPERSPACE, Person
from sandbox.epic.records import IFRAME, SLOTS, fill_in
from sandbox.store import Document

LIFETIME = 5 * 60
TENANT = "ec2458f2-1e24-41c8-b71b-0e701af7583d"
WITHOUT_VISIT = ("board", "device-test")


def make(slot: str, person: Person, csn: str | None) -> str:
    """The URL that the button of `slot` opens for this person and visit, with a fresh launch token.

    LookupError says why there is none: nothing pasted, no such visit, or a button of the other side.
    """
    record = table("records").get(slot)
    if record is None:
        raise LookupError(f"No integration record is pasted for {slot}.")
    if SLOTS[slot][0] != person.side:
        raise LookupError(f"{person.name} has no such button.")
    if people.find_visit(csn) is None and slot not in WITHOUT_VISIT:
        raise LookupError("No such visit is on the schedule.")
    token = secrets.token_urlsafe(48)
    table("launches")[token] = {
        "slot": slot,
        "person": person.key,
        "csn": csn,
        "record": record,
        "expires": time.time() + LIFETIME,
    }
    return _with_query(record["URL"], iss=fhir_base(), launch=token)


def _with_query(url: str, **parameters: str) -> str:
    return f"{url}{'&' if '?' in url else '?'}{urlencode(parameters)}"


def find(token: str, client_id: str) -> Document | None:
    """The launch of a token that is still good and belongs to this client."""
    launch = table("launches").get(token)
    if launch is None or launch["expires"] < time.time() or launch["record"]["CLIENTID"] != client_id:
        return None
    return launch


def use(token: str) -> bool:
    """Use a token up: true for the first caller only."""
    with store().lock:
        return table("launches").pop(token, None) is not None


def context_of(launch: Document | None, person: Person) -> Document:
    """What the token response says beside the token: patient, visit, and the record's own CONTEXT, filled in."""
    if launch is None:
        return standalone_context(person)
    visit = people.find_visit(launch["csn"])
    embedded = launch["record"]["LAUNCHTYPE"] == IFRAME
    if switched("oracle_health"):
        return oracle_context(visit) | {"need_patient_banner": not embedded}
    own = fill_in(launch["record"].get("CONTEXT", ""), token_values(person, visit))
    department = {"loginDepartment": person.department} if person.department else {}
    return own | visit_context(visit) | department | {"need_patient_banner": "false" if embedded else "true"}


def oracle_context(visit: ScheduledVisit | None) -> Document:
    """What Oracle Health says of a visit: the standard's members and its own tenant, and nothing of a record."""
    known = {"tenant": TENANT, "smart_style_url": f"{fhir_base()}/smart-style.json"}
    if visit is None:
        return known
    appointment = {"reference": f"Appointment/{visit.appointment}"}
    return known | {"patient": visit.patient, "encounter": visit.encounter, "fhirContext": [appointment]}


def standalone_context(person: Person) -> Document:
    """A standalone sign-in knows a MyChart user's own patient, and nothing at all of a clinician's."""
    return patient_context(person.patients[0]) if person.patients else {}


def patient_context(patient: str) -> dict[str, str]:
    """The patient in both generations' ids."""
    return {"patient": patient, "__epic.dstu2.patient": f"T{patient}"}


def visit_context(visit: ScheduledVisit | None) -> dict[str, str]:
    """The FHIR ids of a visit."""
    if visit is None:
        return {}
    return patient_context(visit.patient) | {"encounter": visit.encounter, "appointment": visit.appointment}


def token_values(person: Person, visit: ScheduledVisit | None) -> dict[str, str]:
    """The values of the context tokens. One that is known but means nothing here is empty."""
    clinician = person.side == HYPERSPACE
    csn = visit.csn if visit else ""
    values = {
        "%CSN%": csn,
        "%CONFERENCEID%": csn,
        "%EXTERNALID%": person.external_id,
        "%EXTERNALIDTYPE%": person.external_id_type,
        "%EPICUSERID%": person.external_id.strip() if clinician else "",
        "%PATID%": visit.patient if visit else "",
        "%LOGINDEPTID%": person.department,
        "%PERFDEPID;;; ; ;;NONE;%": people.department_of(visit.practitioner) if visit else "NONE",
        "%EPICUSERFHIRID%": person.resource.split("/")[1] if clinician else "",
        "%USERNAME%": person.login,
    }
    if switched("csn_unfilled"):
        del values["%CSN%"]
    return values
