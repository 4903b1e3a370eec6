"""Who may reach what: the only way to an Organization or a Connection from a request of the portal."""

from datetime import timedelta
from enum import Enum

from django.conf import settings
from django.db.models import Q, QuerySet
from django.http import Http404
from django.utils import timezone

from connector.errors import WireError
from connector.http import Deadline
from connector.models import Administrator, Closing, Connection, Organization, Revision, User
from connector.teams import entra, graph

UNCONFIRMED_LIFE = timedelta(days=1)
Proof = Administrator.Proof


class Claim(Enum):
    """What a token says about its holder's administrator role."""

    NO = "no"
    SILENT = "silent"  # the token carries no role claims at all: the directory has to be asked


def is_allowed_tenant(tid: str) -> bool:
    """Whether the operator lets this tenant use the deployment (ENTRA_ALLOWED_TENANTS; `*` = any)."""
    return bool({"*", tid} & settings.ENTRA_ALLOWED_TENANTS)


def claimed(identity: entra.Identity) -> "Proof | Claim":
    """Which claim proves an administrator: our app role first, else a directory role."""
    if settings.ENTRA_ADMINISTRATOR_APP_ROLE.lower() in (identity.roles or ()):
        return Proof.APP_ROLE
    if (identity.wids or frozenset()) & settings.ENTRA_ADMINISTRATOR_ROLES:
        return Proof.DIRECTORY_CLAIM
    return Claim.SILENT if identity.roles is None and identity.wids is None else Claim.NO


def enter(identity: entra.Identity, deadline: Deadline) -> User:
    """The user behind a portal sign-in, with the administrator's role renewed or removed by what is provable now. Where
    the directory has to be asked and does not answer in time, the role is kept for a day."""
    user, proof = User.objects.of(identity.tid, identity.oid), proof_of(identity, deadline)
    if isinstance(proof, Proof):
        organization, _ = Organization.objects.get_or_create(tid=identity.tid, defaults={"region": settings.REGION})
        make_administrator(organization, user, name=identity.name, proof=proof)
    else:
        # A role that nobody could confirm for a day is a role no more.
        unconfirmed = user.administers.filter(confirmed_at__lt=timezone.now() - UNCONFIRMED_LIFE)
        (user.administers.all() if proof is Claim.NO else unconfirmed).delete()
    return user


def proof_of(identity: entra.Identity, deadline: Deadline) -> "Proof | Claim":
    """What proves that somebody is an administrator: his token, or the directory where that says nothing."""
    proof = claimed(identity)
    return from_directory(identity.tid, identity.oid, deadline) if proof is Claim.SILENT else proof


def from_directory(tid: str, oid: str, deadline: Deadline) -> "Proof | Claim":
    """Ask Microsoft Graph, app-only, for the directory roles. Silent while the app has no consent or Graph does not
    answer."""
    try:
        roles = graph.directory_roles(tid, oid, deadline=deadline)
    except WireError:
        return Claim.SILENT
    return Proof.DIRECTORY_READ if roles & settings.ENTRA_ADMINISTRATOR_ROLES else Claim.NO


def make_administrator(organization: Organization, user: User, *, name: str, proof: "Proof") -> None:
    """Keep that somebody was shown to be an administrator, and how."""
    Administrator.objects.update_or_create(
        organization=organization,
        user=user,
        defaults={"name": name, "proof": proof, "confirmed_at": timezone.now()},
    )


def administered_by(user: User) -> Organization | None:
    """The organization that this person administers."""
    return Organization.objects.filter(administrators__user=user, tid=user.tid, ended_at=None).first()


def ended(tid: str) -> Closing | None:
    """The end of this tenant's organization, from its point of no return until somebody begins anew."""
    if Organization.objects.filter(tid=tid, ended_at=None).exists():
        return None
    past = Closing.objects.filter(tid=tid).exclude(step__in=[Closing.Step.WAITING, Closing.Step.OFF])
    return past.order_by("-asked_at").first()


def organization_of(user: User) -> Organization:
    """The organization that this person administers; 404 for who administers none."""
    organization = administered_by(user)
    if organization is None:
        raise Http404
    return organization


def reports_read_by(user: User) -> Organization | None:
    """The organization whose reports this person may read: its administrators may, and the readers they name."""
    allowed = Q(administrators__user=user) | Q(readers__oid=user.oid)
    return Organization.objects.filter(allowed, tid=user.tid, ended_at=None).distinct().first()


def connections_of(user: User) -> QuerySet[Connection]:
    """The connections a person may see: an administrator his organization's, an approver those that name him."""
    # Subqueries, not joins: these would pair every administrator of a connection with every revision.
    naming = Revision.objects.filter(approver_oid=user.oid)
    allowed = Q(organization__in=user.administers.values("organization")) | Q(proposed__in=naming) | Q(live__in=naming)
    allowed |= Q(pk__in=naming.values("connection"), live=None, proposed=None)
    reachable = Connection.objects.filter(allowed, organization__tid=user.tid, organization__ended_at=None)
    return reachable.select_related("organization", "live", "proposed").prefetch_related("revisions", "decisions")


def connection_of(user: User, ref: str) -> Connection:
    """One connection by its public ref; a stranger's is a 404."""
    connection = connections_of(user).filter(ref=ref).first()
    if connection is None:
        raise Http404
    return connection


def governs(user: User, connection: Connection) -> bool:
    """Whether this person may stop and start a live connection: an administrator, or the approver who approved it."""
    if connection.organization.administrators.filter(user=user).exists():
        return True
    return connection.live is not None and user.oid == connection.live.approver_oid


def is_approver(user: User, connection: Connection) -> bool:
    """Whether this person is the approver whom the shown revision names."""
    return user.tid == connection.organization.tid and user.oid == connection.shown.approver_oid
