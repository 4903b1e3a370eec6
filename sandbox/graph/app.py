"""The Graph stand-in as a Flask app, with its sender of notifications running beside it."""

from flask import Flask

from sandbox import switches
from sandbox.graph import attendance, batch, console, directory, events, meetings, problems, sender, subscriptions
from sandbox.standin import new_app


def create_app() -> Flask:
    """The whole stand-in. Notifications left unsent by the last process go out from here."""
    app, store = new_app("graph")
    app.extensions["store"] = store
    app.json.sort_keys = False  # type: ignore[attr-defined]
    problems.install(app)
    for room in (directory, batch, meetings, attendance, subscriptions, events, console):
        app.register_blueprint(room.routes)
    switches.install(app, SWITCHES)
    sender.start(store)
    return app


SWITCHES = {
    "access-policy-missing": "Application access policy is missing (for all, or for these users)",
    "virtual-appointment-refused": "Virtual appointment link is refused",
    "patch-refused": "PATCH of a meeting is refused",
    "subscription-refused": "New subscriptions are refused",
    "short-links": "New meetings get the short join link",
    "foreign-links": "Join links lead to a host that is not one of Teams",
    "pascal-case": "Notifications use PascalCase (or: alternate)",
    "batch": "Several notifications travel in one POST",
    "call-end-untold": "callEnded is not notified",
    "reports-withheld": "Attendance reports are not there yet (or: empty)",
    "account-gone": "These users have left the organization, and their meetings with them",
    "late-subscription-deaf": "A subscription made during a call hears nothing of that call",
}
