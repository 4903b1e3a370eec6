"""Whom a writeback tells, and how: one function for each kind of target, all with one interface. Each makes its call
outside any transaction and raises what the wire raises; AlreadyDone is a success."""

from base64 import b64encode
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlsplit

from connector import wires
from connector.agreement import AuditRepository, Settings, StatusService
from connector.ehr import audit, backend, discovery, status
from connector.ehr.answers import Authorize, Headers
from connector.ehr.smart import Client
from connector.errors import Permanent
from connector.http import Deadline
from connector.models import Connection
from visits import audit_event
from visits.models import Target, Writeback
from visits.writeback.texts import NOT_WANTED

ROW_SECONDS = 15.0  # the whole HTTP deadline of one row: discovery, token, the call


@dataclass(frozen=True)
class Server:
    """Where a token comes from: the FHIR base URL that names the token endpoint, and the hosts that it may be on."""

    base_url: str
    hosts: frozenset[str]
    client: Client
    scopes: str
    client_id: str  # what the endpoint's own document is asked with


def deliver(row: Writeback) -> None:
    """Tell the row's target, within one deadline."""
    connection = row.target.connection
    DELIVER[Target.Kind(row.target.kind)](row, wires.live_settings(connection), Deadline.after(ROW_SECONDS))


def _status(row: Writeback, agreed: Settings, deadline: Deadline) -> None:
    connection, participant = row.target.connection, row.participant
    if participant is None:
        raise Permanent("status-incomplete")
    status.tell(
        agreed.status,
        base_url=connection.base_url,
        conference=row.visit.unseal("session"),
        external_id=participant.unseal("external_id"),
        external_id_type=participant.unseal("external_id_type"),
        code=agreed.status.code_for(row.presence),
        authorize=_authorize(agreed.status, _ehr(connection, agreed), deadline),
        deadline=deadline,
    )


def _audit(row: Writeback, agreed: Settings, deadline: Deadline) -> None:
    repository = next((one for one in agreed.audit if one.name == row.target.name), None)
    if repository is None or row.entry is None:
        raise Permanent(NOT_WANTED)
    audit.create(
        repository.address,
        audit_event.render(row.entry),
        audit_event.tag_of(row.entry),
        authorize=_authorize(repository, _server(repository, row.target.connection, agreed), deadline),
        deadline=deadline,
    )


DELIVER: dict[Target.Kind, Callable[[Writeback, Settings, Deadline], None]] = {
    Target.Kind.STATUS_SERVICE: _status,
    Target.Kind.AUDIT_REPOSITORY: _audit,
}


def _ehr(connection: Connection, agreed: Settings) -> Server:
    client = wires.backend_client(agreed, connection.environment)
    return Server(connection.base_url, connection.token_hosts, client, agreed.backend_scopes, client.client_id)


def _server(repository: AuditRepository, connection: Connection, agreed: Settings) -> Server:
    """A repository's own token endpoint: on the host that was approved with its address, or on the EHR's."""
    client = wires.audit_client(repository, agreed, connection.environment)
    hosts = connection.token_hosts | {urlsplit(repository.address).netloc}
    return Server(repository.address, hosts, client, repository.scopes, "")


def _authorize(place: StatusService | AuditRepository, server: Server, deadline: Deadline) -> Authorize:
    """How to say who we are at a place: by its background user's password, or by a token of its server."""
    if place.authentication == "basic":
        login = f"{place.user_name}:{wires.secret(place.secret_kid)}".encode()
        basic = {"Authorization": f"Basic {b64encode(login).decode()}"}
        return lambda renew: basic
    return lambda renew: _bearer(server, renew, deadline)


def _bearer(server: Server, renew: bool, deadline: Deadline) -> Headers:
    """A token as headers; `renew` drops the one that was refused first."""
    found = discovery.endpoints(server.base_url, deadline=deadline, client_id=server.client_id)
    if urlsplit(found.token).netloc.lower() not in server.hosts:
        raise Permanent("ehr-host-changed")
    if renew:
        backend.forget(found.token, server.client, server.scopes)
    token = backend.token(found.token, server.client, server.scopes, deadline=deadline)
    return {"Authorization": f"Bearer {token}"}
