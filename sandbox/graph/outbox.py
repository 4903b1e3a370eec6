"""Notifications which wait to be sent, kept in the store, and what faults and switches make of them on the way in."""

import time
import uuid

from sandbox import faults
from sandbox.graph.encryption import pascal_case
from sandbox.state import now, stamp
from sandbox.store import Document, Store
from sandbox.switches import value

BATCH_WINDOW = 1.0
LONGEST_HOLD = 5.0  # a held notification goes even when no later one ever comes
KEPT = 200


def add_event(store: Store, subscription: Document, event: Document) -> None:
    """Queue one call event for one subscription."""
    with store.lock:
        payload = pascal_case(event) if wants_pascal_case(store) else event
        queue(store, "rich", subscription["notificationUrl"], subscription, payload)


def add_lifecycle(store: Store, subscription: Document, name: str) -> None:
    """Queue a lifecycle notification."""
    with store.lock:
        queue(store, "lifecycle", subscription["lifecycleNotificationUrl"], subscription, {"lifecycleEvent": name})


def wants_pascal_case(store: Store) -> bool:
    """Whether the next notification is spelled in PascalCase; under `alternate`, every second one is."""
    setting = value(store, "pascal-case")
    if setting != "alternate":
        return bool(setting)
    capital = not store.table("spelling").get("last", {"capital": False})["capital"]
    store.table("spelling")["last"] = {"capital": capital}
    return capital


def queue(store: Store, kind: str, url: str, subscription: Document, payload: Document) -> None:
    item: Document = {
        "kind": kind,
        "url": url,
        "subscription": subscription,
        "payload": payload,
        "due": time.time() + (BATCH_WINDOW if value(store, "batch") else 0),
        "queued": stamp(now()),
        "attempts": 0,
        "status": "waiting",
        "held": False,
    }
    if faults.take(store, "notification-lost") is not None:
        archive(store, str(uuid.uuid4()), item | {"status": "lost by a fault"})
        return
    item["due"] += faults.take(store, "notification-late") or 0
    copies = 2 if faults.take(store, "notification-doubled") is not None else 1
    held = faults.take(store, "notification-reordered") is not None
    ids = [str(uuid.uuid4()) for _ in range(copies)]
    for item_id in ids:
        store.table("outbox")[item_id] = item | ({"due": item["due"] + LONGEST_HOLD, "held": True} if held else {})
    if not held:
        release(store, item["due"])


def release(store: Store, due: float) -> None:
    """Let what was held back go directly after the notification that has overtaken it."""
    outbox = store.table("outbox")
    for item_id, item in list(outbox.items()):
        if item["held"]:
            outbox[item_id] = item | {"held": False, "due": due + 0.001}


def hurry(store: Store) -> None:
    """Let everything that waits be due now, in the order in which it would have gone."""
    waiting = store.table("outbox")
    with store.lock:
        for item_id, item in waiting.items():
            waiting[item_id] = item | {"due": min(item["due"], time.time()), "held": False}


def archive(store: Store, item_id: str, item: Document) -> None:
    """Move a notification from the outbox to the recently sent ones, of which the newest are kept."""
    sent = store.table("sent")
    with store.lock:
        store.table("outbox").pop(item_id, None)
        sent[item_id] = item
        for old in list(sent)[:-KEPT]:
            del sent[old]
