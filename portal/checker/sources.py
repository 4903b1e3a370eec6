"""What the checker compares with: this connection's records, and those that they may have been mixed up with."""

from collections.abc import Iterable

from connector import access, agreement
from connector.models import Connection, Environment, Revision, User
from portal import records
from portal.checker.matching import Other, Wanted
from portal.checker.texts import EHR, OPERATOR_DEFAULTS

FIRST = 50  # connections and revisions that are looked through, the newest first


def expected(connection: Connection, revision: Revision) -> list[Wanted]:
    """Everything of a connection that stands in the EHR."""
    launches = [
        Wanted(
            record.kind,
            record.title,
            _filled(record.rows),
            _filled(option.row for option in record.options),
            counted=True,
        )
        for record in records.launch_records(connection, revision)
    ]
    clients = [
        Wanted(client.kind, client.title, _filled(client.rows))
        for client in records.client_records(connection, revision)
    ]
    base = connection.base_url
    return [*launches, *clients, Wanted("ehr", EHR, (("FHIR", base),), (("FHIR", f"{base}/"),))]


def _filled(rows: Iterable[records.Row]) -> tuple[tuple[str, str], ...]:
    return tuple((row.mnemonic, row.value) for row in rows if row.value)


def others(user: User, connection: Connection) -> list[Other]:
    """What may have been mixed up: earlier revisions, then the organization's other connections as far as this person
    may see them, those of the other environment first, then the operator's client ids of the other environment."""
    return [*_earlier(connection), *_connections(user, connection), *_defaults(connection)]


def _earlier(connection: Connection) -> list[Other]:
    if connection.live is None:
        return []
    return [
        Other("outdated", wanted, (("revision", str(revision.number)),))
        for revision in connection.revisions.filter(number__lt=connection.live.number).order_by("-number")[:FIRST]
        for wanted in expected(connection, revision)
    ]


def _connections(user: User, connection: Connection) -> list[Other]:
    seen = access.connections_of(user).filter(organization=connection.organization_id).exclude(pk=connection.pk)
    nearest = sorted(seen.order_by("-created_at")[:FIRST], key=lambda one: one.environment == connection.environment)
    return [
        Other("connection" if one.environment == connection.environment else "environment", wanted, _about(one))
        for one in nearest
        for wanted in expected(one, one.live or one.shown)
    ]


def _about(connection: Connection) -> tuple[tuple[str, str], ...]:
    return (
        ("name", connection.label or connection.base_url),
        ("environment", str(connection.get_environment_display())),
    )


def _defaults(connection: Connection) -> list[Other]:
    """Client ids are the same for every connection of an environment, so one of the other is known without any."""
    found = []
    for environment in Environment:
        if environment != connection.environment:
            agreed = agreement.defaults(environment)
            ids = {agreed.provider_client_id, agreed.patient_client_id, agreed.backend_client_id} - {""}
            about = (("name", str(OPERATOR_DEFAULTS)), ("environment", str(environment.label)))
            found += [Other("environment", Wanted("", "", (("CLIENTID", one),)), about) for one in sorted(ids)]
    return found
