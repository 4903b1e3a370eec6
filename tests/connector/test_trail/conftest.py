"""A hospital with a trail."""

import uuid

import pytest

from connector import trail
from connector.models import Organization


@pytest.fixture
def organization(db: None) -> Organization:
    return Organization.objects.create(tid=uuid.uuid4(), region="amer")


@pytest.fixture
def signed(organization: Organization) -> Organization:
    """Six entries, sealed; checkpoints of the fourth and the sixth."""
    for number in range(1, 7):
        trail.record(organization, f"event-{number}", visit=uuid.uuid4(), code=str(number), reason="fault")
        if number in (4, 6):
            trail.seal(organization.pk)
            assert trail.sign(organization.pk)
    return organization
