"""Notifications of Graph: kept when they come, understood afterwards by a worker. The row is the truth; Celery only
wakes somebody up."""

import logging
from collections.abc import Callable, Iterable
from contextlib import suppress
from datetime import timedelta
from functools import partial
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import F
from django.db.models.functions import Now
from django.utils import timezone
from django.utils.crypto import salted_hmac

from connector import keys, tally, waking
from connector.errors import AlreadyDone, NeedsConsent, Permanent, Retry
from connector.http import Deadline
from connector.models import Key, Organization
from connector.teams import meetings, notifications
from connector.teams.notifications import CallChange, RosterChange, member
from visits import facts, fold, presence
from visits.models import Fact, Receipt, Subscription, Visit

log = logging.getLogger(__name__)

TASK = "visits.tasks.understand"
DEADLINE_SECONDS = 10
CLAIM = timedelta(seconds=60)  # longer than the deadline; after a crash the receipt is due again
LONGEST_WAIT = 30.0  # so long after an outage what came in it may still wait
MOST_TRIES = 2883  # 2, 4, 8, 16 seconds, then every 30: a day
TRIES_FOR_A_KEY = 6  # a minute: longer than an unknown key keeps the key set from being fetched again
SWEPT_AT_ONCE = 200
FOLDED_TOGETHER = 50  # notifications of one meeting, at most, before it is folded

# A notification's own address holds the join URL, so it is not kept; nor is the client state.
KEPT = ("data", "dataSignature", "dataKey", "encryptionCertificateId")


def client_state(subscription: Subscription) -> str:
    """What Graph is given to send back with each notification of this subscription."""
    return notifications.client_state(str(subscription.pk), _secret(settings.SECRET_KEY))


def subscription_id(text: object) -> UUID | None:
    """Which subscription a client state was made for; None when it was not made here."""
    for key in (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS):
        if found := notifications.verify_client_state(text, _secret(key)):
            return UUID(found)
    return None


def _secret(key: str) -> bytes:
    return salted_hmac("visits.subscription", "client-state", secret=key, algorithm="sha256").digest()


def keep(found: Iterable[tuple[Subscription, object]], validation_tokens: Iterable[object]) -> list[Receipt]:
    """Insert a receipt for each (subscription, item of the batch), in one statement."""
    tokens = [_plain(token) for token in validation_tokens]
    return Receipt.objects.bulk_create(
        Receipt(subscription=subscription, item=_kept(item), validation_tokens=tokens) for subscription, item in found
    )


def _kept(item: object) -> dict[str, Any]:
    tenant = {"tenantId": _plain(member(item, "tenantId"))}
    if event := member(item, "lifecycleEvent"):
        return tenant | {"lifecycleEvent": _plain(event)}
    content = member(item, "encryptedContent")
    return tenant | {"encryptedContent": {name: _plain(member(content, name)) for name in KEPT}}


def _plain(value: object) -> str:
    """What is kept is base64, an id or a token: characters that those have not, PostgreSQL may refuse."""
    return value.encode("ascii", "ignore").decode().replace("\x00", "") if isinstance(value, str) else ""


def wake(receipt_ids: Iterable[int]) -> None:
    """Ask workers to understand receipts, until the broker takes no more: the sweeper finds the others."""
    all(waking.wake(TASK, receipt_id) for receipt_id in receipt_ids)


def sweep() -> int:
    """Wake a worker for each receipt that is due; returns how many."""
    due = Receipt.objects.filter(state=Receipt.State.NEW, next_at__lte=Now()).order_by("next_at")
    found = list(due.values_list("pk", flat=True)[:SWEPT_AT_ONCE])
    wake(found)
    return len(found)


def understand(receipt_id: int) -> None:
    """Check, decrypt and turn a receipt into facts, unless somebody else does or did. It ends understood, refused with
    a reason, or due again later; or it is gone, where its visit was forgotten meanwhile."""
    receipt = _claim(receipt_id)
    if receipt is None:
        return
    try:
        if receipt.attempts > MOST_TRIES:
            raise Permanent("gave-up")
        reason = _learn(receipt)
    except Permanent as error:
        finish = partial(_finish, receipt, Receipt.State.REFUSED, error.code)
    except (Retry, NeedsConsent) as error:
        finish = partial(_put_off, receipt, error)
    else:
        finish = partial(_finish, receipt, Receipt.State.UNDERSTOOD, reason)
    _fold(receipt.subscription)
    finish()


def _fold(subscription: Subscription) -> None:
    """Fold the visit, unless more of the same is about to be taken up: of a burst the last one folds for all, whatever
    becomes of it, and one now and then."""
    waiting = Receipt.objects.filter(subscription=subscription, state=Receipt.State.NEW, attempts=0)
    if waiting.filter(next_at__lte=Now()).count() % FOLDED_TOGETHER == 0:
        presence.refold(subscription.visit_id, subscription.generation)


def _claim(receipt_id: int) -> Receipt | None:
    # The database's clock, which also wrote next_at: a web server's may be ahead of this worker's.
    due = Receipt.objects.filter(pk=receipt_id, state=Receipt.State.NEW, next_at__lte=Now())
    if not due.update(next_at=Now() + CLAIM, attempts=F("attempts") + 1):
        return None
    return Receipt.objects.select_related("subscription__visit__connection__organization").filter(pk=receipt_id).first()


