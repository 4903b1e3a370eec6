"""The Teams stand-in as a Flask app."""

import requests
from flask import Flask, render_template

from sandbox import switches
from sandbox.standin import new_app
from sandbox.teams import console, pages, signin

SWITCHES = {
    "no-identity": "Outsiders carry no identity at all",
    "no-names": "Outsiders carry no typed name",
    "guest-identity": "Outsiders on the plain link are named as guest, not as user",
    "id-changes": "The participant id changes from lobby to call (or: silent, and the old id is never removed)",
}


def create_app() -> Flask:
    """The whole stand-in."""
    app, store = new_app("teams")
    app.extensions["store"] = store
    signin.install(app)
    for room in (pages, console):
        app.register_blueprint(room.routes)
    switches.install(app, SWITCHES)
    app.register_error_handler(404, no_such_meeting)
    app.register_error_handler(requests.RequestException, out_of_order)
    return app


def no_such_meeting(_: Exception) -> tuple[str, int]:
    return render_template(
        "notice.html", title="We cannot find this meeting", text="Check the link you were given."
    ), 404


def out_of_order(_: Exception) -> tuple[str, int]:
    return render_template(
        "notice.html", title="Something went wrong", text="The meeting service does not answer."
    ), 502
