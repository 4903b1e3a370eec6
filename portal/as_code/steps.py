"""What an organization's configuration is, what a file would change in it, and the change itself: settings as revisions
that still need approval. Client secrets are never in a file."""

from dataclasses import dataclass, replace

import yaml
from django.db import transaction

from connector import agreement
from connector.agreement import Settings
from connector.models import Connection, Organization, Revision
from connector.teams.graph import Person
from portal import services
from portal.actors import Actor
from portal.as_code.file import ADAPTER, DETAILS, KEPT, VERSION, Approver, File, Listed, Wrong, flat
from portal.configure import details

HEADER = "# Configuration of the EHR Connector: see docs/as-code.md. An import keeps each connection's client secret.\n"
BREAKS = frozenset("\x85\u2028\u2029")
LACKING = "client_secret_basic needs a client secret, which this connection does not have. It is entered in the portal."


@dataclass(frozen=True)
class Step:
    """What an import does about one connection: `changes` holds before and after by path; without a connection it is
    new."""

    listed: Listed
    connection: Connection | None
    changes: dict[str, tuple[object, object]]
    seen: int = 0  # the number of the revision that it was compared with

    @property
    def word(self) -> str:
        if self.connection is None:
            return "new"
        return "changed" if self.changes else "unchanged"


def export(organization: Organization) -> str:
    """The YAML of an organization's connections, with the settings of each one's newest revision."""
    pairs = [(connection, newest) for connection in _connections(organization) if (newest := _newest(connection))]
    listed = sorted((_listed(*pair) for pair in pairs), key=lambda one: one.identity)
    document = ADAPTER.dump_python(File(VERSION, organization.tid, tuple(listed)), mode="json")
    for one in document["connections"]:
        del one["settings"][KEPT]
    return HEADER + yaml.dump(document, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=120)


class _Dumper(yaml.SafeDumper):
    """SafeDumper that escapes the line breaks of Unicode: as they are, a reader takes them for others."""


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style='"' if BREAKS & set(value) else None)


_Dumper.add_representer(str, _text)


def _connections(organization: Organization) -> list[Connection]:
    return list(organization.connections.prefetch_related("revisions"))


def _newest(connection: Connection) -> Revision | None:
    return max(connection.revisions.all(), key=lambda revision: revision.number, default=None)


def _listed(connection: Connection, revision: Revision) -> Listed:
    return Listed(
        base_url=connection.base_url,
        environment=connection.environment,  # type: ignore[arg-type]
        approver=Approver(revision.approver_oid, revision.approver_name, revision.approver_upn, revision.approver_mail),
        settings=agreement.load(revision.settings),
        **{name: getattr(connection, name) for name in DETAILS},
    )


def plan(organization: Organization, file: File) -> tuple[list[Step], list[Connection]]:
    """What an import would do, connection by connection, and the connections that the file does not name: they stay as
    they are. Raises Wrong where a secret would be missing."""
    there = {(one.base_url.lower(), one.environment): one for one in _connections(organization)}
    steps = [_step(one, there.pop(one.identity, None)) for one in file.connections]
    missing = [place for place, step in enumerate(steps) if _lacks_secret(step.listed.settings)]
    if missing:
        raise Wrong([f"connections[{place}].settings.authentication: {LACKING}" for place in missing])
    return steps, list(there.values())


def _step(listed: Listed, connection: Connection | None) -> Step:
    revision = _newest(connection) if connection else None
    if connection is None or revision is None:
        return Step(listed, None, {})
    before = _listed(connection, revision)
    settings = replace(listed.settings, secret_kid=before.settings.secret_kid)
    approver = listed.approver
    if approver.oid == before.approver.oid:
        approver = replace(approver, mail=approver.mail or before.approver.mail)
    listed = replace(listed, base_url=connection.base_url, settings=settings, approver=approver)
    old, new = flat(before), flat(listed)
    names = [*new, *(name for name in old if name not in new)]
    changes = {name: (old.get(name), new.get(name)) for name in names if old.get(name) != new.get(name)}
    return Step(listed, connection, changes, seen=revision.number)


def _lacks_secret(settings: Settings) -> bool:
    return settings.authentication == "client_secret_basic" and not settings.secret_kid


@transaction.atomic
def apply(organization: Organization, steps: list[Step], actor: Actor) -> None:
    """Do what a plan says, all of it or nothing: revisions that wait for their approvers, and details at once. Raises
    Refused where somebody changed a connection after the plan was made."""
    for step in steps:
        connection = step.connection
        if connection is None or set(step.changes) - set(DETAILS):
            connection = _submit(organization, step, actor)
        details.change(connection, actor, **{name: getattr(step.listed, name) for name in DETAILS})


def _submit(organization: Organization, step: Step, actor: Actor) -> Connection:
    listed, approver = step.listed, step.listed.approver
    return services.submit(
        organization=organization,
        base_url=listed.base_url,
        environment=listed.environment,
        approver=Person(str(approver.oid), approver.name, approver.upn, "", enabled=True, mail=approver.mail),
        actor=actor,
        settings=listed.settings,
        seen=step.seen,
    )
