"""The addresses where Graph delivers notifications: the handshake, what is kept, what is answered."""

import io
import json
import socket
import time
from collections.abc import Iterator
from typing import Any

import pytest
import redis
from django.contrib.sessions.models import Session
from django.test import Client
from django.urls import reverse
from pytest_django import DjangoAssertNumQueries, Settings

from connector.celery import app
from tests.visits import factories
from visits import receipts
from visits.models import Receipt, Subscription

pytestmark = pytest.mark.django_db

TOKENS = ["first.token.x", "second.token.y"]
MEBIBYTE = 1024 * 1024


@pytest.fixture
def graph() -> Client:
    """A caller without cookies; what would need a CSRF token is refused."""
    return Client(enforce_csrf_checks=True)


@pytest.fixture
def broker(settings: Settings) -> Iterator[redis.Redis]:
    """The queue that workers listen to, empty; nobody listens."""
    with redis.Redis.from_url(settings.CELERY_BROKER_URL) as queue:
        queue.delete("celery")
        yield queue
        queue.delete("celery")


@pytest.fixture
def subscription() -> Subscription:
    return factories.subscription(factories.visit())


def item(subscription: Subscription, **changes: Any) -> dict[str, Any]:
    """One notification as Graph sends it; its content need not be readable here."""
    about = {
        "subscriptionId": subscription.graph_id,
        "clientState": receipts.client_state(subscription),
        "tenantId": str(subscription.visit.connection.organization.tid),
        "changeType": "updated",
        "resource": "communications/onlineMeetings(joinWebUrl='https%3A%2F%2Fteams.example')/meetingCallEvents",
        "encryptedContent": {
            "data": "ZGF0YQ==",
            "dataSignature": "c2lnbmF0dXJl",
            "dataKey": "a2V5",
            "encryptionCertificateId": subscription.key_kid,
            "encryptionCertificateThumbprint": "00FF",
        },
    }
    return about | changes


def deliver(graph: Client, *items: object, name: str = "notifications", **more: Any) -> Any:
    body = {"value": list(items), "validationTokens": TOKENS} | more
    return graph.post(reverse(name), json.dumps(body), content_type="application/json")


@pytest.mark.parametrize("name", ["notifications", "lifecycle"])
def test_the_handshake_is_answered_with_the_token_as_plain_text(graph: Client, name: str) -> None:
    answer = graph.post(f"{reverse(name)}?validationToken=Validation%3A+a%3Cb%3E%20c%2Bd", content_type="text/plain")
    assert (answer.status_code, answer.content.decode()) == (200, "Validation: a<b> c+d")
    assert answer.headers["Content-Type"].startswith("text/plain")
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_a_token_of_unlikely_length_is_not_echoed(graph: Client) -> None:
    answer = graph.post(f"{reverse('notifications')}?validationToken={'x' * 4097}")
    assert (answer.status_code, answer.content) == (400, b"")


@pytest.mark.parametrize("name", ["notifications", "lifecycle"])
def test_the_addresses_have_no_page(graph: Client, name: str) -> None:
    assert graph.get(reverse(name)).status_code == 405


def test_a_notification_of_ours_is_kept_as_it_came(graph: Client, subscription: Subscription) -> None:
    answer = deliver(graph, item(subscription))
    assert (answer.status_code, answer.content) == (202, b"")
    receipt = Receipt.objects.get()
    assert receipt.subscription == subscription
    assert (receipt.state, receipt.attempts, receipt.validation_tokens) == (Receipt.State.NEW, 0, TOKENS)
    assert receipt.item["encryptedContent"]["dataSignature"] == "c2lnbmF0dXJl"


def test_neither_join_link_nor_client_state_is_kept(graph: Client, subscription: Subscription) -> None:
    deliver(graph, item(subscription))
    kept = json.dumps(Receipt.objects.get().item)
    assert "teams.example" not in kept
    assert receipts.client_state(subscription) not in kept


