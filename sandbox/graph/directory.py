"""The tenant, its people, their licences and directory roles, from the cast."""

import re
from collections.abc import Callable
from typing import Any

from flask import Blueprint, request

from sandbox.cast import GLOBAL_ADMINISTRATOR, TEAMS_ADMINISTRATOR, TENANTS, Account, Tenant
from sandbox.graph.problems import Problem
from sandbox.graph.tokens import caller
from sandbox.standin import url_of
from sandbox.state import store
from sandbox.store import Document
from sandbox.switches import applies

routes = Blueprint("directory", __name__, url_prefix="/v1.0")

ROLE_NAMES = {GLOBAL_ADMINISTRATOR: "Global Administrator", TEAMS_ADMINISTRATOR: "Teams Administrator"}
TEAMS_PLAN = {
    "servicePlanId": "57ff2da0-773e-42df-b2af-ffb7a2317929",
    "servicePlanName": "TEAMS1",
    "provisioningStatus": "Success",
    "appliesTo": "User",
}
SKU = {"skuId": "05e9a617-0261-4cee-bb44-138d3ef5d965", "skuPartNumber": "SPE_E3"}
NAMES = ["displayName", "givenName", "surname", "userPrincipalName"]
USUAL_MEMBERS = ["id", *NAMES, "mail", "jobTitle", "businessPhones", "mobilePhone"]
PEOPLE = ("User.Read.All", "User.ReadWrite.All", "Directory.Read.All")
LICENCES = (*PEOPLE, "LicenseAssignment.Read.All")
ROLES = ("RoleManagement.Read.Directory", "Directory.Read.All")
TENANT = ("Organization.Read.All", "Directory.Read.All")


def tenant_of(tid: str) -> Tenant:
    """The tenant with this id. Raises Problem 401: a token names it, so the token is no good here."""
    for tenant in TENANTS:
        if tenant.tid == tid:
            return tenant
    raise Problem(401, "InvalidAuthenticationToken", "The identity of the calling application's tenant is unknown.")


def account_of(tid: str, reference: str) -> Account:
    """The tenant's account with this object id or user principal name. Raises Problem 404."""
    wanted = reference.lower()
    for account in tenant_of(tid).accounts:
        if wanted in (account.oid, account.upn.lower()):
            return account
    raise Problem(
        404,
        "Request_ResourceNotFound",
        f"Resource '{reference}' does not exist or one of its queried reference-property objects are not present.",
    )


def person(account: Account) -> Document:
    """All that is known of a person, by Graph's member names."""
    given, _, surname = account.name.removeprefix("Dr. ").partition(" ")
    return {
        "id": account.oid,
        "displayName": account.name,
        "givenName": given,
        "surname": surname,
        "userPrincipalName": account.upn,
        "mail": account.mail or account.upn,
        "jobTitle": account.title,
        "businessPhones": [],
        "mobilePhone": None,
        "accountEnabled": account.enabled,
        "usageLocation": "US",
        "preferredDataLocation": None,
        "userType": "Guest" if account.guest_of else "Member",
    }


def selected(document: Document, usual: list[str]) -> Document:
    """The members $select names, else the usual ones."""
    names = request.args.get("$select", "").split(",") if request.args.get("$select") else usual
    return {name: document[name] for name in names if name in document}


def collection(what: str, items: list[Document]) -> Document:
    return {"@odata.context": f"{url_of('graph')}/v1.0/$metadata#{what}", "value": items}


@routes.get("/organization")
def organization() -> Document:
    tenant = tenant_of(caller(*TENANT).tid)
    details = {
        "id": tenant.tid,
        "displayName": tenant.name,
        "countryLetterCode": tenant.country,
        "defaultUsageLocation": tenant.country,
        "tenantType": "AAD",
        "verifiedDomains": [{"name": tenant.domain, "isDefault": True, "isInitial": True, "type": "Managed"}],
    }
    return collection("organization", [selected(details, list(details))])


@routes.get("/users")
def users() -> Document:
    tenant = tenant_of(caller(*PEOPLE).tid)
    wanted = chosen_by_query()
    found = [person(account) for account in tenant.accounts if wanted(person(account))]
    top = request.args.get("$top", 100, type=int)
    return collection("users", [selected(one, USUAL_MEMBERS) for one in found[:top]])


