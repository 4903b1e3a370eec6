"""Who acts, as the history keeps it: the account, the name of the business records, and where the act came from."""

from dataclasses import dataclass

from django.conf import settings
from django.http import HttpRequest

from connector.models import Connection, Organization, Revision, User
from connector.signin import signed_in


@dataclass(frozen=True)
class Actor:
    """A person who changes something."""

    user: User
    name: str
    address: str | None = None


def actor_of(request: HttpRequest, organization: Organization, connection: Connection | None = None) -> Actor:
    """The person behind a request, by the name that the organization's records have for him."""
    user = signed_in(request)
    return Actor(user, _name(user, organization, connection), address_of(request))


def _name(user: User, organization: Organization, connection: Connection | None) -> str:
    administrator = organization.administrators.filter(user=user).first()
    if administrator:
        return administrator.name
    named = Revision.objects.filter(connection__organization=organization, approver_oid=user.oid)
    newest = (named.filter(connection=connection) if connection else named).order_by("-submitted_at").first()
    if newest:
        return newest.approver_name
    reader = organization.readers.filter(oid=user.oid).first()
    return reader.name if reader else ""


def address_of(request: HttpRequest) -> str | None:
    """The IP address a request came from; behind a trusted proxy the one that the proxy itself saw."""
    forwarded = request.headers.get("X-Forwarded-For", "") if settings.TRUSTED_PROXY else ""
    return forwarded.rpartition(",")[2].strip() or request.META.get("REMOTE_ADDR") or None
