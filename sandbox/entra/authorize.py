"""Sign-in in the browser: the authorize endpoint with its account picker, and sign-out."""

from urllib.parse import parse_qsl, urlencode, urlsplit

from authlib.oauth2 import OAuth2Error
from flask import Blueprint, redirect, render_template, request
from werkzeug.wrappers import Response

from sandbox.entra import accounts, browsers, clients, errors, picker
from sandbox.entra.accounts import SignIn
from sandbox.entra.errors import EntraError
from sandbox.entra.grants import CodeGrant, Server, tenant_of_request
from sandbox.standin import form
from sandbox.store import Store


def _without_asking(store: Store, tenant: str, redirect_uri: str) -> SignIn | None:
    """The one account that is signed in here, if the client lets it through; `prompt=none` with no such is an error."""
    prompt, hint = request.args.get("prompt", ""), request.args.get("login_hint", "")
    present = [one for one in browsers.signed_in(store, tenant) if hint in ("", one.login)]
    if prompt == "none" and not present:
        raise EntraError(50058, "login_required", "Nobody is signed in here.", redirect_uri=redirect_uri)
    if prompt == "none" and len(present) > 1:
        raise EntraError(16000, "interaction_required", "Several are signed in here.", redirect_uri=redirect_uri)
    return present[0] if len(present) == 1 and prompt in ("", "none") else None


def _answer(store: Store, grant: CodeGrant, tenant: str) -> Response | str:
    """The code for the client, or the picker. OAuth2Error says what else."""
    uri = grant.redirect_uri
    if form("cancel"):
        raise EntraError(65004, "access_denied", "The user cancelled the sign-in.", redirect_uri=uri)
    person = picker.chosen(tenant) if request.method == "POST" else _without_asking(store, tenant, uri)
    if person is None:
        return picker.page(store, tenant, grant.request.client)
    browsers.sign_in(store, person)
    headers = dict(grant.create_authorization_response(uri, person)[2])
    return _deliver(uri, dict(parse_qsl(urlsplit(headers["Location"]).query)))


def _deliver(redirect_uri: str, parameters: dict[str, str]) -> Response | str:
    """Take the browser back to the client, by the response mode it asked for."""
    if request.args.get("response_mode") == "form_post":
        return render_template("form_post.html", redirect_uri=redirect_uri, parameters=parameters)
    return redirect(f"{redirect_uri}?{urlencode(parameters)}")


def _failed(error: OAuth2Error) -> Response | str:
    if not error.redirect_uri:
        return errors.as_page(error, picker.again())
    state = {"state": request.args["state"]} if "state" in request.args else {}
    return _deliver(error.redirect_uri, errors.as_parameters(error) | state)


def create_blueprint(store: Store, server: Server) -> Blueprint:
    """The pages of one tenant path."""
    pages = Blueprint("authorize", __name__)

    @pages.before_request
    def known() -> Response | None:
        tenant = tenant_of_request()
        return None if accounts.is_known(tenant) else errors.as_page(errors.tenant_not_found(tenant))

    @pages.route("/<tenant>/oauth2/v2.0/authorize", methods=["GET", "POST"])
    def authorize(tenant: str) -> Response | str:
        try:
            return _answer(store, server.get_consent_grant(), tenant)
        except OAuth2Error as error:
            return _failed(error)

    @pages.get("/<tenant>/oauth2/v2.0/logout")
    def logout(tenant: str) -> Response | str:
        browsers.sign_out(store)
        wanted = request.args.get("post_logout_redirect_uri", "")
        return redirect(wanted) if clients.is_own_page(wanted) else render_template("signed_out.html")

    return pages
