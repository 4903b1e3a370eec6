"""Sign-in with Entra: a public OpenID client, tried silently when somebody arrives."""

from typing import Any

from authlib.common.errors import AuthlibBaseError
from authlib.integrations.flask_client import OAuth
from flask import Blueprint, Flask, redirect, request, session
from requests import RequestException
from werkzeug.wrappers import Response

from sandbox.cast import TENANTS
from sandbox.standin import url_of

CLIENT_ID = "5e3ce6c0-2b1f-4285-8d4b-75ee78787346"
routes = Blueprint("signin", __name__, url_prefix="/signin")
oauth = OAuth()


def install(app: Flask) -> None:
    """Register the client and its two paths."""
    oauth.init_app(app)
    oauth.register(
        "entra",
        overwrite=True,
        client_id=CLIENT_ID,
        server_metadata_url=f"{url_of('entra')}/organizations/v2.0/.well-known/openid-configuration",
        client_kwargs={
            "scope": "openid profile",
            "code_challenge_method": "S256",
            "token_endpoint_auth_method": "none",
            "default_timeout": 10,
        },
    )
    app.register_blueprint(routes)


@routes.get("/start")
def start() -> Response:
    """Send the browser to Entra; `prompt` is none for the silent try."""
    session["next"] = own_path(request.args.get("next", "/"))
    prompt = "none" if request.args.get("prompt") == "none" else "select_account"
    try:
        answer: Response = oauth.entra.authorize_redirect(f"{url_of('teams')}/signin/callback", prompt=prompt)
    except RequestException:
        return redirect(session["next"])
    return answer


@routes.get("/callback")
def callback() -> Response:
    """Keep who signed in. Where nobody did, the person goes on without an account."""
    try:
        token = oauth.entra.authorize_access_token(claims_options={"iss": {"essential": True}})
        session["account"] = account_in(token["userinfo"])
    except (AuthlibBaseError, RequestException):
        session.pop("account", None)
    return redirect(session.pop("next", "/"))


def account_in(claims: dict[str, Any]) -> dict[str, str] | None:
    """The account of verified claims: the issuer must be the tenant's own, and the tenant one of the cast."""
    known = claims["tid"] in {tenant.tid for tenant in TENANTS}
    ours = known and claims["iss"] == f"{url_of('entra')}/{claims['tid']}/v2.0"
    return {"tid": claims["tid"], "oid": claims["oid"], "name": claims["name"]} if ours else None


def own_path(path: str) -> str:
    """A path of this stand-in: anything else becomes the front page."""
    return path if path.startswith("/") and not path.startswith(("//", "/\\")) else "/"
