"""Switches of a stand-in's console: what it refuses or does differently, until it is switched back or reset."""

import json
from typing import Any

from flask import Blueprint, Flask, Response, jsonify, request

from sandbox.standin import CONSOLE, form
from sandbox.store import Document, Store


def install(app: Flask, names: dict[str, str]) -> None:
    """Add GET and POST /sandbox/switches: JSON {name: value}, or the console's form of one name."""
    app.extensions["switches"] = names
    store: Store = app.extensions["store"]
    routes = Blueprint("switches", __name__, template_folder="templates", url_prefix=f"{CONSOLE}/switches")

    @routes.get("")
    def read_switches() -> Document:
        return {name: value(store, name) for name in names}

    @routes.post("")
    def set_switches() -> Response:
        wanted = {form("name"): typed(form("value"))} if request.form else request.get_json()
        unknown = set(wanted) - set(names)
        if unknown:
            return Response(f"No such switch: {', '.join(sorted(unknown))}", 400, mimetype="text/plain")
        for name, setting in wanted.items():
            store.table("switches")[name] = {"value": setting}
        return Response(status=303, headers={"Location": f"{CONSOLE}/"}) if request.form else jsonify(read_switches())

    app.register_blueprint(routes)


def settings(app: Flask) -> dict[str, tuple[str, Any]]:
    """Every switch of the app with what it does and its setting, for the console."""
    store: Store = app.extensions["store"]
    return {name: (text, value(store, name)) for name, text in app.extensions["switches"].items()}


def typed(text: str) -> Any:
    """What a person typed: true, false, a JSON list, a list of ids with commas, or a word."""
    try:
        return json.loads(text.strip() or "false")
    except ValueError:
        words = text.replace(",", " ").split()
        return words if len(words) > 1 or "-" in words[0] else words[0]


def value(store: Store, name: str) -> Any:
    """A switch's setting: False until it is set."""
    return store.table("switches").get(name, {"value": False})["value"]


def applies(store: Store, name: str, user: str) -> bool:
    """Whether a refusal is on for this user: for everybody when the value is true, else when the list holds the id."""
    setting = value(store, name)
    return user in setting if isinstance(setting, list) else bool(setting)
