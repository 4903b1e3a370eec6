"""What the sandbox can be told to do differently, so that a client can be tried against it."""

from typing import Any

from sandbox.store import Store

TICKS = {
    "leave_out_wids": "Leave the claim wids (directory roles) out of ID tokens",
    "leave_out_roles": "Leave the claim roles (app roles) out of ID tokens",
    "omit_kid": "Leave the key id out of the header of ID tokens",
    "use_previous_key": "Sign ID tokens with the previous key",
}
# app_roles: {oid: [role]} on top of the cast; dropped_permissions: {tid: [permission]} taken from what was consented.
MAPS = ("app_roles", "dropped_permissions")


def get(store: Store, name: str) -> Any:
    """The value of a switch: a truth value for a tick, else a mapping."""
    return store.table("switches").get(name, {"value": {} if name in MAPS else False})["value"]


def put(store: Store, values: dict[str, Any]) -> None:
    """Set switches by name. ValueError names an unknown one; then none is set."""
    if unknown := [name for name in values if name not in TICKS and name not in MAPS]:
        raise ValueError(f"No such switch: {', '.join(unknown)}")
    for name, value in values.items():
        store.table("switches")[name] = {"value": value if name in MAPS else bool(value)}
