"""Notifications as Graph sends them, kept as receipts, and what becomes of those."""

import uuid
from typing import Any

from django.db.models.functions import Now
from django.utils import timezone

from connector import keys
from sandbox.graph.encryption import encrypted_content
from tests.publisher import Publisher
from visits import receipts
from visits.models import Receipt, Subscription

AT = "2026-08-01T10:00:00Z"
State = Receipt.State


def tid_of(subscription: Subscription) -> str:
    return str(subscription.visit.connection.organization.tid)


def roster(*entries: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """A decrypted roster notification."""
    document = {"id": str(uuid.uuid4()), "eventType": "rosterUpdated", "eventDateTime": AT}
    return document | {"participants@delta": list(entries)} | changes


def entry(oid: object = "", tid: object = None, member: str = "user", **more: Any) -> dict[str, Any]:
    """Somebody in the roster."""
    identity = {member: {"id": str(oid), "displayName": "Pia Example", "tenantId": tid and str(tid)}}
    return {"id": str(uuid.uuid4()), "isInLobby": False, "info": {"identity": identity}} | more


def kept(subscription: Subscription, publisher: Publisher, document: object, **changes: Any) -> Receipt:
    """A receipt of this notification; `changes` are other members of the item, or its `tokens`."""
    key = keys.notification_key()
    tokens = changes.pop("tokens", None) or [publisher.token(tid_of(subscription))]
    content = encrypted_content(document, key.public["certificate"], key.kid)  # type: ignore[arg-type]
    item = {"tenantId": tid_of(subscription), "encryptedContent": content} | changes
    return receipts.keep([(subscription, item)], tokens)[0]


def understood(receipt: Receipt) -> Receipt:
    receipts.understand(receipt.pk)
    receipt.refresh_from_db()
    return receipt


def ends(receipt: Receipt) -> tuple[str, str]:
    receipt = understood(receipt)
    return receipt.state, receipt.reason


def due(receipt: Receipt, **values: Any) -> Receipt:
    """The same receipt, due now."""
    Receipt.objects.filter(pk=receipt.pk).update(next_at=Now(), **values)
    return receipt


def seconds_until_due(receipt: Receipt) -> float:
    return (receipt.next_at - timezone.now()).total_seconds()
