"""Faults: what a network and a busy vendor do, switched on for the stand-in's own paths by a page or by a test.

A rule lives in the store's table "faults": {path, kind, value, times}. A request takes the first rule whose `path`, a
regular expression, is found in the request's path. Rules about notifications and ID tokens have no path, those about
mail look at its recipients: whoever makes, sends or takes them asks with `take` or `id_token`.
"""

import re
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass

from flask import Blueprint, Flask, Response, make_response, redirect, render_template, request, url_for
from joserfc.jwk import RSAKey
from werkzeug.wrappers import Response as AnyResponse

from sandbox import forge
from sandbox.store import Document, Store

OWN_PAGES = "/sandbox/"


def _status(value: float) -> Response:
    return Response("The sandbox was told to fail here.\n", int(value), mimetype="text/plain")


def _throttle(value: float) -> Response:
    body = '{"error": {"code": "TooManyRequests", "message": "Too many requests."}}'
    return Response(body, 429, {"Retry-After": f"{value:g}"}, mimetype="application/json")


def _delay(value: float) -> None:
    time.sleep(value)


def _hang(value: float) -> Response:
    time.sleep(value)
    return _status(504)


def _broken(value: float) -> Response:
    return Response('{"value": [{"id": "4f1c', mimetype="application/json")


def _cut(value: float) -> Response:
    return Response("{", headers={"Content-Length": "4096"}, mimetype="application/json")


def _html(value: float) -> Response:
    return Response("<!doctype html><title>Sign in</title><h1>Sign in to continue</h1>\n", mimetype="text/html")


@dataclass(frozen=True)
class Kind:
    """One kind of fault: the sentence on the page, the value when none is given, and what a request then gets."""

    meaning: str
    default: float = 0
    answer: Callable[[float], Response | None] | None = None


KINDS = {
    "status": Kind("Answer with this status code", 503, _status),
    "throttle": Kind("Answer 429 with Retry-After, in seconds", 5, _throttle),
    "delay": Kind("Wait this many seconds, then answer", 2, _delay),
    "hang": Kind("Hold the connection for this many seconds, then answer 504", 60, _hang),
    "broken": Kind("Answer 200 with half a JSON body", answer=_broken),
    "cut": Kind("Hang up in the middle of the answer", answer=_cut),
    "html": Kind("Answer 200 with a sign-in page instead of data", answer=_html),
    "notification-lost": Kind("Do not send the notification"),
    "notification-doubled": Kind("Send the notification twice"),
    "notification-late": Kind("Send the notification this many seconds late", 10),
    "notification-reordered": Kind("Send the notification after the next one"),
    "mail-closed": Kind("Hang up on whoever brings mail"),
    "mail-busy": Kind("Answer mail with 451, busy"),
    "mail-refused": Kind("Answer mail with 550, no such mailbox"),
    "mail-slow": Kind("Take mail this many seconds late", 10),
    **{name: Kind(forgery.meaning) for name, forgery in forge.FORGERIES.items()},
}


def add(store: Store, rule: Document) -> str:
    """Keep one rule {path, kind, value, times} and return its id. ValueError says what is wrong with it."""
    kind, path, value = str(rule.get("kind", "")), str(rule.get("path") or ""), rule.get("value")
    if kind not in KINDS:
        raise ValueError(f"kind is one of: {', '.join(KINDS)}")
    try:
        re.compile(path)
    except re.error as error:
        raise ValueError(f"path is not a regular expression: {error}") from error
    number = KINDS[kind].default if value in (None, "") else float(str(value))
    rule_id = secrets.token_hex(4)
    store.table("faults")[rule_id] = {"path": path, "kind": kind, "value": number, "times": int(rule.get("times") or 0)}
    return rule_id


def _use(store: Store, wanted: Callable[[Document], bool]) -> Document | None:
    """Take the first wanted rule once; a rule that has been used up goes."""
    rules = store.table("faults")
    with store.lock:
        found = next(((rule_id, rule) for rule_id, rule in rules.items() if wanted(rule)), None)
        if found is None:
            return None
        rule_id, rule = found
        if rule["times"] == 1:
            del rules[rule_id]
        elif rule["times"]:
            rules[rule_id] = rule | {"times": rule["times"] - 1}
        return rule


def take(store: Store, kind: str, about: str = "") -> float | None:
    """The value of a fault of notifications or mail that applies now, counted as used, or None when there is none."""
    rule = _use(store, lambda rule: rule["kind"] == kind and re.search(rule["path"], about) is not None)
    return float(rule["value"]) if rule else None


def id_token(store: Store, token: str, key: RSAKey) -> str:
    """A token as it is handed out: itself, or what a fault that applies now makes of it."""
    rule = _use(store, lambda rule: rule["kind"] in forge.FORGERIES)
    return forge.forged(rule["kind"], token, key) if rule else token


def _meets(rule: Document, path: str) -> bool:
    return KINDS[rule["kind"]].answer is not None and re.search(rule["path"], path) is not None


def install(app: Flask, store: Store) -> None:
    """Apply the rules of `store` to every request of `app`, and serve /sandbox/faults, the page and the JSON API."""
    pages = Blueprint("faults", __name__, template_folder="templates", url_prefix=OWN_PAGES + "faults")

    @app.before_request
    def apply() -> Response | None:
        if request.path.startswith(OWN_PAGES):
            return None
        rule = _use(store, lambda rule: _meets(rule, request.path))
        answer = KINDS[rule["kind"]].answer if rule else None
        return answer(rule["value"]) if rule and answer else None

    @pages.get("")
    def listing() -> str:
        return render_template("faults.html", kinds=KINDS, rules=store.table("faults"), error="")

    @pages.post("")
    def create() -> AnyResponse:
        try:
            rule_id = add(store, request.get_json() if request.is_json else request.form.to_dict())
        except ValueError as error:
            return _refusal(store, str(error))
        return make_response({"id": rule_id}, 201) if request.is_json else redirect(url_for("faults.listing"))

    @pages.delete("")
    def clear() -> tuple[str, int]:
        store.table("faults").clear()
        return "", 204

    @pages.delete("/<rule_id>")
    def remove(rule_id: str) -> tuple[str, int]:
        return "", 204 if store.table("faults").pop(rule_id, None) else 404

    @pages.post("/<rule_id>/remove")
    def remove_by_form(rule_id: str) -> AnyResponse:
        store.table("faults").pop(rule_id, None)
        return redirect(url_for("faults.listing"))

    app.register_blueprint(pages)


def _refusal(store: Store, error: str) -> Response:
    if request.is_json:
        return make_response({"error": error}, 400)
    return make_response(render_template("faults.html", kinds=KINDS, rules=store.table("faults"), error=error), 400)
