"""Notifications of the Graph stand-in, over HTTP all the way: handshake, delivery, keys, decryption, facts."""

import time
from datetime import timedelta
from urllib.parse import quote, urlsplit

import pytest
import requests
from django.utils import timezone
from pytest_django import Settings
from pytest_django.live_server_helper import LiveServer

from connector import keys
from connector.models import Organization
from sandbox.cast import RIVERSIDE_TID
from tests.sandbox.conftest import sandbox  # noqa: F401 - the fixture
from tests.sandbox.graph_client import CARLA, Json, Seats, application, new_meeting, switch
from tests.sandbox.standins import Sandbox
from tests.visits import factories
from visits import receipts
from visits.models import Fact, Participant, Receipt, Subscription

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(scope="module", autouse=True)
def running(sandbox: Sandbox) -> None:  # noqa: F811
    sandbox.start("entra", "graph", "teams")


@pytest.fixture(autouse=True)
def addresses(running: None, sandbox: Sandbox, settings: Settings) -> None:  # noqa: F811
    """The connector's settings name this module's stand-ins."""
    sandbox.reset("graph", "teams")
    settings.ENTRA_AUTHORITY = sandbox.url("entra")
    settings.ENTRA_CLIENT_ID = sandbox.environment["SANDBOX_APP_CLIENT_ID"]
    settings.OUTGOING_ALLOWED_HOSTS = frozenset({urlsplit(sandbox.url("entra")).netloc})


@pytest.fixture
def subscription() -> Subscription:
    organization = Organization.objects.create(tid=RIVERSIDE_TID, region="amer")
    visit = factories.visit(factories.connection(organization))
    clinician = factories.user(organization.tid)
    type(clinician).objects.filter(pk=clinician.pk).update(oid=CARLA.oid)
    factories.participant(visit, Participant.Role.PROVIDER, linked=clinician)
    return factories.subscription(visit, key_kid=keys.notification_key().kid)


def subscribe(app: requests.Session, sandbox: Sandbox, meeting: Json, row: Subscription, url: str) -> None:  # noqa: F811
    """Ask Graph for the meeting's events, with both of our addresses."""
    join_url = quote(meeting["joinWebUrl"], safe="")
    body = {
        "changeType": "updated",
        "notificationUrl": f"{url}/notifications/graph/",
        "lifecycleNotificationUrl": f"{url}/notifications/graph/lifecycle/",
        "resource": f"communications/onlineMeetings(joinWebUrl='{join_url}')/meetingCallEvents",
        "includeResourceData": True,
        "encryptionCertificate": keys.notification_key().public["certificate"],
        "encryptionCertificateId": row.key_kid,
        "expirationDateTime": (timezone.now() + timedelta(hours=2)).isoformat(),
        "clientState": receipts.client_state(row),
    }
    answer = app.post(sandbox.url("graph", "/beta/subscriptions"), json=body)
    assert answer.status_code == 201, answer.text
    Subscription.objects.filter(pk=row.pk).update(graph_id=answer.json()["id"])


def understand(count: int) -> None:
    """Do the worker's part once this many receipts have come."""
    deadline = time.monotonic() + 10
    while Receipt.objects.count() < count and time.monotonic() < deadline:
        time.sleep(0.05)
    for pk in Receipt.objects.filter(state=Receipt.State.NEW).values_list("pk", flat=True):
        receipts.understand(pk)
    assert [r.reason for r in Receipt.objects.exclude(state=Receipt.State.UNDERSTOOD)] == []
    assert Receipt.objects.count() == count


@pytest.mark.parametrize("pascal_case", [False, "alternate"])
def test_who_waits_who_is_there_and_who_left_is_told_by_graph(
    sandbox: Sandbox,  # noqa: F811
    live_server: LiveServer,
    subscription: Subscription,
    pascal_case: object,
) -> None:
    switch(sandbox, "graph", pascal_case=pascal_case)
    app = application(sandbox)
    meeting = new_meeting(sandbox, app, "visit-1")
    subscribe(app, sandbox, meeting, subscription, live_server.url)
    seats = Seats(sandbox, meeting)
    seats.staff()
    visitor = seats.enter(kind="va", name="Pia")
    seats.act(visitor, "leave")
    understand(4)
    facts = [(fact.kind, fact.oid) for fact in Fact.objects.exclude(source="page").order_by("at", "pk")]
    assert facts[:2] == [("call-started", ""), ("connected", CARLA.oid)]
    assert facts[2:] == [("lobby", ""), ("disconnected", "")]


def test_a_lifecycle_notification_of_graph_ends_live_presence(
    sandbox: Sandbox,  # noqa: F811
    live_server: LiveServer,
    subscription: Subscription,
) -> None:
    app = application(sandbox)
    subscribe(app, sandbox, new_meeting(sandbox, app, "visit-1"), subscription, live_server.url)
    subscription.refresh_from_db()
    url = sandbox.url("graph", f"/sandbox/subscriptions/{subscription.graph_id}/lifecycle")
    requests.post(url, json={"lifecycleEvent": "subscriptionRemoved"}, timeout=10).raise_for_status()
    understand(1)
    subscription.visit.refresh_from_db()
    assert not subscription.visit.presence_live
