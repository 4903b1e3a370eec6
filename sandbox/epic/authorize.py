"""The OAuth endpoints: a launch goes straight through, a standalone sign-in asks who one is."""

from typing import Any
from urllib.parse import urlencode

from authlib.integrations.flask_oauth2 import AuthorizationServer
from authlib.oauth2.rfc6749.errors import OAuth2Error
from flask import Blueprint, Response, make_response, redirect, render_template, request
from werkzeug.wrappers import Response as AnyResponse

from sandbox.epic import launches, people
from sandbox.epic.instance import AUTHORIZE_ERRORS, ROUTE, TOKEN_ERRORS, told_to_fail
from sandbox.epic.people import HYPERSPACE, MYCHART, Person

CHOICE = "sign_in_as"


def make_pages(server: AuthorizationServer) -> Blueprint:
    """The two endpoints on top of Authlib's server."""
    pages = Blueprint("oauth", __name__)

    @pages.route(f"{ROUTE}/oauth2/authorize", methods=["GET", "POST"])
    def authorize() -> AnyResponse:
        try:
            grant = server.get_consent_grant()
        except OAuth2Error as error:
            return _refuse(error)
        if told := told_to_fail("authorize", AUTHORIZE_ERRORS):
            query = urlencode({"error": told, "state": request.values.get("state", "")})
            return redirect(f"{request.values['redirect_uri']}?{query}")
        person = _launching() or people.find_person(request.form.get(CHOICE, ""))
        if person is None:
            return _not_framed(render_template("sign_in.html", parameters=_parameters(), **_choices()))
        response: AnyResponse = server.create_authorization_response(grant=grant, grant_user=person)
        return response

    @pages.post(f"{ROUTE}/oauth2/token")
    def token() -> AnyResponse:
        if told := told_to_fail("token", TOKEN_ERRORS):
            return make_response({"error": told}, 401 if told == "invalid_client" else 400)
        response: AnyResponse = server.create_token_response()
        return response

    return pages


def _launching() -> Person | None:
    launch = launches.find(request.values.get("launch", ""), request.values["client_id"])
    return people.find_person(launch["person"]) if launch else None


def _parameters() -> dict[str, str]:
    return {name: value for name, value in request.values.items() if name != CHOICE}


def _choices() -> dict[str, Any]:
    return {"choice": CHOICE, "clinicians": people.of_side(HYPERSPACE), "portal_users": people.of_side(MYCHART)}


def _refuse(error: OAuth2Error) -> AnyResponse:
    """Back to the app when it is known and so is its redirect URI; else a page, since nobody else is to be told."""
    if error.redirect_uri:
        _, _, headers = error()
        return redirect(dict(headers)["Location"])
    return _not_framed(render_template("refused.html", error=error.error, reason=error.description), 400)


def _not_framed(page: str, status: int = 200) -> Response:
    """Interconnect's own pages show in no frame."""
    response = make_response(page, status)
    response.headers["X-Frame-Options"] = "DENY"
    return response
