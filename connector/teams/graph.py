"""Microsoft Graph: one call with its errors, and what the portal asks of the directory (Graph REST v1.0)."""

import uuid
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from django.conf import settings

from connector.errors import AlreadyDone, NeedsConsent, Permanent, Retry, WireError, asking
from connector.http import Answer, Deadline, fetch
from connector.teams import entra

ACTIVE = {"Enabled", "Warning"}  # in a grace period (Warning) people still may do everything
BATCH = 20  # requests in one call: the most that Graph takes
USER_FIELDS = "id,displayName,userPrincipalName,mail,jobTitle,accountEnabled"


@dataclass(frozen=True)
class Sku:
    """A product that the organization subscribes to (subscribedSku): how many licences, and how many are given."""

    id: str
    part_number: str
    active: bool
    units: int
    used: int
    plans: tuple[str, ...]


@dataclass(frozen=True)
class Person:
    """An account in the customer's directory. `mail` is empty where the directory knows no mailbox: a sign-in name need
    not be one."""

    oid: str
    name: str
    upn: str
    title: str
    enabled: bool
    mail: str = ""


@asking("graph")
def call(tid: str, method: str, path: str, *, deadline: Deadline, version: str = "v1.0", **kwargs: Any) -> Answer:
    """One Graph call with an app-only token of the tenant; a refused token is renewed once. Raises as `problem`
    says."""
    answer = _send(tid, method, path, deadline, version, kwargs)
    if answer.status == 401:
        entra.forget_app_token(tid)
        answer = _send(tid, method, path, deadline, version, kwargs)
    if answer.ok:
        return answer
    raise problem(answer)


def _send(tid: str, method: str, path: str, deadline: Deadline, version: str, kwargs: dict[str, Any]) -> Answer:
    token = entra.app_token(tid, deadline=deadline)
    headers = {"Authorization": f"Bearer {token}", "client-request-id": str(uuid.uuid4())} | kwargs.get("headers", {})
    url = f"{settings.GRAPH_URL}/{version}/{path}"
    return fetch(method, url, deadline=deadline, **(kwargs | {"headers": headers}))


def problem(answer: Answer) -> WireError:
    """What an error answer of Graph means. Wordings differ by age and service, so they are matched loosely."""
    error = answer.json_or_empty().get("error")
    error = error if isinstance(error, dict) else {}
    code, message = str(error.get("code") or ""), str(error.get("message") or "").lower()
    where: Any = {"host": answer.host, "status": answer.status}
    if "application access policy" in message or "is not authorized to" in message:
        return Permanent("application-access-policy", **where)
    if "subscription validation request" in message:
        return Permanent("notification-url", **where)
    if code == "Authorization_RequestDenied" or answer.status == 401:
        return NeedsConsent("graph-permission", **where)
    if answer.status == 404:
        return Permanent("graph-not-found", **where)
    if answer.status == 409:
        return AlreadyDone("graph-conflict", **where)
    if answer.status == 429 or answer.status >= 500:
        return Retry("graph-unavailable", after=answer.retry_after(), **where)
    return Permanent("graph-refused", **where)


@asking("graph")
def organization_name(tid: str, *, deadline: Deadline) -> str:
    """The organization's display name; a call that every consented app may make, so it also proves that consent
    works."""
    document = call(tid, "GET", "organization", deadline=deadline, params={"$select": "id,displayName"}).json()
    first = next(iter(rows(document)), {})
    return str(first.get("displayName") or "")[:256]


@asking("graph")
def country(tid: str, *, deadline: Deadline) -> str:
    """The ISO 3166 code of the organization's country; empty where Microsoft 365 knows none."""
    document = call(tid, "GET", "organization", deadline=deadline, params={"$select": "id,countryLetterCode"}).json()
    first = next(iter(rows(document)), {})
    return str(first.get("countryLetterCode") or "")[:2].upper()


@asking("graph")
def subscribed_skus(tid: str, *, deadline: Deadline) -> list[Sku]:
    """The products that the organization subscribes to."""
    return [_sku(row) for row in rows(call(tid, "GET", "subscribedSkus", deadline=deadline).json())]