def chosen_by_query() -> Callable[[Document], bool]:
    """The test which $search or $filter asks for. Raises Problem 400 for a query the stand-in does not know."""
    search, condition = request.args.get("$search"), request.args.get("$filter")
    if search and request.headers.get("ConsistencyLevel", "").lower() != "eventual":
        raise Problem(400, "Request_UnsupportedQuery", "$search needs the request header 'ConsistencyLevel: eventual'.")
    if search:
        terms = parsed(search, r'"(\w+):([^"]+)"', " OR ")
        return lambda one: any(word_starts(one.get(name), text) for name, text in terms)
    if condition:
        starts = parsed(condition, r"startswith\((\w+),\s*'((?:[^']|'')+)'\)", " or ")
        return lambda one: any(str(one.get(name)).lower().startswith(text) for name, text in starts)
    return lambda one: True


def parsed(query: str, form: str, joint: str) -> list[tuple[str, str]]:
    terms = [re.fullmatch(form, part.strip()) for part in query.split(joint)]
    if not all(terms):
        raise Problem(400, "BadRequest", f"Invalid filter or search clause: {query}")
    return [(term[1], term[2].replace("''", "'").lower()) for term in terms if term]


def word_starts(value: Any, text: str) -> bool:
    """Whether every word sought begins a word of the value, as a tokenised search finds it."""
    words = re.split(r"[\s.@_-]+", str(value).lower())
    return all(any(word.startswith(part) for word in words) for part in text.split())


@routes.get("/users/<reference>")
def user(reference: str) -> Document:
    account = account_of(caller(*PEOPLE).tid, reference)
    if applies(store(), "account-gone", account.oid):
        raise Problem(404, "Request_ResourceNotFound", f"Resource '{reference}' does not exist.")
    return {
        "@odata.context": f"{url_of('graph')}/v1.0/$metadata#users/$entity",
        **selected(person(account), USUAL_MEMBERS),
    }


@routes.get("/users/<reference>/licenseDetails/getTeamsLicensingDetails")
def teams_licence(reference: str) -> Document:
    return {"hasTeamsLicense": account_of(caller(*LICENCES).tid, reference).teams_licence}


@routes.get("/users/<reference>/licenseDetails")
def licences(reference: str) -> Document:
    account = account_of(caller(*LICENCES).tid, reference)
    details = [{"id": account.oid, **SKU, "servicePlans": [TEAMS_PLAN]}] if account.teams_licence else []
    return collection(f"users('{account.oid}')/licenseDetails", details)


@routes.get("/subscribedSkus")
def subscribed_skus() -> Document:
    tenant = tenant_of(caller(*TENANT, "LicenseAssignment.Read.All").tid)
    used = sum(account.teams_licence for account in tenant.accounts)
    units = {"enabled": 25, "suspended": 0, "warning": 0, "lockedOut": 0}
    sku = {
        "id": f"{tenant.tid}_{SKU['skuId']}",
        **SKU,
        "capabilityStatus": "Enabled",
        "appliesTo": "User",
        "consumedUnits": used,
        "prepaidUnits": units,
        "servicePlans": [TEAMS_PLAN],
    }
    return collection("subscribedSkus", [sku])


@routes.get("/users/<reference>/memberOf/microsoft.graph.directoryRole")
def direct_roles(reference: str) -> Document:
    return _roles(account_of(caller(*ROLES).tid, reference).directory_roles)


@routes.get("/users/<reference>/transitiveMemberOf/microsoft.graph.directoryRole")
def directory_roles(reference: str) -> Document:
    """Also what a person holds through a group. A cast is an advanced query: it needs the header and the count."""
    account = account_of(caller(*ROLES).tid, reference)
    if request.headers.get("ConsistencyLevel", "").lower() != "eventual" or request.args.get("$count") != "true":
        raise Problem(400, "Request_UnsupportedQuery", "The cast needs 'ConsistencyLevel: eventual' and $count=true.")
    return _roles(account.directory_roles + account.roles_by_group)


def _roles(templates: tuple[str, ...]) -> Document:
    held = [
        {"id": template, "roleTemplateId": template, "displayName": ROLE_NAMES[template], "description": None}
        for template in templates
    ]
    return collection("directoryRoles", [selected(role, list(role)) for role in held])
