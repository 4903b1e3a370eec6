"""What is done at once becomes a line of the history; submissions and decisions are lines by themselves."""

from connector.models import Change, Connection, Organization
from portal.actors import Actor


def record(
    organization: Organization,
    kind: Change.Kind,
    *,
    actor: Actor | None = None,
    connection: Connection | None = None,
    **detail: object,
) -> Change:
    """Keep that somebody (None: the connector itself) changed something at once, inside the caller's transaction.
    `detail` holds codes, or field=[before, after] of business records."""
    who = {"actor": actor.user, "actor_name": actor.name, "address": actor.address} if actor else {}
    return Change.objects.create(organization=organization, connection=connection, kind=kind, detail=detail, **who)
