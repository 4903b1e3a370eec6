"""What the meeting service tells this stand-in: it asks about a meeting, and reports what happened in its call."""

import uuid

from flask import Blueprint, redirect
from werkzeug.wrappers import Response as AnyResponse

from sandbox.graph import outbox
from sandbox.graph.meetings import remove
from sandbox.graph.problems import Problem, body
from sandbox.graph.subscriptions import subscriptions_to
from sandbox.standin import CONSOLE
from sandbox.state import moment, store, table
from sandbox.store import Document
from sandbox.switches import value

routes = Blueprint("events", __name__, url_prefix=f"{CONSOLE}/meetings/<reference>")


def meeting_by(reference: str) -> Document:
    """The meeting whose key, or short link's digits, this is. Raises Problem 404."""
    for meeting in table("meetings").values():
        if reference in (meeting["key"], meeting["digits"]):
            return meeting
    raise Problem(404, "NotFound", "The meeting was not found.")


@routes.get("")
def about(reference: str) -> Document:
    meeting = meeting_by(reference)
    shown = ("key", "tid", "organizer", "subject", "externalId", "attendees", "digits", "passcode", "joinWebUrl")
    return {**{name: meeting[name] for name in shown}, "options": meeting["options"]}


@routes.post("/delete")
def delete_by_hand(reference: str) -> AnyResponse:
    """What an organizer can do in the Teams calendar."""
    with store().lock:
        remove(meeting_by(reference))
    return redirect(f"{CONSOLE}/", 303)


@routes.post("/events")
def report(reference: str) -> tuple[Document, int]:
    """Keep one event of the meeting's call, and queue it for every subscription that hears it."""
    event = body("event/event")
    with store().lock:
        meeting = meeting_by(reference)
        event_id = str(uuid.uuid4())
        table("events")[event_id] = {"meeting": meeting["id"], "event": event}
        for subscription in hearing(meeting, event):
            outbox.add_event(store(), subscription, notified(event_id, subscription, event))
        note_call(meeting, event)
    return {"id": event_id}, 202


def hearing(meeting: Document, event: Document) -> list[Document]:
    """The subscriptions told of an event, by the switches."""
    if event["eventType"] == "callEnded" and value(store(), "call-end-untold"):
        return []
    listening = subscriptions_to(meeting["id"])
    started = meeting.get("callStarted")
    if not started or not value(store(), "late-subscription-deaf"):
        return listening
    return [one for one in listening if moment(one["createdDateTime"]) <= moment(started)]


def notified(event_id: str, subscription: Document, event: Document) -> Document:
    """The content of the notification, as it is before encryption."""
    return {
        "@odata.type": "#microsoft.graph.callEvent",
        "@odata.id": f"{subscription['resource']}/{event_id}",
        "id": event_id,
        **event,
    }


def note_call(meeting: Document, event: Document) -> None:
    """Remember since when a call runs: a subscription made later may be deaf to it."""
    if event["eventType"] != "rosterUpdated":
        meeting["callStarted"] = event["eventDateTime"] if event["eventType"] == "callStarted" else None
        table("meetings")[meeting["id"]] = meeting
