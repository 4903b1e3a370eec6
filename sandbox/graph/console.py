"""The console: meetings, subscriptions, recent notifications and switches, for people and as JSON."""

from flask import Blueprint, Response, current_app, jsonify, redirect, render_template, request
from werkzeug.wrappers import Response as AnyResponse

from sandbox.graph import outbox
from sandbox.graph.directory import account_of
from sandbox.graph.problems import Problem, body
from sandbox.graph.subscriptions import alive
from sandbox.standin import CONSOLE
from sandbox.state import store, table
from sandbox.store import Document
from sandbox.switches import settings

routes = Blueprint("console", __name__, url_prefix=CONSOLE)

LIFECYCLE = ("reauthorizationRequired", "missed", "subscriptionRemoved")


@routes.get("/")
def page() -> str:
    return render_template(
        "console.html",
        meetings=[{**one, "person": account_of(one["tid"], one["organizer"]).name} for one in newest("meetings")],
        subscriptions=[{**one, "alive": alive(one)} for one in newest("subscriptions")],
        notifications=newest("outbox") + newest("sent")[:30],
        switches=settings(current_app),
        lifecycle=LIFECYCLE,
    )


def newest(kind: str) -> list[Document]:
    return list(table(kind).values())[::-1]


@routes.get("/meetings")
def meetings() -> Response:
    return jsonify(list(table("meetings").values()))


@routes.get("/subscriptions")
def subscriptions() -> Response:
    return jsonify(list(table("subscriptions").values()))


@routes.get("/notifications")
def notifications() -> Document:
    """What waits and what went, each with its content before encryption."""
    return {"waiting": list(table("outbox").values()), "sent": list(table("sent").values())}


@routes.post("/notifications/hurry")
def hurry() -> Response:
    """Send at once what waits for a later time."""
    outbox.hurry(store())
    return Response(status=204)


@routes.post("/subscriptions/<subscription_id>/lifecycle")
def lifecycle(subscription_id: str) -> AnyResponse:
    """Send a lifecycle notification; after subscriptionRemoved the subscription is gone."""
    wanted = request.form["lifecycleEvent"] if request.form else body("event/lifecycle")["lifecycleEvent"]
    with store().lock:
        subscription = table("subscriptions").get(subscription_id)
        if not subscription or wanted not in LIFECYCLE or "lifecycleNotificationUrl" not in subscription:
            raise Problem(404, "ResourceNotFound", "There is no such subscription with a lifecycle URL.")
        outbox.add_lifecycle(store(), subscription, wanted)
        if wanted == "subscriptionRemoved":
            del table("subscriptions")[subscription_id]
    return redirect(f"{CONSOLE}/", 303) if request.form else Response(status=202)


@routes.post("/start-again")
def start_again() -> AnyResponse:
    """Forget everything, and show the console."""
    store().forget()
    return redirect(f"{CONSOLE}/", 303)
