"""The cast: the people of the sandbox, as each system knows them. Data only; every stand-in reads it, nobody writes
it."""

from dataclasses import dataclass, field

GLOBAL_ADMINISTRATOR = "62e90394-69f5-4237-9190-012177145e10"
TEAMS_ADMINISTRATOR = "69091246-20e8-4a56-aa4d-066075b2a7a8"


@dataclass(frozen=True)
class Account:
    """A person's account in one Entra tenant. `home` differs from the tenant for a guest."""

    oid: str
    upn: str
    name: str
    title: str
    directory_roles: tuple[str, ...] = ()
    app_roles: tuple[str, ...] = ()
    teams_licence: bool = True
    enabled: bool = True
    guest_of: str | None = None  # the home tenant's id, for a guest
    roles_by_group: tuple[str, ...] = ()  # directory roles that he holds as a member of a group
    mail: str = ""  # where it is not the upn


@dataclass(frozen=True)
class Tenant:
    """One Microsoft 365 organization."""

    tid: str
    name: str
    domain: str
    country: str
    accounts: tuple[Account, ...] = field(default=())


RIVERSIDE_TID = "3f1d8a52-7c0e-4b6a-9d25-6e1f0b9a1c01"
LAKESIDE_TID = "8b24c7e9-51aa-4f0d-8c3e-2d7746f0aa02"

RIVERSIDE = Tenant(
    tid=RIVERSIDE_TID,
    name="Riverside Health",
    domain="riverside.example",
    country="US",
    accounts=(
        Account(
            "a0000001-3c1b-4a52-9f1e-000000000001",
            "ada.lindqvist@riverside.example",
            "Ada Lindqvist",
            "Microsoft 365 administrator",
            directory_roles=(GLOBAL_ADMINISTRATOR,),
        ),
        Account(
            "a0000002-3c1b-4a52-9f1e-000000000002",
            "ben.okafor@riverside.example",
            "Ben Okafor",
            "Epic customer analyst",
        ),
        Account(
            "a0000003-3c1b-4a52-9f1e-000000000003", "carla.mendes@riverside.example", "Dr. Carla Mendes", "Cardiologist"
        ),
        Account("a0000004-3c1b-4a52-9f1e-000000000004", "david.kim@riverside.example", "Dr. David Kim", "Cardiologist"),
        Account(
            "a0000005-3c1b-4a52-9f1e-000000000005",
            "nora.novak@riverside.example",
            "Nora Novak",
            "Nurse",
            teams_licence=False,
        ),
        Account(
            "a0000006-3c1b-4a52-9f1e-000000000006",
            "gita.rao_lakeside.example#EXT#@riverside.example",
            "Gita Rao",
            "Analyst on contract (guest)",
            guest_of=LAKESIDE_TID,
            mail="gita.rao@lakeside.example",
        ),
        Account(
            "a0000007-3c1b-4a52-9f1e-000000000007",
            "dan.former@riverside.example",
            "Dan Former",
            "Has left",
            enabled=False,
        ),
    ),
)

LAKESIDE = Tenant(
    tid=LAKESIDE_TID,
    name="Lakeside Clinic",
    domain="lakeside.example",
    country="US",
    accounts=(
        Account(
            "b0000001-3c1b-4a52-9f1e-000000000001",
            "lena.larsen@lakeside.example",
            "Lena Larsen",
            "Microsoft 365 administrator",
            directory_roles=(TEAMS_ADMINISTRATOR,),
        ),
        Account("b0000002-3c1b-4a52-9f1e-000000000002", "gita.rao@lakeside.example", "Gita Rao", "Analyst"),
        Account("b0000003-3c1b-4a52-9f1e-000000000003", "luis.ortega@lakeside.example", "Dr. Luis Ortega", "Clinician"),
        Account(
            "b0000004-3c1b-4a52-9f1e-000000000004",
            "omar.haddad@lakeside.example",
            "Omar Haddad",
            "Service desk (administrator through a group)",
            roles_by_group=(TEAMS_ADMINISTRATOR,),
        ),
    ),
)

TENANTS = (RIVERSIDE, LAKESIDE)


@dataclass(frozen=True)
class EhrUser:
    """Somebody who signs in to Hyperspace. `external_id` is padded, as Epic pads it."""

    login: str
    name: str
    practitioner_id: str
    external_id: str
    department: str


@dataclass(frozen=True)
class PortalUser:
    """Somebody who signs in to MyChart: a patient, or a proxy who acts for one."""

    login: str
    name: str
    resource: str  # "Patient/<id>" or "RelatedPerson/<id>"
    external_id: str
    patients: tuple[str, ...]  # ids of the patients whose visits this person sees


@dataclass(frozen=True)
class Patient:
    """A patient as the EHR's chart knows one."""

    id: str
    name: str
    birth_date: str
    phone: str
    mail: str


@dataclass(frozen=True)
class ScheduledVisit:
    """A video visit on the schedule. `csn` is Epic's contact serial number."""

    csn: str
    patient: str
    practitioner: str
    appointment: str
    encounter: str
    time: str
    reason: str


EHR_USERS = (
    EhrUser("BOKAFOR", "Ben Okafor", "e-bokafor", " 165701", "Information systems"),
    EhrUser("CMENDES", "Carla Mendes, MD", "e-cmendes", " 165790", "Cardiology"),
    EhrUser("DKIM", "David Kim, MD", "e-dkim", " 165791", "Cardiology"),
)

PATIENTS = (
    Patient("p-sandberg", "Pia Sandberg", "1952-03-14", "+1 555 0142", "pia.sandberg@home.example"),
    Patient("p-ash", "Tom Ash", "1988-11-02", "+1 555 0143", "tom.ash@home.example"),
)

PORTAL_USERS = (
    PortalUser("pia", "Pia Sandberg", "Patient/p-sandberg", " 900101", ("p-sandberg",)),
    PortalUser("tom", "Tom Ash", "Patient/p-ash", " 900102", ("p-ash",)),
    PortalUser("rosa", "Rosa Sandberg", "RelatedPerson/r-sandberg", " 900201", ("p-sandberg",)),
)

SCHEDULE = (
    ScheduledVisit("770011", "p-sandberg", "e-cmendes", "a-770011", "v-770011", "09:00", "Follow-up"),
    ScheduledVisit("770012", "p-ash", "e-cmendes", "a-770012", "v-770012", "09:30", "Blood pressure"),
    ScheduledVisit("770013", "p-sandberg", "e-dkim", "a-770013", "v-770013", "11:00", "Second opinion"),
)
