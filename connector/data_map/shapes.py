"""The shapes of the data map."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum


class Class(Enum):
    """What kind of thing a column holds."""

    IDENTIFIER = "identifier"  # tells one person, visit or thing from others, here or elsewhere
    CODE = "code"  # one of a few words, a count, or words that describe no person
    SECRET = "secret"  # noqa: S105 -- opens something
    BUSINESS = "business record"  # names of staff and organizations, and what they decided
    TIME = "time"
    TECHNICAL = "technical"  # how the work is done: order, leases, tries


class Holds(Enum):
    """What must be in clear nowhere, but where the map says so."""

    PATIENTS = "names of patients"
    STAFF = "names of staff"
    SIGN_IN_NAMES = "sign-in names and mail addresses of staff"
    VISITS = "what the EHR calls a visit"
    EXTERNAL_IDS = "ids by which the EHR knows people"
    RESOURCES = "FHIR ids of people"
    JOIN_LINKS = "links, passcodes and threads of meetings"
    TOKENS = "access tokens and signed tokens"
    LAUNCH_CODES = "launch tokens and codes of a sign-in"
    SECRETS = "client secrets and passwords"


@dataclass(frozen=True)
class Table:
    """One model. `columns`: by the field's name, its class, and what it is and what for. `holds`: what a column may
    hold in clear; in all others nothing of Holds is found."""

    model: str
    what: str
    kept: str
    columns: Mapping[str, tuple[Class, str]]
    holds: Mapping[str, frozenset[Holds]] = field(default_factory=dict)


def table(model: str, what: str, kept: str, *classes: Mapping[str, tuple[Class, str]], **holds: set[Holds]) -> Table:
    """A table from its classes, each made by one of the functions below. A column in two of them is a mistake."""
    columns: dict[str, tuple[Class, str]] = {}
    for some in classes:
        if twice := columns.keys() & some.keys():
            raise ValueError(f"{model}: {sorted(twice)} twice")
        columns |= some
    return Table(model, what, kept, columns, {name: frozenset(what) for name, what in holds.items()})


def _of(kind: Class, columns: dict[str, str]) -> dict[str, tuple[Class, str]]:
    return {name: (kind, what) for name, what in columns.items()}


def identifiers(**columns: str) -> dict[str, tuple[Class, str]]:
    """Columns of Class.IDENTIFIER."""
    return _of(Class.IDENTIFIER, columns)


def codes(**columns: str) -> dict[str, tuple[Class, str]]:
    """Columns of Class.CODE."""
    return _of(Class.CODE, columns)


def secrets(**columns: str) -> dict[str, tuple[Class, str]]:
    """Columns of Class.SECRET."""
    return _of(Class.SECRET, columns)


def business(**columns: str) -> dict[str, tuple[Class, str]]:
    """Columns of Class.BUSINESS."""
    return _of(Class.BUSINESS, columns)


def times(**columns: str) -> dict[str, tuple[Class, str]]:
    """Columns of Class.TIME."""
    return _of(Class.TIME, columns)


def technical(**columns: str) -> dict[str, tuple[Class, str]]:
    """Columns of Class.TECHNICAL."""
    return _of(Class.TECHNICAL, columns)
