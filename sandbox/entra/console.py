"""The stand-in's own pages: switches, keys, consents, who is signed in. Tests use the same addresses with JSON."""

from typing import Any

from flask import Blueprint, redirect, render_template, request
from werkzeug.wrappers import Response

from sandbox.cast import TENANTS
from sandbox.entra import browsers, clients, consents, keys, switches
from sandbox.standin import CONSOLE, form, url_of
from sandbox.store import Store

PUBLISHER = "0bf30f3b-4a52-48df-9a82-234910c4a086"  # the application that sends Graph's change notifications


def _page(store: Store) -> str:
    client = clients.connector()
    dropped = switches.get(store, "dropped_permissions")
    tenants = [
        (tenant, consents.has(store, tenant.tid, client.client_id), dropped.get(tenant.tid, [])) for tenant in TENANTS
    ]
    return render_template(
        "console.html",
        connector=client.redirect_uris[0].split("/signin/")[0],
        others={name: url_of(name) for name in ("graph", "teams", "epic", "mail")},
        people=browsers.signed_in(store, "organizations"),
        ticks=[(name, meaning, switches.get(store, name)) for name, meaning in switches.TICKS.items()],
        tenants=tenants,
        permissions=consents.PERMISSIONS,
        kid=keys.published(store, "any")["keys"][0]["kid"],
    )


def _set_consent(store: Store, tid: str, granted: bool, dropped: list[str]) -> None:
    change = consents.grant if granted else consents.withdraw
    change(store, tid, clients.connector().client_id)
    switches.put(store, {"dropped_permissions": switches.get(store, "dropped_permissions") | {tid: dropped}})


def _consent_form() -> dict[str, Any]:
    kept = request.form.getlist("permission")
    return {"granted": bool(form("granted")), "dropped": [name for name in consents.PERMISSIONS if name not in kept]}


def _validation_token(store: Store, tid: str, aud: str) -> str:
    """What proves a change notification: Graph's publisher speaks to the application `aud` about the tenant `tid`."""
    claims = {"iss": keys.issuer(tid), "aud": aud, "tid": tid, "azp": PUBLISHER, "appid": PUBLISHER, "ver": "2.0"}
    return keys.sign(store, claims)


def create_blueprint(store: Store) -> Blueprint:
    """Everything below /sandbox/ which is Entra's alone."""
    pages = Blueprint("console", __name__, url_prefix=CONSOLE)

    @pages.get("/")
    def console() -> str:
        return _page(store)

    @pages.post("/switches")
    def set_switches() -> Response | tuple[dict[str, str], int]:
        ticked = {name: bool(form(name)) for name in switches.TICKS}
        try:
            switches.put(store, request.get_json() if request.is_json else ticked)
        except ValueError as error:
            return {"error": str(error)}, 400
        return _done()

    @pages.post("/consents/<tid>")
    def set_consent(tid: str) -> Response:
        body = request.get_json() if request.is_json else _consent_form()
        _set_consent(store, tid, body.get("granted", True), body.get("dropped", []))
        return _done()

    @pages.post("/validation-token")
    def validation_token() -> dict[str, Any]:
        body = request.get_json()
        return {"token": _validation_token(store, body["tid"], body["aud"])}

    _add_actions(pages, store)
    return pages


def _add_actions(pages: Blueprint, store: Store) -> None:
    """Buttons without a form."""

    @pages.post("/keys/rotate")
    def rotate() -> Response:
        keys.rotate(store)
        return _done()

    @pages.post("/sign-out")
    def sign_out() -> Response:
        browsers.sign_out(store)
        return _done()

    @pages.post("/start-again")
    def start_again() -> Response:
        store.forget()
        return _done()


def _done() -> Response:
    """204 for a program; the console again for a person."""
    return redirect(f"{CONSOLE}/") if request.mimetype == "application/x-www-form-urlencoded" else Response(status=204)
