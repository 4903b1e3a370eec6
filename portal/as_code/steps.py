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
from portal.labels import NESTED

HEADER = "# Configuration of the EHR Connector: see docs/as-code.md. An import keeps each connection's client secret.\n"
BREAKS = frozenset("\x85\u2028\u2029")
# Authentications that need a secret -> what is missing
NEEDING = {"client_secret_basic": "a client secret", "basic": "a password"}
LACKING = "{needs} needs {secret}, which this connection does not have. It is entered in the portal."


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
        settings = one["settings"]
        for holder in (settings, *(settings[part] for part in NESTED), *settings["audit"]):
            del holder[KEPT]
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
    missing = [
        f"connections[{place}].settings.{sentence}"
        for place, step in enumerate(steps)
        for sentence in _lacking(step.listed.settings)
    ]
    if missing:
        raise Wrong(missing)
    return steps, list(there.values())


def _step(listed: Listed, connection: Connection | None) -> Step:
    revision = _newest(connection) if connection else None
    if connection is None or revision is None:
        return Step(listed, None, {})
    before = _listed(connection, revision)
    approver = listed.approver
    if approver.oid == before.approver.oid:
        approver = replace(approver, mail=approver.mail or before.approver.mail)
    settings = _with_secrets(listed.settings, before.settings)
    listed = replace(listed, base_url=connection.base_url, settings=settings, approver=approver)
    old, new = flat(before), flat(listed)
    names = [*new, *(name for name in old if name not in new)]
    changes = {name: (old.get(name), new.get(name)) for name in names if old.get(name) != new.get(name)}
    return Step(listed, connection, changes, seen=revision.number)


def _with_secrets(settings: Settings, before: Settings) -> Settings:
    """The settings with the secrets that the connection holds; a repository's password is for its address alone."""
    kept = {one.address: one.secret_kid for one in before.audit}
    return replace(
        settings,
        secret_kid=before.secret_kid,
        status=replace(settings.status, secret_kid=before.status.secret_kid),
        audit=tuple(replace(one, secret_kid=kept.get(one.address, "")) for one in settings.audit),
    )


def _lacking(settings: Settings) -> list[str]:
    """What is wrong with settings that need a secret and have none, each with its path."""
    held = flat(settings)
    return [
        f"{path}: {LACKING.format(needs=needs, secret=NEEDING[needs])}"
        for path, needs in held.items()
        if path.endswith("authentication") and needs in NEEDING and not held[path.replace("authentication", KEPT)]
    ]


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
