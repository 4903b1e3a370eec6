"""What the CapabilityStatement tells: whether it can be read, the FHIR release, the software, the resources."""

import re
from collections.abc import Iterator
from typing import Any

from connector.ehr import discovery
from connector.ehr.preflight.asking import Got, Seen
from connector.ehr.preflight.evidence import fault, media_type, plain, told
from connector.ehr.preflight.shapes import Finding, Kind, Level

KINDS: dict[Kind, re.Pattern[str]] = {
    "epic": discovery.EPIC,
    "oracle": re.compile(r"cerner|oracle|millennium", re.IGNORECASE),
}
RELEASES: dict[str, tuple[str, Level]] = {
    "DSTU2": ("release-dstu2", "warns"),
    "STU3": ("release-stu3", "info"),
    "R4": ("release-r4", "ok"),
    "R4B": ("release-r4", "ok"),
    "R5": ("release-newer", "info"),
}
OLDEST = (2018, 11)
WANTED = ("Practitioner", "Patient", "Appointment", "Encounter")


def metadata(seen: Seen) -> Iterator[Finding]:
    """Whether the CapabilityStatement can be read. Launches get by without it where there is a smart-configuration."""
    got, wrong = seen.metadata, fault(seen.metadata)
    level: Level = "warns" if seen.endpoints else "blocks"
    if seen.statement:
        yield Finding("metadata-read", "ok", got.asked, told(got))
        if "json" not in media_type(got):
            yield Finding("metadata-media-type", "info", got.asked, media_type(got))
    elif wrong != "moved":  # which the redirects tell
        yield Finding(f"metadata-{wrong or 'not-fhir'}", level, got.asked, told(got))


def release(seen: Seen) -> Iterator[Finding]:
    """Which FHIR release answers at this base URL, and so which of our functions it allows."""
    if seen.statement:
        found = discovery.software_of(seen.statement).release
        check, level = RELEASES.get(found, ("release-unknown", "warns"))
        yield Finding(check, level, seen.metadata.asked, plain(seen.statement.get("fhirVersion")))


def software(seen: Seen) -> Iterator[Finding]:
    """Which EHR this is, and for Epic whether it is November 2018 or later."""
    if not seen.statement:
        return
    found = discovery.software_of(seen.statement)
    came = f"{plain(found.name)} {plain(found.version)}".strip()
    if kind_of(seen.statement) != "epic":
        yield Finding("software-other", "info", seen.metadata.asked, came)
        return
    released = discovery.released_of(found.version)
    check, level = _judged(released)
    yield Finding(check, level, seen.metadata.asked, came)


def _judged(released: tuple[int, int] | None) -> tuple[str, Level]:
    if released is None:
        return "software-version-unknown", "info"
    return ("software-supported", "ok") if released >= OLDEST else ("software-too-old", "blocks")


def kind_of(statement: dict[str, Any]) -> Kind:
    """Whose EHR this is, by the names in its CapabilityStatement; empty without one."""
    names = f"{discovery.software_of(statement).name} {plain(statement.get('publisher'))}"
    return next((kind for kind, pattern in KINDS.items() if pattern.search(names)), "other" if statement else "")


def own_address(seen: Seen) -> Iterator[Finding]:
    """Whether the server knows itself by the address that was typed."""
    implementation = seen.statement.get("implementation")
    url = implementation.get("url") if isinstance(implementation, dict) else None
    if isinstance(url, str) and url and not discovery.same_base(url, seen.base_url):
        yield Finding("base-url-differs", "info", seen.metadata.asked, plain(url.partition("?")[0]))


def resources(seen: Seen) -> Iterator[Finding]:
    """Which of the resources that our functions read are offered, and whether AuditEvents can be created."""
    if not seen.statement:
        return
    offered = _offered(seen.statement)
    here, missing = [kind for kind in WANTED if kind in offered], [kind for kind in WANTED if kind not in offered]
    if missing:
        yield Finding("resources-missing", "info", seen.metadata.asked, ", ".join(missing))
    else:
        yield Finding("resources-offered", "ok", seen.metadata.asked, ", ".join(here))
    audited = "create" in offered.get("AuditEvent", ())
    yield Finding("audit-event-accepted" if audited else "audit-event-not-offered", "info", seen.metadata.asked)


def _offered(statement: dict[str, Any]) -> dict[str, list[str]]:
    """Resource types and what may be done with each."""
    return {
        kind: [str(item.get("code")) for item in discovery.dicts(resource.get("interaction"))]
        for kind, resource in _resources(statement)
    }


def _resources(statement: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for rest in discovery.dicts(statement.get("rest")):
        for resource in discovery.dicts(rest.get("resource")):
            yield str(resource.get("type")), resource


def repositories(seen: Seen) -> Iterator[Finding]:
    """Whether each repository of AuditEvents that the settings name says that it takes them, and each once."""
    for got in seen.repositories:
        check, level = _accepts(got)
        yield Finding(check, level, got.asked, told(got))


def _accepts(got: Got) -> tuple[str, Level]:
    statement = got.document
    if str(statement.get("resourceType")) not in discovery.STATEMENTS:
        return "repository-unreadable", "warns"
    if "create" not in _offered(statement).get("AuditEvent", ()):
        return "repository-not-offered", "warns"
    conditional = dict(_resources(statement))["AuditEvent"].get("conditionalCreate")
    return ("repository-accepts", "ok") if conditional is True else ("repository-unconditional", "info")
