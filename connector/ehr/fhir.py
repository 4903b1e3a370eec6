"""Reading a FHIR resource with a token that a person's own sign-in gave us."""

from typing import Any
from urllib.parse import quote

from connector.errors import Permanent, Retry, WireError
from connector.http import Answer, Deadline, fetch


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


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
