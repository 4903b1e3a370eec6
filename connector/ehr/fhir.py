"""Reading a FHIR resource with a token that a person's own sign-in gave us."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from connector.ehr.discovery import dicts
from connector.errors import Permanent, Retry, WireError
from connector.http import Answer, Deadline, fetch

# `Appointment/abc`, relative or absolute, of any version (FHIR R4 §2.3.0.1).
REFERENCE = re.compile(r"(?:^|/)([A-Z][A-Za-z]*)/([A-Za-z0-9.\-]+)(?:/_history/[A-Za-z0-9.\-]+)?/?$")
# What an Appointment or an Encounter is called that does not take place (R4 value sets; `canceled` is seen too).
OFF = frozenset({"cancelled", "canceled", "noshow", "entered-in-error"})
# And that does; `unknown` says nothing.
ON = frozenset({"proposed", "pending", "booked", "arrived", "fulfilled", "checked-in", "waitlist"}) | frozenset(
    {"planned", "triaged", "in-progress", "onleave", "finished"}
)
YEARS = range(2000, 2100)  # what lies outside is no time of a visit, and cannot be reckoned with


@dataclass(frozen=True)
class Plan:
    """When something is planned and with whom; None and empty where nobody says. Times are in UTC; `clinicians` are
    references such as `Practitioner/abc`."""

    starts_at: datetime | None = None
    ends_at: datetime | None = None
    cancelled: bool | None = None
    clinicians: tuple[str, ...] = ()


def read(base_url: str, path: str, *, token: str, deadline: Deadline) -> dict[str, Any]:
    """GET one resource (`Practitioner/abc`). Raises Permanent("fhir-not-granted" | "fhir-refused") or Retry."""
    kind, _, identifier = path.partition("/")
    answer = fetch(
        "GET",
        f"{base_url}/{kind}/{quote(identifier, safe='')}",
        deadline=deadline,
        headers={"Authorization": f"Bearer {token}", "Accept": "application/fhir+json"},
    )
    if answer.ok:
        return answer.json()
    raise problem(answer)


def problem(answer: Answer) -> WireError:
    """What an error of a FHIR server means. Some say 401 where 403 is meant, and not every body is FHIR."""
    where: Any = {"host": answer.host, "status": answer.status}
    if answer.status in {401, 403}:
        return Permanent("fhir-not-granted", **where)
    if answer.status == 429 or answer.status >= 500:
        return Retry("ehr-unavailable", after=answer.retry_after(), **where)
    return Permanent("fhir-refused", **where)


def human_name(resource: dict[str, Any]) -> str:
    """A person's name as one line, for a page that is shown once and keeps nothing. In DSTU2 a Practitioner has one
    name where later releases have a list, and a name several family names."""
    names = _listed(resource.get("name"))
    name = names[0] if names and isinstance(names[0], dict) else {}
    if name.get("text"):
        return str(name["text"])[:200]
    parts = [*_listed(name.get("given")), *_listed(name.get("family"))]
    return " ".join(str(part) for part in parts if part)[:200]


def assigner(resource: dict[str, Any]) -> str:
    """The organization behind a person's identifiers: its name, else a reference such as `Organization/abc`, else
    empty."""
    for identifier in _listed(resource.get("identifier")):
        organization = identifier.get("assigner") if isinstance(identifier, dict) else None
        if isinstance(organization, dict):
            reference = "/".join(str(organization.get("reference") or "").split("/")[-2:])
            return str(organization.get("display") or reference)[:200]
    return ""


def reference(value: object) -> tuple[str, str]:
    """(type, id) of a reference; empty for what is none."""
    found = REFERENCE.search(value) if isinstance(value, str) else None
    return (found.group(1), found.group(2)) if found else ("", "")


def instant(value: object) -> datetime | None:
    """A point in time with its zone, in UTC; None for a bare day, a time without zone and anything else."""
    try:
        when = datetime.fromisoformat(value.strip()) if isinstance(value, str) else None
        when = when.astimezone(UTC) if when and when.tzinfo else None
    except (ValueError, OverflowError):
        return None
    return when if when and when.year in YEARS else None


def plan_of(resource: dict[str, Any]) -> Plan:
    """What an Appointment, or an Encounter with its period, says of the visit."""
    period = resource.get("period") if resource.get("resourceType") == "Encounter" else resource
    starts_at, ends_at = (instant(period.get(name)) if isinstance(period, dict) else None for name in ("start", "end"))
    return Plan(starts_at, ends_at, is_off(resource.get("status")), tuple(_clinicians(resource)))


def is_off(status: object) -> bool | None:
    """Whether what has this status does not take place; None for what is no such status, such as a token that the EHR
    did not fill in."""
    word = status.strip().lower() if isinstance(status, str) else ""
    return word in OFF if word in OFF | ON else None


def _clinicians(resource: dict[str, Any]) -> list[str]:
    parts = [part for part in dicts(resource.get("participant")) if part.get("status") != "declined"]
    people = [part.get("actor") or part.get("individual") for part in parts]
    named = [reference(person.get("reference")) for person in people if isinstance(person, dict)]
    return [f"{kind}/{identifier}" for kind, identifier in named if kind in {"Practitioner", "PractitionerRole"}]


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
