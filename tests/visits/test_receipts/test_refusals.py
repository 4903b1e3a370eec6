"""What cannot be trusted is refused with a reason; what cannot be judged yet is due again, for one worker at a time."""

import threading
import uuid
from datetime import timedelta

import pytest
import redis
from django.db import close_old_connections
from django.db.models.functions import Now
from django.utils import timezone
from pytest_django import Settings

from connector import keys
from connector.models import Key
from tests.publisher import KEYS_PATH, Publisher, new_key
from tests.servers import Reply, Server
from tests.visits.test_receipts.notified import (
    State,
    due,
    ends,
    entry,
    kept,
    roster,
    seconds_until_due,
    tid_of,
    understood,
)
from tests.visits.test_writeback.ehr import in_thread, wait_until
from visits import receipts
from visits.models import Fact, Receipt, Subscription, Visit

pytestmark = pytest.mark.django_db


def test_a_notification_of_another_tenant_is_refused(subscription: Subscription, publisher: Publisher) -> None:
    other = str(uuid.uuid4())
    receipt = kept(subscription, publisher, roster(entry()), tenantId=other, tokens=[publisher.token(other)])
    assert ends(receipt) == (State.REFUSED, "notification-tenant")
    assert not Fact.objects.exists()


def test_a_notification_without_graphs_token_is_refused(subscription: Subscription, publisher: Publisher) -> None:
    tid = tid_of(subscription)
    for tokens, reason in (
        ([publisher.token(str(uuid.uuid4()))], "validation-token-tenant"),
        ([publisher.token(tid), publisher.token(tid, aud="x")], "validation-token-audience"),
        ([publisher.token(tid, key=new_key())], "validation-token-signature"),
        (["not a token"], "validation-token-claims"),
    ):
        assert ends(kept(subscription, publisher, roster(entry()), tokens=tokens)) == (State.REFUSED, reason)
    assert not Fact.objects.exists()


def test_content_that_was_tampered_with_is_refused_and_kept(subscription: Subscription, publisher: Publisher) -> None:
    receipt = kept(subscription, publisher, roster(entry()))
    receipt.item["encryptedContent"]["dataSignature"] = "AAAA"
    receipt.save()
    receipt = understood(receipt)
    assert (receipt.state, receipt.reason) == (State.REFUSED, "notification-signature")
    assert receipt.item["encryptedContent"]["data"]
    assert receipt.validation_tokens == []


def test_content_for_a_key_that_is_none_of_ours_is_refused(subscription: Subscription, publisher: Publisher) -> None:
    receipt = kept(subscription, publisher, roster(entry()))
    receipt.item["encryptedContent"]["encryptionCertificateId"] = keys.signing_key("testing").kid
    receipt.save()
    assert ends(receipt) == (State.REFUSED, "notification-key")


def test_a_retired_key_still_opens_what_was_sent_for_it(subscription: Subscription, publisher: Publisher) -> None:
    receipt = kept(subscription, publisher, roster(entry()))
    Key.objects.filter(kid=subscription.key_kid).update(retired=timezone.now())
    assert keys.notification_key().kid != subscription.key_kid
    assert ends(receipt) == (State.UNDERSTOOD, "")


def test_a_key_server_outage_puts_the_receipt_off_further_each_time(
    subscription: Subscription, publisher: Publisher, entra: Server
) -> None:
    entra.answer(KEYS_PATH, Reply(status=503))
    receipt = kept(subscription, publisher, roster(entry()))
    for attempt, wait in ((0, 2), (1, 4), (2, 8), (20, 30)):
        receipt = understood(due(receipt, attempts=attempt))
        assert (receipt.state, receipt.reason) == (State.NEW, "keys-unavailable")
        assert wait - 2 < seconds_until_due(receipt) <= wait
    publisher.publish()
    assert ends(due(receipt)) == (State.UNDERSTOOD, "")


