"""Admin consent: an administrator grants an application what it asks for, for the whole organization."""

from urllib.parse import urlencode

from flask import Blueprint, redirect, render_template, request
from werkzeug.wrappers import Response

from sandbox.cast import GLOBAL_ADMINISTRATOR
from sandbox.entra import accounts, browsers, clients, consents, errors, picker
from sandbox.entra.accounts import SignIn
from sandbox.entra.clients import Client
from sandbox.entra.errors import EntraError
from sandbox.entra.grants import tenant_of_request
from sandbox.standin import form
from sandbox.store import Store


def _client() -> Client:
    """The application that asks. EntraError where the request itself is wrong: that is never sent back to it."""
    tenant, client_id = tenant_of_request(), request.args.get("client_id", "")
    if not accounts.is_known(tenant):
        raise errors.tenant_not_found(tenant)
    client = clients.find(client_id)
    if client is None:
        raise errors.app_not_found(client_id, tenant)
    if not client.check_redirect_uri(request.args.get("redirect_uri", "")):
        raise EntraError(50011, "invalid_request", "The redirect URI is not one of this application.")
    if "/v2.0/" in request.path and request.args.get("scope") != consents.graph_default():
        raise EntraError(70011, "invalid_scope", f"The scope must be {consents.graph_default()}.")
    return client


def _back(parameters: dict[str, str]) -> Response:
    echoed = {name: request.args[name] for name in ("state", "scope") if name in request.args}
    return redirect(f"{request.args['redirect_uri']}?{urlencode({'admin_consent': 'True'} | parameters | echoed)}")


def _may_consent(person: SignIn) -> bool:
    return GLOBAL_ADMINISTRATOR in person.account.directory_roles


def _refused(person: SignIn | None) -> Response:
    """Back to the application with the reason: cancelled by somebody who could have, or by one who cannot."""
    if person and not _may_consent(person):
        error = EntraError(90094, "permission_denied", "Only an administrator can grant these permissions.")
    else:
        error = EntraError(65004, "access_denied", "The administrator declined to consent.")
    return _back(errors.as_parameters(error))


def _chosen(store: Store, tenant: str) -> SignIn | None:
    """The account posted from the picker, who is then signed in, or the only one who is already."""
    if request.method == "POST":
        person = picker.chosen(tenant, personal=False)
        browsers.sign_in(store, person)
        return person
    present = [one for one in browsers.signed_in(store, tenant) if one.tenant is not accounts.PERSONAL]
    return present[0] if len(present) == 1 and request.args.get("prompt") != "select_account" else None


def _answer(store: Store, tenant: str) -> Response | str:
    client = _client()
    if form("cancel"):
        return _refused(accounts.find(tenant, form("account")))
    person = _chosen(store, tenant)
    if person is None:
        return picker.page(store, tenant, client, personal=False)
    if form("accept") and _may_consent(person):
        consents.grant(store, person.tenant.tid, client.client_id)
        return _back({"tenant": person.tenant.tid})
    page = "consent.html" if _may_consent(person) else "not_administrator.html"
    return render_template(
        page, person=person, client=client, permissions=consents.PERMISSIONS.values(), again=picker.again()
    )


def create_blueprint(store: Store) -> Blueprint:
    """The consent page at its v2.0 path and at the older one, which needs no scope."""
    pages = Blueprint("consent", __name__)

    @pages.route("/<tenant>/v2.0/adminconsent", methods=["GET", "POST"])
    @pages.route("/<tenant>/adminconsent", methods=["GET", "POST"])
    def consent(tenant: str) -> Response | str:
        try:
            return _answer(store, tenant)
        except EntraError as error:
            return errors.as_page(error, picker.again())

    return pages
