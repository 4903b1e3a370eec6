"""Products that the operator wants an organization to hold (LICENCE_SKUS), such as Microsoft Cloud for Healthcare."""

from django.conf import settings

from connector.http import Deadline
from connector.models import Environment, Organization
from connector.teams import graph


def licence_allows(organization: Organization, environment: str, deadline: Deadline) -> bool:
    """Whether a connection of this environment may be approved. Only production needs a listed product, and only where
    the operator lists any. Raises WireError when Microsoft Graph cannot tell. Never asked at a launch."""
    if not settings.LICENCE_SKUS or environment != Environment.PRODUCTION:
        return True
    return bool(held(str(organization.tid), deadline))


def held(tid: str, deadline: Deadline) -> list[graph.Sku]:
    """The listed products that the organization holds. Raises WireError."""
    skus = graph.subscribed_skus(tid, deadline=deadline)
    return [sku for sku in skus if sku.active and settings.LICENCE_SKUS & {sku.id, sku.part_number}]
