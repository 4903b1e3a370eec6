"""Subscriptions to the call events of one meeting: made after a handshake, renewed, reauthorized, removed."""

import re
import uuid
from datetime import datetime, timedelta
from urllib.parse import unquote

from flask import Blueprint

from sandbox.graph.encryption import certificate_of
from sandbox.graph.handshake import shake_hands
from sandbox.graph.problems import Problem, body
from sandbox.graph.tokens import Caller, caller
from sandbox.standin import url_of
from sandbox.state import moment, now, stamp, store, table
from sandbox.store import Document
from sandbox.switches import applies

routes = Blueprint("subscriptions", __name__, url_prefix="/<any('v1.0', beta):version>/subscriptions")

RESOURCE = re.compile(r"/?communications/onlineMeetings\(joinWebUrl='([^'/:?]+)'\)/meetingCallEvents")
PERMISSIONS = ("OnlineMeetings.Read.All", "OnlineMeetings.ReadWrite.All")
SHORTEST, LONGEST = timedelta(minutes=45), timedelta(minutes=4320)
WITHOUT_LIFECYCLE = timedelta(hours=1)
SHOWN = (
    "id",
    "resource",
    "applicationId",
    "changeType",
    "clientState",
    "notificationUrl",
    "lifecycleNotificationUrl",
    "expirationDateTime",
    "creatorId",
    "includeResourceData",
    "latestSupportedTlsVersion",
    "encryptionCertificateId",
)


@routes.post("")
def create(version: str) -> tuple[Document, int]:
    who = caller(*PERMISSIONS)
    wanted = body("subscription/create")
    meeting = subscribed_meeting(version, wanted["resource"], who)
    expires = expiry(wanted["expirationDateTime"])
    if expires > now() + WITHOUT_LIFECYCLE and "lifecycleNotificationUrl" not in wanted:
        raise Problem(
            400, "InvalidRequest", "lifecycleNotificationUrl is required when expiration is over 1 hour ahead."
        )
    check_certificate(wanted)
    refuse_second(who, meeting)
    for name in ("notificationUrl", "lifecycleNotificationUrl"):
        if name in wanted:
            shake_hands(wanted[name])
    with store().lock:
        refuse_second(who, meeting)
        return shown(keep(who, meeting, wanted, expires), version), 201


def subscribed_meeting(version: str, resource: str, who: Caller) -> Document:
    """The meeting a resource names by its join URL, encoded once more as a whole. Raises Problem."""
    found = RESOURCE.fullmatch(resource)
    if version != "beta" or not found:
        raise Problem(400, "InvalidRequest", f"Resource '{resource}' is not supported in {version}.")
    for meeting in table("meetings").values():
        if meeting["joinWebUrl"] == unquote(found[1]):
            break
    else:
        raise Problem(404, "ExtensionError", "No online meeting was found for this join URL.")
    if meeting["tid"] != who.tid:
        raise Problem(403, "ExtensionError", "The meeting tenant does not match the token tenant.")
    if applies(store(), "subscription-refused", meeting["organizer"]):
        raise Problem(403, "ExtensionError", "Operation: Create; Exception: the subscription was refused.")
    return meeting


def expiry(text: str) -> datetime:
    """When a subscription ends: at least 45 minutes from now, at most three days. Raises Problem 400."""
    try:
        wanted = moment(text)
    except ValueError as error:
        raise Problem(400, "InvalidRequest", f"Invalid expirationDateTime: {error}") from error
    if not now() < wanted <= now() + LONGEST:
        raise Problem(400, "InvalidRequest", "Subscription expiration can only be 4320 minutes in the future.")
    return max(wanted, now() + SHORTEST)


def check_certificate(wanted: Document) -> None:
    try:
        certificate_of(wanted["encryptionCertificate"])
    except ValueError as error:
        raise Problem(400, "InvalidRequest", f"Invalid encryptionCertificate: {error}") from error


def refuse_second(who: Caller, meeting: Document) -> None:
    if any(one["applicationId"] == who.appid for one in subscriptions_to(meeting["id"])):
        raise Problem(409, "Conflict", "A subscription of this application to this meeting already exists.")


def subscriptions_to(meeting_id: str) -> list[Document]:
    """The subscriptions to a meeting's call events which have not expired."""
    return [one for one in table("subscriptions").values() if one["meeting"] == meeting_id and alive(one)]


def alive(subscription: Document) -> bool:
    return moment(subscription["expirationDateTime"]) > now()


def keep(who: Caller, meeting: Document, wanted: Document, expires: datetime) -> Document:
    subscription = {
        **wanted,
        "id": str(uuid.uuid4()),
        "applicationId": who.appid,
        "creatorId": who.appid,
        "expirationDateTime": stamp(expires),
        "tid": who.tid,
        "meeting": meeting["id"],
        "createdDateTime": stamp(now()),
    }
    table("subscriptions")[subscription["id"]] = subscription
    return subscription


def shown(subscription: Document, version: str) -> Document:
    """A subscription by Graph's member names; the certificate itself is never given back."""
    context = f"{url_of('graph')}/{version}/$metadata#subscriptions/$entity"
    return {"@odata.context": context, **{name: subscription.get(name) for name in SHOWN}}


def own(subscription_id: str) -> Document:
    """The caller's live subscription. Raises Problem 404."""
    who = caller(*PERMISSIONS)
    found = table("subscriptions").get(subscription_id)
    if not found or not alive(found) or (found["applicationId"], found["tid"]) != (who.appid, who.tid):
        raise Problem(404, "ResourceNotFound", "The object was not found.")
    return found


@routes.get("")
def listing(version: str) -> Document:
    who = caller(*PERMISSIONS)
    kept = [one for one in table("subscriptions").values() if alive(one)]
    return {
        "value": [
            shown({**one, "clientState": None}, version)
            for one in kept
            if (one["applicationId"], one["tid"]) == (who.appid, who.tid)
        ]
    }


@routes.get("/<subscription_id>")
def read(version: str, subscription_id: str) -> Document:
    return shown({**own(subscription_id), "clientState": None}, version)


@routes.patch("/<subscription_id>")
def patch(version: str, subscription_id: str) -> Document:
    with store().lock:
        subscription = own(subscription_id)
        wanted = body("subscription/patch")
        if "encryptionCertificate" in wanted:
            check_certificate(wanted)
        if "expirationDateTime" in wanted:
            wanted["expirationDateTime"] = stamp(expiry(wanted["expirationDateTime"]))
        subscription |= wanted | {"renewedDateTime": stamp(now())}
        table("subscriptions")[subscription_id] = subscription
    return shown(subscription, version)


@routes.post("/<subscription_id>/reauthorize")
def reauthorize(version: str, subscription_id: str) -> tuple[str, int]:
    with store().lock:
        table("subscriptions")[subscription_id] = own(subscription_id) | {"reauthorizedDateTime": stamp(now())}
    return "", 204


@routes.delete("/<subscription_id>")
def delete(version: str, subscription_id: str) -> tuple[str, int]:
    with store().lock:
        del table("subscriptions")[own(subscription_id)["id"]]
    return "", 204
