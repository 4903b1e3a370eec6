"""What people do to a connection. Each is one transaction with its trail line; nothing here calls out to another
system."""

from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Max

from connector import agreement, trail
from connector.models import Connection, Decision, EhrSignIn, Organization, Revision
from connector.teams.graph import Person
from portal.actors import Actor


class Refused(Exception):
    """The step does not fit the state the connection is in now. `code` says why."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def submit(
    *,
    organization: Organization,
    base_url: str,
    environment: str,
    approver: Person,
    actor: Actor,
    settings: agreement.Settings | None = None,
) -> Connection:
    """Propose settings for a FHIR base URL: a new connection, or another revision of the one that exists."""
    with transaction.atomic():
        connection = _connection(organization, base_url, environment)
        agreed = settings or _settings_to_start_from(connection)
        number = (connection.revisions.aggregate(last=Max("number"))["last"] or 0) + 1
        revision = Revision.objects.create(
            connection=connection,
            number=number,
            settings=agreement.dump(agreed),
            approver_oid=approver.oid,
            approver_name=approver.name,
            approver_upn=approver.upn,
            submitted_by=actor.user,
            submitted_by_name=actor.name,
            address=actor.address,
        )
        connection.proposed = revision
        connection.save(update_fields=["proposed"])
        trail.record(organization, "revision-submitted", connection=str(connection.pk), revision=str(revision.pk))
    return connection


def _connection(organization: Organization, base_url: str, environment: str) -> Connection:
    """The connection with this identity, locked; paths are compared as Epic does, without regard to case."""
    known = Connection.objects.select_for_update().filter(
        organization=organization, base_url__iexact=base_url, environment=environment
    )
    if connection := known.first():
        return connection
    try:
        with transaction.atomic():
            return Connection.objects.create(organization=organization, base_url=base_url, environment=environment)
    except IntegrityError:  # the same form, sent twice at once
        return known.get()


def _settings_to_start_from(connection: Connection) -> agreement.Settings:
    newest = connection.revisions.order_by("-number").first()
    return agreement.load(newest.settings) if newest else agreement.defaults(connection.environment)


def _decide(connection: Connection, revision: Revision, kind: Decision.Kind, actor: Actor, **kept: Any) -> None:
    who = {"actor": actor.user, "actor_name": actor.name, "address": actor.address}
    Decision.objects.create(connection=connection, revision=revision, kind=kind, **who, **kept)
    trail.record(
        connection.organization, f"revision-{kind.value}", connection=str(connection.pk), revision=str(revision.pk)
    )


def _locked(connection: Connection) -> Connection:
    return Connection.objects.select_for_update(of=("self",)).select_related("organization").get(pk=connection.pk)


@transaction.atomic
def approve(*, connection: Connection, revision: Revision, actor: Actor) -> None:
    """Make the proposed revision the live one. Rests on the actor's own EHR sign-in for that very revision."""
    connection = _locked(connection)
    if connection.proposed_id != revision.pk:
        raise Refused("not-proposed")
    sign_in = EhrSignIn.objects.filter(revision=revision, user=actor.user).order_by("-at").first()
    if sign_in is None:
        raise Refused("no-ehr-sign-in")
    _decide(connection, revision, Decision.Kind.APPROVE, actor, proof=sign_in.proof)
    connection.live, connection.proposed = revision, None
    connection.approved_hosts = sign_in.proof["hosts"]
    connection.save(update_fields=["live", "proposed", "approved_hosts"])


@transaction.atomic
def return_(*, connection: Connection, revision: Revision, actor: Actor, reason: str) -> None:
    """Send the proposed revision back to the administrator, with the reason."""
    connection = _locked(connection)
    if connection.proposed_id != revision.pk:
        raise Refused("not-proposed")
    _decide(connection, revision, Decision.Kind.RETURN, actor, reason=reason)
    connection.proposed = None
    connection.save(update_fields=["proposed"])


@transaction.atomic
def withdraw(*, connection: Connection, actor: Actor, reason: str) -> None:
    """Take a proposal back before it was decided."""
    connection = _locked(connection)
    if connection.proposed is None:
        raise Refused("not-proposed")
    _decide(connection, connection.proposed, Decision.Kind.WITHDRAW, actor, reason=reason)
    connection.proposed = None
    connection.save(update_fields=["proposed"])


@transaction.atomic
def suspend(*, connection: Connection, actor: Actor, reason: str) -> None:
    """Stop launches at once. Visits that run go on."""
    connection = _locked(connection)
    if connection.live is None or connection.suspended:
        raise Refused("not-live")
    _decide(connection, connection.live, Decision.Kind.SUSPEND, actor, reason=reason)
    connection.suspended = True
    connection.save(update_fields=["suspended"])


@transaction.atomic
def resume(*, connection: Connection, actor: Actor, reason: str) -> None:
    """Let launches through again."""
    connection = _locked(connection)
    if connection.live is None or not connection.suspended:
        raise Refused("not-suspended")
    _decide(connection, connection.live, Decision.Kind.RESUME, actor, reason=reason)
    connection.suspended = False
    connection.save(update_fields=["suspended"])
