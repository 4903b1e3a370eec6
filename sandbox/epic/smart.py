"""The SMART authorization server: Authlib's grants with what SMART and Epic ask beyond OAuth."""

import time
from dataclasses import dataclass
from typing import Any

from authlib.integrations.flask_oauth2 import AuthorizationServer
from authlib.oauth2.rfc6749.errors import InvalidRequestError, InvalidScopeError, OAuth2Error, UnauthorizedClientError
from authlib.oauth2.rfc6749.grants import AuthorizationCodeGrant, ClientCredentialsGrant
from authlib.oauth2.rfc7636 import CodeChallenge
from flask import Flask

from sandbox.epic import launches, people
from sandbox.epic.assertions import ClientAssertion
from sandbox.epic.clients import Client, find_client
from sandbox.epic.instance import fhir_base, store, switched, table
from sandbox.epic.keys import id_token
from sandbox.epic.people import Person
from sandbox.store import Document

LIFETIME = 3600
CODE_LIFETIME = 60
GRANT_TYPES = ("authorization_code", "client_credentials")
METHODS = [ClientAssertion.CLIENT_AUTH_METHOD, "client_secret_basic", "client_secret_post", "none"]


class InvalidLaunchError(OAuth2Error):  # type: ignore[misc]
    """The launch token is unknown, used, older than five minutes, or was made for another client."""

    error = "invalid_launch_token"


@dataclass(frozen=True)
class Code:
    """An authorization code as Authlib reads it."""

    document: Document

    @property
    def code_challenge(self) -> str | None:
        challenge: str | None = self.document["code_challenge"]
        return challenge

    @property
    def code_challenge_method(self) -> str:
        return "S256"

    def get_redirect_uri(self) -> str:
        return str(self.document["redirect_uri"])

    def get_scope(self) -> str:
        return str(self.document["scope"])


class CodeGrant(AuthorizationCodeGrant):  # type: ignore[misc]
    """Codes are good once, for a minute; they remember the launch."""

    TOKEN_ENDPOINT_AUTH_METHODS = METHODS

    def save_authorization_code(self, code: str, request: Any) -> None:
        asked = request.payload.data
        token = asked.get("launch", "")
        launch = launches.find(token, request.client.client_id) if token else None
        if token and not launches.use(token):
            raise InvalidLaunchError("The launch token was used before.", redirect_uri=request.payload.redirect_uri)
        table("codes")[code] = {
            "client_id": request.client.client_id,
            "redirect_uri": request.payload.redirect_uri,
            "scope": request.scope,
            "state": request.payload.state,
            "nonce": asked.get("nonce", ""),
            "code_challenge": None if switched("november_2018") else asked.get("code_challenge"),
            "person": request.user.key,
            "launch": launch,
            "expires": time.time() + CODE_LIFETIME,
        }

    def query_authorization_code(self, code: str, client: Client) -> Code | None:
        """The code, gone from now on: one that was presented wrongly is lost too."""
        with store().lock:
            document = table("codes").get(code)
            if document is None or document["client_id"] != client.client_id:
                return None
            del table("codes")[code]
        return Code(document) if document["expires"] > time.time() else None

    def delete_authorization_code(self, authorization_code: Code) -> None:
        """Nothing is left to do: reading a code takes it away."""

    def authenticate_user(self, authorization_code: Code) -> Person | None:
        return people.find_person(authorization_code.document["person"])


class BackendGrant(ClientCredentialsGrant):  # type: ignore[misc]
    """Backend clients prove themselves by a signed assertion and act as a mapped background user."""

    TOKEN_ENDPOINT_AUTH_METHODS = [ClientAssertion.CLIENT_AUTH_METHOD]

    def validate_token_request(self) -> None:
        super().validate_token_request()
        if not self.request.client.mapped:
            raise UnauthorizedClientError("The client is not mapped to a background user.")


class RequiredChallenge(CodeChallenge):  # type: ignore[misc]
    """PKCE by S256 for every client; Epic of November 2018 has never heard of it."""

    SUPPORTED_CODE_CHALLENGE_METHOD = ["S256"]

    def validate_code_challenge(self, grant: CodeGrant, redirect_uri: str) -> None:
        if switched("november_2018"):
            return
        asked = grant.request.payload.data
        if asked.get("code_challenge_method") != "S256" or not asked.get("code_challenge"):
            raise InvalidRequestError("PKCE with S256 is required.")
        super().validate_code_challenge(grant, redirect_uri)

    def validate_code_verifier(self, grant: CodeGrant, result: None) -> None:
        if grant.request.authorization_code.code_challenge:
            super().validate_code_verifier(grant, result)


def smart_request(grant: CodeGrant) -> None:
    """An Authlib extension: `aud` names this FHIR base, and a launch token is good for this client."""
    grant.register_hook("after_validate_authorization_request_payload", _check_audience)
    grant.register_hook("after_validate_authorization_request_payload", _check_launch)
    grant.register_hook("after_validate_authorization_request_payload", _check_grammar)


def _check_audience(grant: CodeGrant, redirect_uri: None) -> None:
    audience = grant.request.payload.data.get("aud", "")
    if not audience and switched("november_2018"):
        return
    if audience.rstrip("/").lower() != fhir_base().lower():
        raise InvalidRequestError("aud is not the FHIR base URL.")


def _check_launch(grant: CodeGrant, redirect_uri: None) -> None:
    launch = grant.request.payload.data.get("launch")
    if not launch:
        return
    if "launch" not in grant.request.scope.split():
        raise InvalidRequestError("A launch needs the scope launch.")
    if launches.find(launch, grant.request.client.client_id) is None:
        raise InvalidLaunchError("The launch token is unknown, used, expired or of another client.")


def _check_grammar(grant: CodeGrant, redirect_uri: None) -> None:
    words = grant.request.payload.data.get("scope", "").split()
    if switched("oracle_health") and any(word.endswith((".read", ".write", ".*")) for word in words):
        raise InvalidScopeError("Scopes are written as SMART v2 has them.")


def launch_context(grant: CodeGrant) -> None:
    """An Authlib extension: the token response carries the id_token and the context of the launch."""
    grant.register_hook("after_create_token_response", _add_context)


def _add_context(grant: CodeGrant, response: tuple[int, Document, list[tuple[str, str]]]) -> None:
    token, code, person = response[1], grant.request.authorization_code.document, grant.request.user
    context = launches.context_of(code["launch"], person)
    if code["state"]:
        context["state"] = code["state"]
    if "openid" in code["scope"].split() and not switched("no_openid"):
        context["id_token"] = id_token(token, code["client_id"], person, code["nonce"])
    token.update({name: value for name, value in context.items() if name not in token})


def _save_token(token: Document, request: Any) -> None:
    table("tokens")[token["access_token"]] = {
        "client_id": request.client.client_id,
        "person": request.user.key if request.user else None,
        "scope": token.get("scope", ""),
        "expires": time.time() + token["expires_in"],
    }


def find_token(access_token: str) -> Document | None:
    """What an access token stands for, {client_id, person, scope, expires}, while it is good."""
    found = table("tokens").get(access_token)
    return found if found and found["expires"] > time.time() else None


def make_server(app: Flask) -> AuthorizationServer:
    """The authorization server of both instances: whose it is follows from the request."""
    server = AuthorizationServer(app, query_client=find_client, save_token=_save_token)
    server.register_client_auth_method(ClientAssertion.CLIENT_AUTH_METHOD, ClientAssertion())
    server.register_grant(CodeGrant, [RequiredChallenge(), smart_request, launch_context])
    server.register_grant(BackendGrant)
    return server