def test_no_cookie_is_set_and_no_session_made(graph: Client, subscription: Subscription) -> None:
    answer = deliver(graph, item(subscription))
    assert not answer.cookies
    assert not Session.objects.exists()


def test_a_lifecycle_notification_is_kept_without_tokens(graph: Client, subscription: Subscription) -> None:
    told = item(subscription, lifecycleEvent="missed")
    assert deliver(graph, told, name="lifecycle", validationTokens=None).status_code == 202
    receipt = Receipt.objects.get()
    assert (receipt.item["lifecycleEvent"], receipt.validation_tokens) == ("missed", [])


def test_a_batch_keeps_each_item_under_its_own_subscription(graph: Client, subscription: Subscription) -> None:
    other = factories.subscription(factories.visit())
    deliver(graph, item(other), item(subscription), item(other))
    kept = [receipt.subscription_id for receipt in Receipt.objects.order_by("pk")]
    assert kept == [other.pk, subscription.pk, other.pk]


def test_members_are_read_whatever_their_case(graph: Client, subscription: Subscription) -> None:
    told = {name[:1].upper() + name[1:]: value for name, value in item(subscription).items()}
    body = {"Value": [told], "ValidationTokens": TOKENS}
    graph.post(reverse("notifications"), json.dumps(body), content_type="application/json")
    assert Receipt.objects.get().validation_tokens == TOKENS


@pytest.mark.parametrize("state", ["forged", "of-nobody", None, 7, "00000000-0000-4000-8000-000000000000.abc"])
def test_a_forged_client_state_is_accepted_and_forgotten(
    graph: Client, subscription: Subscription, state: object, caplog: pytest.LogCaptureFixture
) -> None:
    mac = receipts.client_state(subscription).partition(".")[2]
    forged = f"{factories.subscription(factories.visit()).pk}.{mac}" if state == "forged" else state
    assert deliver(graph, item(subscription, clientState=forged)).status_code == 202
    assert not Receipt.objects.exists()
    assert "notification not ours" in caplog.text


def test_what_is_ours_in_a_batch_is_kept_beside_what_is_not(graph: Client, subscription: Subscription) -> None:
    deliver(graph, item(subscription, clientState="forged"), "x", None, item(subscription))
    assert Receipt.objects.count() == 1


def test_a_client_state_of_a_forgotten_subscription_is_accepted_and_forgotten(
    graph: Client, subscription: Subscription
) -> None:
    told = item(subscription)
    subscription.delete()
    assert deliver(graph, told).status_code == 202
    assert not Receipt.objects.exists()


def test_a_client_state_outlives_the_rotation_of_the_secret_key(
    graph: Client, subscription: Subscription, settings: Settings
) -> None:
    told = item(subscription)
    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
    settings.SECRET_KEY = "a-new-secret-key-of-the-deployment"
    deliver(graph, told)
    assert Receipt.objects.count() == 1
    settings.SECRET_KEY_FALLBACKS = []
    deliver(graph, told)
    assert Receipt.objects.count() == 1


@pytest.mark.parametrize(
    "body", ["", "half a {", "[]", "null", '{"value": {}}', '{"value": [[]]}', "[" * 200_000, "\x00"]
)
def test_a_body_that_is_no_batch_is_accepted_and_forgotten(graph: Client, body: str) -> None:
    assert graph.post(reverse("notifications"), body, content_type="application/json").status_code == 202
    assert not Receipt.objects.exists()


def test_characters_that_the_database_refuses_are_left_out(graph: Client, subscription: Subscription) -> None:
    content = {"data": "\x00\ud800YQ==", "dataKey": 7}
    deliver(graph, item(subscription, encryptedContent=content), validationTokens=["a\x00b", None])
    receipt = Receipt.objects.get()
    assert receipt.item["encryptedContent"]["data"] == "YQ=="
    assert receipt.validation_tokens == ["ab", ""]


