"""Who uses the EHR and which visits they have: the cast, as the EHR's own people, and the visits added by hand."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime

from sandbox import cast
from sandbox.epic.instance import store, table

HYPERSPACE, MYCHART = "hyperspace", "mychart"  # where somebody signs in
EXTERNAL_ID_TYPES = {HYPERSPACE: "1", MYCHART: "2"}
FIRST_ADDED_CSN = 780001


@dataclass(frozen=True)
class Person:
    """Somebody signed in, on either side. `resource` is the FHIR reference; `external_id` stays padded."""

    side: str
    login: str
    name: str
    resource: str
    external_id: str
    department: str
    patients: tuple[str, ...]

    @property
    def key(self) -> str:
        return f"{self.side}:{self.login}"

    @property
    def external_id_type(self) -> str:
        return EXTERNAL_ID_TYPES[self.side]


PEOPLE = tuple(
    Person(
        HYPERSPACE, user.login, user.name, f"Practitioner/{user.practitioner_id}", user.external_id, user.department, ()
    )
    for user in cast.EHR_USERS
) + tuple(
    Person(MYCHART, user.login, user.name, user.resource, user.external_id, "", user.patients)
    for user in cast.PORTAL_USERS
)
PATIENTS = {patient.id: patient for patient in cast.PATIENTS}


def find_person(key: str) -> Person | None:
    """The person of a key such as "hyperspace:CMENDES"."""
    return next((person for person in PEOPLE if person.key == key), None)


def of_side(side: str) -> list[Person]:
    """Everybody who can sign in there."""
    return [person for person in PEOPLE if person.side == side]


def find_external(external_id: str, external_id_type: str) -> Person | None:
    """The person whose id of that type is exactly this one, padding included."""
    wanted = (external_id, external_id_type)
    return next((person for person in PEOPLE if (person.external_id, person.external_id_type) == wanted), None)


def visits() -> list[cast.ScheduledVisit]:
    """The day's visits in this instance, by time."""
    added = [cast.ScheduledVisit(**document) for document in table("visits").values()]
    return sorted([*cast.SCHEDULE, *added], key=lambda visit: (visit.time, visit.csn))


def find_visit(csn: str | None) -> cast.ScheduledVisit | None:
    """The visit with this contact serial number."""
    return next((visit for visit in visits() if visit.csn == csn), None)


def visits_of(person: Person) -> list[cast.ScheduledVisit]:
    """A clinician's own schedule, or the visits of the patients whom a MyChart user sees."""
    if person.side == MYCHART:
        return [visit for visit in visits() if visit.patient in person.patients]
    return [visit for visit in visits() if f"Practitioner/{visit.practitioner}" == person.resource]


def add_visit(patient: str, practitioner: str, reason: str) -> cast.ScheduledVisit:
    """Put another visit on today's schedule, now, with a new csn."""
    with store().lock:
        csn = str(FIRST_ADDED_CSN + len(table("visits")))
        time = datetime.now(UTC).strftime("%H:%M")
        visit = cast.ScheduledVisit(csn, patient, practitioner, f"a-{csn}", f"v-{csn}", time, reason)
        table("visits")[csn] = asdict(visit)
    return visit


def department_of(practitioner: str) -> str:
    """Where somebody of Hyperspace works; `NONE` for anybody else, as the token of the integration records has it."""
    found = (person.department for person in PEOPLE if person.resource == f"Practitioner/{practitioner}")
    return next(found, "NONE")


def name_of_practitioner(practitioner_id: str) -> str:
    """The name of the clinician with this FHIR id, or the id of one nobody knows."""
    return _name(of_side(HYPERSPACE), f"Practitioner/{practitioner_id}")


def _name(people: Iterable[Person], resource: str) -> str:
    return next((person.name for person in people if person.resource == resource), resource)