def _update(receipt: Receipt, **values: Any) -> None:
    """Write to the receipt while the claim is still ours."""
    Receipt.objects.filter(pk=receipt.pk, state=Receipt.State.NEW, attempts=receipt.attempts).update(**values)


def _finish(receipt: Receipt, state: Receipt.State, reason: str) -> None:
    """Nothing needs the tokens any more, nor the content once it is understood; refused content is kept."""
    forgotten: dict[str, Any] = {"item": {}} if state == Receipt.State.UNDERSTOOD else {}
    _update(receipt, state=state, reason=reason, validation_tokens=[], **forgotten)
    level = logging.WARNING if state == Receipt.State.REFUSED else logging.INFO
    visit = str(receipt.subscription.visit_id)
    told = {"receipt": receipt.pk, "status": state.value, "reason": reason, "visit": visit}
    log.log(level, "receipt finished", extra=told)
    tally.count("receipts", state=state.value, reason=reason)


def _put_off(receipt: Receipt, error: Retry | NeedsConsent) -> None:
    most = TRIES_FOR_A_KEY if error.code == "validation-token-key" else MOST_TRIES
    if receipt.attempts >= most:
        return _finish(receipt, Receipt.State.REFUSED, error.code)
    asked = error.after if isinstance(error, Retry) else None
    seconds = max(min(2.0 ** min(receipt.attempts, 10), LONGEST_WAIT), asked or 0)
    _update(receipt, next_at=Now() + timedelta(seconds=seconds), reason=error.code)
    return log.warning("receipt put off", extra={"receipt": receipt.pk, "reason": error.code, "seconds": seconds})


def _learn(receipt: Receipt) -> str:
    """Record what the receipt tells; returns a code where it tells no fact. Each step may be repeated, so a crash
    between them does no harm."""
    if "lifecycleEvent" in receipt.item:
        return _learn_lifecycle(receipt)
    visit = receipt.subscription.visit
    changes = notifications.events_of(_open(receipt, visit.connection.organization))
    # A late notification belongs to the meeting that its subscription watched.
    visit.generation = receipt.subscription.generation
    for change in changes:
        _record(visit, f"subscription:{receipt.subscription_id}", change)
    return "" if changes else "no-event"


def _learn_lifecycle(receipt: Receipt) -> str:
    event, subscription = receipt.item["lifecycleEvent"], receipt.subscription
    if act := LIFECYCLE_EVENTS.get(event):
        act(subscription)
    return f"lifecycle-{event if event in LIFECYCLE_EVENTS else 'unknown'}"


@transaction.atomic
def lose(subscription: Subscription) -> None:
    """Graph has the subscription no more: presence is not live, and the reports are read sooner. The visit comes first,
    as everywhere: no two wait for one another."""
    watched = Visit.objects.filter(pk=subscription.visit_id, generation=subscription.generation)
    watched.update(presence_live=False)
    _look_soon(subscription)
    Subscription.objects.filter(pk=subscription.pk).update(graph_id="", expires_at=Now())


def _look_soon(subscription: Subscription) -> None:
    """Something was not told: what an attendance report knows of it is read at once."""
    watched = Visit.objects.filter(pk=subscription.visit_id, generation=subscription.generation)
    watched.filter(look_at__isnull=False).update(look_at=Now())


def _reauthorize(subscription: Subscription) -> None:
    """Tell Graph that we may still have the subscription. That another answer to the same question was quicker is as
    good; consent that is missing may be given again within the day, and is waited for as silence is."""
    if subscription.graph_id:
        tid = str(subscription.visit.connection.organization.tid)
        with suppress(AlreadyDone):
            meetings.reauthorize(tid, subscription.graph_id, deadline=Deadline.after(DEADLINE_SECONDS))


LIFECYCLE_EVENTS: dict[str, Callable[[Subscription], None]] = {
    "reauthorizationRequired": _reauthorize,
    "subscriptionRemoved": lose,
    "missed": _look_soon,
}


def _open(receipt: Receipt, organization: Organization) -> dict[str, Any]:
    """The decrypted content, once it is known to come from Graph and from this organization's tenant."""
    tenant, content = receipt.item["tenantId"].lower(), receipt.item["encryptedContent"]
    if tenant != str(organization.tid):
        raise Permanent("notification-tenant")
    age = max(0, int((timezone.now() - receipt.received_at).total_seconds()))
    deadline = Deadline.after(DEADLINE_SECONDS)
    notifications.validate_tokens(receipt.validation_tokens, tenants=[tenant], deadline=deadline, age=age)
    try:
        private = keys.notification_private(content["encryptionCertificateId"])
    except Key.DoesNotExist as error:
        raise Permanent("notification-key") from error
    return notifications.decrypt(content, private)


def _record(visit: Visit, source: str, change: RosterChange | CallChange) -> None:
    key, oid, foreign = fold.CALL, "", False
    if isinstance(change, RosterChange):
        key = facts.entry_key(visit, change.roster_id)
        oid, foreign = facts.account_of(visit, change.identity)
    facts.record(
        visit,
        kind=Fact.Kind(change.kind),
        participant_key=key,
        at=change.at,
        source=source,
        event_id=change.event_id,
        oid=oid,
        foreign=foreign,
    )
