"""What the customer's administrators keep in the EHR: client records, and the integration record of each button."""

from typing import Any

from flask import Blueprint, abort, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from sandbox.epic import clients, records, telehealth
from sandbox.epic.instance import ROUTE, table
from sandbox.standin import form

pages = Blueprint("administration", __name__)


@pages.get(f"{ROUTE}/clients")
def show_clients() -> str:
    """The three client records of this instance."""
    return _clients_page()


@pages.post(f"{ROUTE}/clients/<client_id>")
def save_client(client_id: str) -> AnyResponse:
    """Keep the fields of one client record."""
    if form("authentication") not in clients.AUTHENTICATIONS:
        abort(400)
    clients.save_client(
        _client(client_id),
        redirect_uris=form("redirect_uris").split(),
        jwks_url=form("jwks_url").strip(),
        authentication=form("authentication"),
        mapped="mapped" in request.form,
        apis=[api for api in clients.READABLE if api in request.form.getlist("apis")],
    )
    return _back_to(client_id)


@pages.post(f"{ROUTE}/clients/<client_id>/paste")
def paste_client(client_id: str) -> AnyResponse | tuple[str, int]:
    """Take redirect URIs and JWKS URL from a pasted block; one without either changes nothing."""
    changes = clients.parse_block(form("block"))
    if not changes:
        return _clients_page(refused=client_id, block=form("block")), 400
    clients.save_client(_client(client_id), **changes)
    return _back_to(client_id)


def _back_to(client_id: str) -> AnyResponse:
    return redirect(url_for("administration.show_clients", saved=client_id, _anchor=client_id), 303)


def _clients_page(refused: str = "", block: str = "") -> str:
    return render_template(
        "clients.html",
        clients=clients.all_clients(),
        authentications=clients.AUTHENTICATIONS,
        readable=clients.READABLE,
        background_user=telehealth.BACKGROUND_USER,
        background_password=telehealth.background_password(),
        saved=request.args.get("saved"),
        refused=refused,
        block=block,
    )


def _client(client_id: str) -> clients.Client:
    client = clients.find_client(client_id)
    if client is None:
        abort(404)
    return client


@pages.get(f"{ROUTE}/fdi")
def show_records() -> str:
    """What is pasted for each button."""
    return _records_page(saved=request.args.get("saved", ""))


@pages.post(f"{ROUTE}/fdi/<any({','.join(repr(slot) for slot in records.SLOTS)}):slot>")
def paste_record(slot: str) -> AnyResponse | tuple[str, int]:
    """Keep a pasted integration record; a bad one changes nothing and is shown with what is wrong."""
    understood = records.parse(form("record"))
    found = records.problems(slot, understood)
    if found:
        return _records_page(refused=slot, understood=understood, problems=found, text=form("record")), 400
    table("records")[slot] = understood
    return redirect(url_for("administration.show_records", saved=slot, _anchor=slot), 303)


def _records_page(**result: Any) -> str:
    return render_template(
        "fdi.html", slots=records.SLOTS, fields=records.FIELDS, kept=dict(table("records")), **result
    )