@asking("graph")
def search_people(tid: str, text: str, *, deadline: Deadline) -> list[Person]:
    """Up to ten accounts whose name or sign-in name begins like `text`."""
    quoted = text.replace('"', "").replace("\\", "").strip()
    if not quoted:
        return []
    answer = call(
        tid,
        "GET",
        "users",
        deadline=deadline,
        headers={"ConsistencyLevel": "eventual"},
        params={
            "$search": f'"displayName:{quoted}" OR "userPrincipalName:{quoted}"',
            "$select": USER_FIELDS,
            "$top": "10",
            "$count": "true",
        },
    )
    return [_person(row) for row in rows(answer.json())]


@asking("graph")
def read_person(tid: str, name: str, *, deadline: Deadline) -> Person | None:
    """The account with this object id or sign-in name, or None when the directory knows none."""
    try:
        answer = call(tid, "GET", f"users/{quote(name, safe='')}", deadline=deadline, params={"$select": USER_FIELDS})
    except Permanent as error:
        if error.code == "graph-not-found":
            return None
        raise
    return _person(answer.json())


@asking("graph")
def gone(tid: str, oids: list[str], *, deadline: Deadline) -> set[str]:
    """Which of these accounts, at most BATCH, the directory knows no more: deleted, not merely disabled. One that it
    does not answer for is not among them. One call (JSON batching); getByIds would need Directory.Read.All."""
    asked = {str(number): oid for number, oid in enumerate(oids[:BATCH])}
    requests = [
        {"id": number, "method": "GET", "url": f"/users/{quote(oid, safe='')}?$select=id"}
        for number, oid in asked.items()
    ]
    document = call(tid, "POST", "$batch", deadline=deadline, json={"requests": requests}).json()
    return {asked[str(one.get("id"))] for one in rows({"value": document.get("responses")}) if _is_missing(one, asked)}


def _is_missing(answer: dict[str, Any], asked: dict[str, str]) -> bool:
    """Whether a part of a batch says that there is no such account. A bare 404 may come from anywhere."""
    body = answer.get("body")
    error = body.get("error") if isinstance(body, dict) else None
    code = error.get("code") if isinstance(error, dict) else None
    return str(answer.get("id")) in asked and answer.get("status") == 404 and code == "Request_ResourceNotFound"


@asking("graph")
def directory_roles(tid: str, oid: str, *, deadline: Deadline) -> frozenset[str]:
    """The template ids of the directory roles a person holds now, himself or through a group that holds them. A cast
    needs the header and the count; the index that answers may be a moment behind (Graph, user: list
    transitiveMemberOf)."""
    answer = call(
        tid,
        "GET",
        f"users/{quote(oid, safe='')}/transitiveMemberOf/microsoft.graph.directoryRole",
        deadline=deadline,
        headers={"ConsistencyLevel": "eventual"},
        params={"$select": "roleTemplateId", "$count": "true"},
    )
    held = rows(answer.json())
    return frozenset(str(row.get("roleTemplateId")).lower() for row in held)


def rows(document: dict[str, Any]) -> list[dict[str, Any]]:
    """The objects of a collection; anything else in it is passed over."""
    values = document.get("value")
    return [value for value in values if isinstance(value, dict)] if isinstance(values, list) else []


def _sku(row: dict[str, Any]) -> Sku:
    units = row.get("prepaidUnits")
    plans = rows({"value": row.get("servicePlans")})
    return Sku(
        id=str(row.get("skuId") or "").lower(),
        part_number=str(row.get("skuPartNumber") or "").lower(),
        active=str(row.get("capabilityStatus")) in ACTIVE,
        units=_count(units.get("enabled") if isinstance(units, dict) else 0),
        used=_count(row.get("consumedUnits")),
        plans=tuple(str(plan.get("servicePlanName") or "").upper() for plan in plans),
    )


def _count(value: object) -> int:
    return value if isinstance(value, int) else 0


def _person(value: dict[str, Any]) -> Person:
    return Person(
        oid=str(value.get("id") or ""),
        name=str(value.get("displayName") or "")[:256],
        upn=str(value.get("userPrincipalName") or "")[:256],
        title=str(value.get("jobTitle") or "")[:256],
        enabled=value.get("accountEnabled") is not False,
        mail=str(value.get("mail") or "")[:254],
    )
