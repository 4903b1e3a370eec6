"""What people do to a connection. Each is one transaction with its trail line; nothing here calls out to another
system."""

from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Max
from django.urls import reverse

from connector import agreement, mail, trail
from connector.cached import outdate
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
    seen: int | None = None,
) -> Connection:
    """Propose settings for a FHIR base URL: a new connection, or another revision of the one that exists. `seen` is the
    number of the newest revision that the actor knew (0: none); where there is a newer one, Refused says so."""
    with transaction.atomic():
        connection = _connection(organization, base_url, environment)
        last = connection.revisions.aggregate(last=Max("number"))["last"] or 0
        if seen not in {None, last}:
            raise Refused("changed")
        agreed = settings or _settings_to_start_from(connection)
        revision = Revision.objects.create(
            connection=connection,
            number=last + 1,
            settings=agreement.dump(agreed),
            approver_oid=approver.oid,
            approver_name=approver.name,
            approver_upn=approver.upn,
            approver_mail=approver.mail,
            submitted_by=actor.user,
            submitted_by_name=actor.name,
            address=actor.address,
        )
        connection.proposed = revision
        connection.save(update_fields=["proposed"])
        trail.record(organization, "revision-submitted", connection=str(connection.pk), revision=str(revision.pk))
        _tell_of_proposal(connection, revision, actor)
    return connection


def approver_path(connection: Connection) -> str:
    """Where an approver is sent: his page, after a sign-in at the very organization, which a guest has to choose."""
    page = reverse("approve_one", args=[connection.ref])
    return f"{reverse('signin_tenant', args=[connection.organization.tid])}?next={page}"


def _tell_of_proposal(connection: Connection, revision: Revision, actor: Actor) -> None:
    """Tell the approver what waits for him; where he made it himself, the administrators."""
    waits, edited = approver_path(connection), reverse("connection", args=[connection.ref])
    if not _is_approver(actor, revision):
        _tell(connection, "proposal-waits", [revision.approver_address], by=actor.name, path=waits)
    if not connection.organization.administrators.filter(user=actor.user).exists():
        _tell(connection, "edited", [connection.notification_mail], by=actor.name, path=edited)


def _is_approver(actor: Actor, revision: Revision) -> bool:
    return str(actor.user.oid) == str(revision.approver_oid)  # a new revision still has it as text


def _tell(connection: Connection, kind: str, recipients: list[str], **detail: str) -> None:
    mail.tell(connection.organization, connection, kind, recipients, **detail)


def others(connection: Connection, revision: Revision, actor: Actor) -> list[str]:
    """Whom a decision of the actor is told: the connection's mail, and the approver unless he decided himself."""
    approver = "" if _is_approver(actor, revision) else revision.approver_address
    return [address for address in (connection.notification_mail, approver) if address]


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
    said = {"by": actor.name, "reason": kept.get("reason", ""), "path": reverse("connection", args=[connection.ref])}
    if kind == Decision.Kind.RETURN:
        _tell(connection, "returned", others(connection, revision, actor), **said)
    else:
        _tell(connection, "decided", others(connection, revision, actor), decision=kind.value, **said)


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
    connection.approved_hosts, connection.token_host = sign_in.proof["hosts"], sign_in.proof.get("token_host", "")
    connection.save(update_fields=["live", "proposed", "approved_hosts", "token_host"])
    outdate("connection", connection.pk)


@transaction.atomic
def return_(*, connection: Connection, revision: Revision, actor: Actor, reason: str) -> None:
    """Send the proposed revision back to the administrator, with the reason."""
    connection = _locked(connection)
    if connection.proposed_id != revision.pk:
        raise Refused("not-proposed")
    _decide(connection, revision, Decision.Kind.RETURN, actor, reason=reason)
    connection.proposed = None
    connection.save(update_fields=["proposed"])


def mark(connection: Connection) -> str:
    """How a connection stands: another proposal, or another decision, makes another mark. A form carries the one of the
    page that it was on."""
    newest = connection.decisions.first()
    return f"{connection.proposed_id or ''}.{newest.pk if newest else ''}"


@transaction.atomic
def withdraw(*, connection: Connection, actor: Actor, reason: str, seen: str | None = None) -> None:
    """Take a proposal back before it was decided. `seen` is the mark of what the actor had before him; where something
    else stands there now, Refused says so."""
    connection = _locked(connection)
    if connection.proposed is None:
        raise Refused("not-proposed")
    if seen not in {None, mark(connection)}:
        raise Refused("changed")
    _decide(connection, connection.proposed, Decision.Kind.WITHDRAW, actor, reason=reason)
    connection.proposed = None
    connection.save(update_fields=["proposed"])


@transaction.atomic
def suspend(*, connection: Connection, actor: Actor, reason: str, seen: str | None = None) -> None:
    """Stop launches at once, whatever was `seen`: stopping waits for nobody to read. Visits that run go on."""
    connection = _locked(connection)
    if connection.live is None or connection.suspended:
        raise Refused("not-live")
    _decide(connection, connection.live, Decision.Kind.SUSPEND, actor, reason=reason)
    connection.suspended = True
    connection.save(update_fields=["suspended"])


@transaction.atomic
def resume(*, connection: Connection, actor: Actor, reason: str, seen: str | None = None) -> None:
    """Let launches through again: after the suspension that the actor has read of (`seen`, as for `withdraw`)."""
    connection = _locked(connection)
    if connection.live is None or not connection.suspended:
        raise Refused("not-suspended")
    if seen not in {None, mark(connection)}:
        raise Refused("changed")
    _decide(connection, connection.live, Decision.Kind.RESUME, actor, reason=reason)
    connection.suspended = False
    connection.save(update_fields=["suspended"])
