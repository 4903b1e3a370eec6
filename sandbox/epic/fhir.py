"""The few R4 resources that an app may read with its token."""

from collections.abc import Callable
from datetime import UTC, datetime, time, timedelta

from flask import Blueprint, Response, request

from sandbox import cast
from sandbox.epic import people
from sandbox.epic.clients import READABLE, resource_of
from sandbox.epic.instance import ROUTE, switched
from sandbox.epic.people import Person
from sandbox.epic.smart import find_token
from sandbox.epic.wire import Resource, fhir_error, fhir_response
from sandbox.store import Document

pages = Blueprint("fhir", __name__)
HOSPITAL = "o-riverside"
LENGTH = timedelta(minutes=20)


def patient(id: str) -> Resource | None:
    """A Patient, or None."""
    found = people.PATIENTS.get(id)
    if found is None:
        return None
    return _named("Patient", id, found.name) | {
        "birthDate": found.birth_date,
        "telecom": [{"system": "phone", "value": found.phone}, {"system": "email", "value": found.mail}],
        "managingOrganization": {"reference": f"Organization/{HOSPITAL}"},
    }


def practitioner(id: str) -> Resource | None:
    """A Practitioner whose identifier names the hospital that gave it, or None."""
    return next(
        (
            {
                "resourceType": "Practitioner",
                "id": id,
                "identifier": [{"value": user.external_id, "assigner": {"reference": f"Organization/{HOSPITAL}"}}],
                "active": True,
                "name": [{"use": "usual", "text": user.name}],
            }
            for user in cast.EHR_USERS
            if user.practitioner_id == id
        ),
        None,
    )


def related_person(id: str) -> Resource | None:
    """A RelatedPerson with the patient for whom he or she acts, or None."""
    proxy = next((user for user in cast.PORTAL_USERS if user.resource == f"RelatedPerson/{id}"), None)
    if proxy is None:
        return None
    return {
        "resourceType": "RelatedPerson",
        "id": id,
        "active": True,
        "patient": {"reference": f"Patient/{proxy.patients[0]}"},
        "name": [{"text": proxy.name}],
    }


def appointment(id: str) -> Resource | None:
    """A booked Appointment of today with patient and clinician, or None."""
    visit = next((visit for visit in people.visits() if visit.appointment == id), None)
    if visit is None:
        return None
    actors = (f"Patient/{visit.patient}", f"Practitioner/{visit.practitioner}")
    return {
        "resourceType": "Appointment",
        "id": id,
        "status": "cancelled" if switched("visits_cancelled") else "booked",
        "start": _starts_at(visit).isoformat(),
        "end": (_starts_at(visit) + LENGTH).isoformat(),
        "minutesDuration": LENGTH.seconds // 60,
        "participant": [{"actor": {"reference": actor}, "status": "accepted"} for actor in actors],
    }


def encounter(id: str) -> Resource | None:
    """The planned virtual Encounter of a visit, or None."""
    visit = next((visit for visit in people.visits() if visit.encounter == id), None)
    if visit is None:
        return None
    return {
        "resourceType": "Encounter",
        "id": id,
        "status": "cancelled" if switched("visits_cancelled") else "planned",
        "class": {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "VR", "display": "virtual"},
        "subject": {"reference": f"Patient/{visit.patient}"},
        "participant": [{"individual": {"reference": f"Practitioner/{visit.practitioner}"}}],
        "appointment": [{"reference": f"Appointment/{visit.appointment}"}],
        "period": {"start": _starts_at(visit).isoformat()},
        "serviceProvider": {"reference": f"Organization/{HOSPITAL}"},
    }


def _starts_at(visit: cast.ScheduledVisit) -> datetime:
    """A visit's time of today."""
    return datetime.combine(datetime.now(UTC), time.fromisoformat(visit.time), UTC)


def organization(id: str) -> Resource | None:
    """The hospital, or None for any other id."""
    if id != HOSPITAL:
        return None
    return {"resourceType": "Organization", "id": id, "active": True, "name": cast.RIVERSIDE.name}


def _named(kind: str, id: str, name: str) -> Resource:
    return {"resourceType": kind, "id": id, "active": True, "name": [{"use": "usual", "text": name}]}


READERS: dict[str, Callable[[str], Resource | None]] = dict(
    zip(READABLE, (patient, practitioner, related_person, appointment, encounter, organization), strict=True)
)


@pages.get(f"{ROUTE}/api/FHIR/R4/<kind>/<id>")
def read(kind: str, id: str) -> Response:
    """One resource; 401 without a good token, 403 without scope or for another's patient, 404 when there is none."""
    token = bearer()
    if token is None:
        return challenge(fhir_error(401, "login", "No valid access token."), "invalid_token")
    if not any(resource_of(scope) in (kind, "*") for scope in token["scope"].split()):
        return forbidden(f"The token has no scope for {kind}.")
    resource = READERS[kind](id) if kind in READERS else None
    if resource is None:
        return fhir_error(404, "not-found", f"There is no {kind} with this id.")
    if not _may_see(people.find_person(token["person"] or ""), resource):
        return forbidden("The user may not see this.")
    return fhir_response(resource)


@pages.post(f"{ROUTE}/api/FHIR/R4/<kind>")
def create(kind: str) -> Response:
    """Nothing is created here; of AuditEvent Epic has not even heard."""
    if bearer() is None:
        return challenge(fhir_error(401, "login", "No valid access token."), "invalid_token")
    return fhir_error(405, "not-supported", f"{kind} cannot be created.")


def bearer() -> Document | None:
    """What the request's bearer token stands for, or None."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return find_token(token.strip()) if scheme.lower() == "bearer" else None


def challenge(response: Response, error: str) -> Response:
    """The response with what RFC 6750 asks."""
    response.headers["WWW-Authenticate"] = f'Bearer error="{error}"'
    return response


def forbidden(text: str) -> Response:
    """403 insufficient_scope; 401 while the switch says so."""
    status = 401 if switched("unauthorized_for_forbidden") else 403
    return challenge(fhir_error(status, "forbidden", text), "insufficient_scope")


def _may_see(person: Person | None, resource: Resource) -> bool:
    """Whoever signs in to MyChart sees his own patients and their visits; a clinician sees everybody's."""
    if person is None or not person.patients:
        return True
    references = [
        resource.get("subject"),
        *(part["actor"] for part in resource.get("participant", []) if "actor" in part),
    ]
    named = {str(reference["reference"]) for reference in references if reference}
    if resource["resourceType"] == "Patient":
        named.add(f"Patient/{resource['id']}")
    patients = {name for name in named if name.startswith("Patient/")}
    return patients <= {f"Patient/{id}" for id in person.patients}
