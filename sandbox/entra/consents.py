"""What each tenant's administrator has granted to an application."""

from sandbox.entra import switches
from sandbox.standin import url_of
from sandbox.store import Store

# The application permissions in the connector's registration, with what the consent page says of each.
PERMISSIONS = {
    "User.Read.All": "Read all users' profiles",
    "Organization.Read.All": "Read the organization's name and licences",
    "OnlineMeetings.ReadWrite.All": "Create and change online meetings",
    "OnlineMeetingArtifact.Read.All": "Read attendance of online meetings",
    "VirtualAppointment.Read.All": "Read virtual appointments",
    "RoleManagement.Read.Directory": "Read who holds which directory role",
}


def graph_default() -> str:
    """The scope that means every application permission of the registration."""
    return f"{url_of('graph')}/.default"


def has(store: Store, tid: str, client_id: str) -> bool:
    """Whether the tenant has consented to the application."""
    return f"{tid}/{client_id}" in store.table("consents")


def grant(store: Store, tid: str, client_id: str) -> None:
    """Keep the tenant's consent."""
    store.table("consents")[f"{tid}/{client_id}"] = {"granted": True}


def withdraw(store: Store, tid: str, client_id: str) -> None:
    """Take the tenant's consent back."""
    store.table("consents").pop(f"{tid}/{client_id}", None)


def permissions(store: Store, tid: str) -> list[str]:
    """What a token of this tenant carries: the registration's permissions but for those switched off."""
    dropped = switches.get(store, "dropped_permissions").get(tid, [])
    return [name for name in PERMISSIONS if name not in dropped]
