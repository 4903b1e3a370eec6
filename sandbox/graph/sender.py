"""The sender: one thread which posts due notifications, and tries again later where the receiver did not take them."""

import logging
import threading
import time
from datetime import timedelta

import requests

from sandbox.graph import outbox
from sandbox.graph.encryption import encrypted_content
from sandbox.standin import url_of
from sandbox.state import moment, now, stamp
from sandbox.store import Document, Store
from sandbox.switches import value

PAUSE = 0.1
DEADLINE = 10
LONGEST_WAIT = 300
GIVE_UP_AFTER = timedelta(hours=4)
MOST_IN_A_BATCH = 20

log = logging.getLogger(__name__)

Waiting = tuple[str, Document]


def start(store: Store) -> None:
    """Send from this process until it ends."""
    threading.Thread(target=run, args=(store,), name="graph-sender", daemon=True).start()


def run(store: Store) -> None:
    while True:
        try:
            batch = next_batch(store)
            if batch:
                send(store, batch)
            else:
                time.sleep(PAUSE)
        except Exception:
            log.exception("the sender failed and goes on")
            time.sleep(1)


def next_batch(store: Store) -> list[Waiting]:
    """The notification due first; with the batch switch, also all others that wait for the same URL."""
    with store.lock:
        waiting = sorted(store.table("outbox").items(), key=lambda entry: float(entry[1]["due"]))
    if not waiting or waiting[0][1]["due"] > time.time():
        return []
    if not value(store, "batch"):
        return waiting[:1]
    return [entry for entry in waiting if entry[1]["url"] == waiting[0][1]["url"]][:MOST_IN_A_BATCH]


def send(store: Store, batch: list[Waiting]) -> None:
    """One POST for the whole batch; each item then is sent, waits for another try, or is given up."""
    try:
        answer = requests.post(batch[0][1]["url"], json=collection(batch), timeout=DEADLINE, allow_redirects=False)
        outcome, delivered = str(answer.status_code), answer.ok
    except requests.RequestException as error:
        outcome, delivered = type(error).__name__, False
    for item_id, item in batch:
        settle(store, item_id, item | {"attempts": item["attempts"] + 1, "outcome": outcome}, delivered)


def settle(store: Store, item_id: str, item: Document, delivered: bool) -> None:
    with store.lock:
        if item_id not in store.table("outbox"):
            return  # the stand-in was reset meanwhile
        if delivered:
            outbox.archive(store, item_id, item | {"status": "sent", "sent": stamp(now())})
        elif now() > moment(item["queued"]) + GIVE_UP_AFTER:
            outbox.archive(store, item_id, item | {"status": "given up"})
        else:
            store.table("outbox")[item_id] = item | {"due": time.time() + wait_before(item["attempts"])}


def wait_before(attempts: int) -> float:
    return float(min(2 ** (attempts - 1), LONGEST_WAIT))


def collection(batch: list[Waiting]) -> Document:
    """The body of a POST. Rich items bring a validation token for each application and tenant among them."""
    rich = [item["subscription"] for _, item in batch if item["kind"] == "rich"]
    audiences = sorted({(one["tid"], one["applicationId"]) for one in rich})
    tokens = {"validationTokens": [validation_token(*audience) for audience in audiences]} if rich else {}
    return {"value": [rendered(item) for _, item in batch], **tokens}


def validation_token(tid: str, appid: str) -> str:
    answer = requests.post(
        f"{url_of('entra')}/sandbox/validation-token", json={"tid": tid, "aud": appid}, timeout=DEADLINE
    )
    answer.raise_for_status()
    return str(answer.json()["token"])


def rendered(item: Document) -> Document:
    subscription = item["subscription"]
    about = {
        "subscriptionId": subscription["id"],
        "subscriptionExpirationDateTime": subscription["expirationDateTime"],
        "clientState": subscription.get("clientState"),
        "tenantId": subscription["tid"],
    }
    if item["kind"] == "lifecycle":
        return about | {"organizationId": subscription["tid"], **item["payload"]}
    event_id = item["payload"].get("id") or item["payload"]["Id"]
    return about | {
        "changeType": "updated",
        "organizationId": subscription["tid"],
        "resource": subscription["resource"],
        "resourceData": {
            "@odata.type": "#microsoft.graph.callevent",
            "@odata.id": f"{subscription['resource']}/{event_id}",
            "id": event_id,
        },
        "encryptedContent": encrypted_content(
            item["payload"], subscription["encryptionCertificate"], subscription["encryptionCertificateId"]
        ),
    }
