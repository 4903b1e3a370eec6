"""Persons at the door, and the identity a roster carries of each."""

import secrets
import uuid

from werkzeug.exceptions import BadRequest

from sandbox.cast import TENANTS
from sandbox.store import Document, Store
from sandbox.switches import value


def member(tid: str, oid: str) -> Document:
    """Somebody signed in to one of the tenants. Raises BadRequest for an account the cast does not know."""
    for tenant in TENANTS:
        for account in tenant.accounts:
            if (tenant.tid, account.oid) == (tid, oid):
                guest = account.guest_of is not None
                return {"kind": "member", "tid": tid, "oid": oid, "name": account.name, "guest_account": guest}
    raise BadRequest("No such account.")


def outsider(kind: str, name: str) -> Document:
    """Somebody without an account, by the plain link (`guest`) or the virtual-appointment link (`va`)."""
    return {"kind": kind, "name": name.strip() or None}


def identity_of(store: Store, person: Document) -> Document:
    """The identity set of the roster: an account's ids, and for outsiders nothing that says who they are."""
    if person["kind"] == "member":
        return {"user": {"id": person["oid"], "displayName": person["name"], "tenantId": person["tid"]}}
    if value(store, "no-identity"):
        return {}
    name = None if value(store, "no-names") else person["name"]
    if person["kind"] == "va":
        acs = f"8:acs:{uuid.uuid4()}_{secrets.token_hex(16)}"
        return {"azureCommunicationServicesUser": {"id": acs, "displayName": name}}
    if value(store, "guest-identity"):
        return {"guest": {"id": str(uuid.uuid4()), "displayName": name, "email": None}}
    return {"user": {"id": f"teamsvisitor:{secrets.token_hex(16)}", "displayName": name, "tenantId": None}}