def test_after_the_last_try_the_receipt_is_refused_with_its_reason(
    subscription: Subscription, publisher: Publisher, entra: Server
) -> None:
    entra.answer(KEYS_PATH, Reply(status=503))
    receipt = kept(subscription, publisher, roster(entry()))
    assert ends(due(receipt, attempts=receipts.MOST_TRIES - 1)) == (State.REFUSED, "keys-unavailable")
    crashing = kept(subscription, publisher, roster(entry()))
    assert ends(due(crashing, attempts=receipts.MOST_TRIES)) == (State.REFUSED, "gave-up")


def test_an_unpublished_key_is_waited_for_a_minute(subscription: Subscription, publisher: Publisher) -> None:
    tokens = [publisher.token(tid_of(subscription), kid="tomorrow", key=new_key())]
    receipt = kept(subscription, publisher, roster(entry()), tokens=tokens)
    assert ends(receipt) == (State.NEW, "validation-token-key")
    assert ends(due(receipt, attempts=receipts.TRIES_FOR_A_KEY - 1)) == (State.REFUSED, "validation-token-key")


def test_tokens_that_expired_while_the_receipt_waited_still_count(
    subscription: Subscription, publisher: Publisher
) -> None:
    receipt = kept(subscription, publisher, roster(entry()), tokens=[publisher.token(tid_of(subscription), exp=1)])
    yesterday = timezone.now() - timedelta(days=1)
    expired = int(yesterday.timestamp()) + 60
    tokens = [publisher.token(tid_of(subscription), exp=expired)]
    Receipt.objects.filter(pk=receipt.pk).update(received_at=yesterday, validation_tokens=tokens)
    assert ends(receipt) == (State.UNDERSTOOD, "")


def test_a_claimed_receipt_is_left_alone_until_its_claim_ends(subscription: Subscription, publisher: Publisher) -> None:
    receipt = kept(subscription, publisher, roster(entry()))
    Receipt.objects.update(next_at=Now() + receipts.CLAIM)
    assert understood(receipt).state == State.NEW
    assert ends(due(receipt)) == (State.UNDERSTOOD, "")


def test_what_has_ended_is_not_begun_again(subscription: Subscription, publisher: Publisher) -> None:
    receipt = understood(kept(subscription, publisher, roster(entry())))
    assert understood(due(receipt)).attempts == 1
    receipts.understand(receipt.pk + 1)


@pytest.mark.django_db(transaction=True)
def test_of_two_workers_one_understands(subscription: Subscription, publisher: Publisher, entra: Server) -> None:
    entra.answer(KEYS_PATH, Reply(status=503, delay=0.5))
    receipt = kept(subscription, publisher, roster(entry()))

    def work() -> None:
        receipts.understand(receipt.pk)
        close_old_connections()

    workers = [threading.Thread(target=work) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(20)
    receipt.refresh_from_db()
    assert (receipt.attempts, len(entra.asked(KEYS_PATH))) == (1, 1)


@pytest.mark.django_db(transaction=True)
def test_a_visit_that_is_forgotten_meanwhile_takes_its_receipt_along_and_nothing_is_wrong(
    subscription: Subscription, publisher: Publisher, entra: Server
) -> None:
    receipt, errors = kept(subscription, publisher, roster(entry())), []

    def work() -> None:
        try:
            receipts.understand(receipt.pk)
        except Exception as error:
            errors.append(error)

    publisher.publish(delay=0.5)
    worker = in_thread(work)
    wait_until(lambda: entra.asked(KEYS_PATH))
    Visit.objects.all().delete()
    worker.join(20)
    assert errors == []
    assert (Receipt.objects.count(), Fact.objects.count()) == (0, 0)
    receipts.understand(receipt.pk)


def test_the_sweep_wakes_what_is_due_and_nothing_else(
    subscription: Subscription, publisher: Publisher, settings: Settings
) -> None:
    waiting, ended, ready = (kept(subscription, publisher, roster(entry())) for _ in range(3))
    Receipt.objects.filter(pk=waiting.pk).update(next_at=Now() + timedelta(minutes=1))
    understood(ended)
    with redis.Redis.from_url(settings.CELERY_BROKER_URL) as queue:
        queue.delete("celery")
        assert receipts.sweep() == 1
        (message,) = queue.lrange("celery", 0, -1)
        queue.delete("celery")
    assert f'"argsrepr": "[{ready.pk}]"' in message.decode()
