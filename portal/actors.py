"""Who acts, as the history keeps it: the account, the name of the business records, and where the act came from."""

from dataclasses import dataclass

from django.http import HttpRequest

from connector import limits
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
    return Actor(user, _name(user, organization, connection), limits.address_of(request) or None)


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