def test_a_body_over_a_mebibyte_is_refused(graph: Client, subscription: Subscription) -> None:
    told = json.dumps({"value": [item(subscription)]})
    allowed = graph.post(reverse("notifications"), told.ljust(MEBIBYTE), content_type="application/json")
    assert (allowed.status_code, Receipt.objects.count()) == (202, 1)
    refused = graph.post(reverse("notifications"), told.ljust(MEBIBYTE + 1), content_type="application/json")
    assert (refused.status_code, Receipt.objects.count()) == (413, 1)


def test_a_body_in_chunks_is_read_where_the_server_knows_its_end(graph: Client, subscription: Subscription) -> None:
    body = io.BytesIO(json.dumps({"value": [item(subscription)]}).encode())
    chunked: dict[str, Any] = {"wsgi.input": body, "wsgi.input_terminated": True, "HTTP_TRANSFER_ENCODING": "chunked"}
    assert graph.generic("POST", reverse("notifications"), **chunked).status_code == 202
    assert Receipt.objects.count() == 1


@pytest.mark.parametrize("count", [1, 30])
def test_the_queries_do_not_grow_with_the_batch(
    graph: Client, subscription: Subscription, django_assert_num_queries: DjangoAssertNumQueries, count: int
) -> None:
    other = factories.subscription(factories.visit())
    items = [item(subscription), *(item(other) for _ in range(count))]
    with django_assert_num_queries(2):
        deliver(graph, *items)
    assert Receipt.objects.count() == count + 1


def test_a_thousand_notifications_in_a_second_for_one_meeting_are_all_kept_and_a_worker_woken_for_each(
    graph: Client, subscription: Subscription, broker: redis.Redis, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    batch = [item(subscription) for _ in range(50)]
    with django_assert_num_queries(2 * 20):
        for _ in range(20):
            deliver(graph, *batch)
    assert Receipt.objects.filter(subscription=subscription, state=Receipt.State.NEW).count() == 1000
    assert broker.llen("celery") == 1000


def test_a_batch_that_mixes_meetings_and_tenants_is_kept_for_each_and_nothing_of_it_for_others(
    graph: Client, subscription: Subscription
) -> None:
    other, forgotten = factories.subscription(factories.visit()), factories.subscription(factories.visit())
    mixed = [item(one) for one in (subscription, other, subscription, forgotten)]
    forgotten.visit.delete()
    deliver(graph, *mixed)
    kept = Receipt.objects.order_by("pk").values_list("subscription", "item__tenantId")
    tids = {one.pk: str(one.visit.connection.organization.tid) for one in (subscription, other)}
    assert list(kept) == [(pk, tids[pk]) for pk in (subscription.pk, other.pk, subscription.pk)]


def test_a_worker_is_woken_for_each_receipt(graph: Client, subscription: Subscription, broker: redis.Redis) -> None:
    deliver(graph, item(subscription), item(subscription))
    messages: Any = [json.loads(message) for message in reversed(broker.lrange("celery", 0, -1))]
    assert {message["headers"]["task"] for message in messages} == {"visits.tasks.understand"}
    woken = [message["headers"]["argsrepr"] for message in messages]
    assert woken == [f"[{pk}]" for pk in Receipt.objects.order_by("pk").values_list("pk", flat=True)]


@pytest.fixture
def dead_broker(monkeypatch: pytest.MonkeyPatch) -> None:
    """Celery's application, pointed at a port where nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    monkeypatch.setitem(app.conf, "broker_write_url", f"redis://127.0.0.1:{port}/0")
    monkeypatch.setattr(app.amqp, "_producer_pool", None)


@pytest.mark.usefixtures("dead_broker")
def test_without_a_broker_the_receipt_is_kept_and_answered_in_time(
    graph: Client, subscription: Subscription, caplog: pytest.LogCaptureFixture
) -> None:
    before = time.monotonic()
    answer = deliver(graph, *[item(subscription)] * 5)
    assert (answer.status_code, Receipt.objects.count()) == (202, 5)
    assert "broker unavailable" in caplog.text
    assert time.monotonic() - before < 3
