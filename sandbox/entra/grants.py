"""The grants, by Authlib: authorization code with PKCE, client credentials, and the tokens they give."""

import secrets
import time
from types import SimpleNamespace
from typing import Any

from authlib.integrations.flask_oauth2 import AuthorizationServer
from authlib.oauth2 import OAuth2Error, OAuth2Request
from authlib.oauth2.rfc6749.grants import AuthorizationCodeGrant, ClientCredentialsGrant
from authlib.oauth2.rfc7636 import CodeChallenge
from authlib.oidc.core.grants.code import OpenIDToken
from flask import Flask, Response, request

from sandbox.entra import accounts, clients, consents, errors, keys, switches
from sandbox.entra.accounts import SignIn
from sandbox.entra.clients import Client
from sandbox.entra.errors import EntraError
from sandbox.standin import url_of
from sandbox.store import Store

CODE_LIFETIME = 300
TOKEN_LIFETIME = 3599
EVERYBODY_WID = "b79fbf4d-3ef9-4689-8143-76b194e85509"  # in every user's `wids`; it is not a directory role

# Authlib is untyped: its classes are Any to the type checker, hence the ignores below.


class Server(AuthorizationServer):  # type: ignore[misc]
    """Authlib's server with Entra's errors. `store` is what the grants remember."""

    store: Store

    def handle_error_response(self, _: OAuth2Request, error: OAuth2Error) -> Response:
        """Every error of the token endpoint, in Entra's shape."""
        if error.error == "invalid_client" and "client_secret" not in request.form and not request.authorization:
            error = EntraError(7000218, "invalid_client", "The request must contain client_secret.", status=401)
        return errors.as_json(error)


class CodeGrant(AuthorizationCodeGrant):  # type: ignore[misc]
    """A code is good once, for five minutes, for the client and redirect URI it was made for."""

    TOKEN_ENDPOINT_AUTH_METHODS = ["client_secret_basic", "client_secret_post", "none"]

    def save_authorization_code(self, code: str, asked: OAuth2Request) -> None:
        """Keep what the code stands for."""
        data = asked.payload.data
        self.server.store.table("codes")[code] = {
            "client_id": asked.client.client_id,
            "redirect_uri": asked.payload.redirect_uri,
            "scope": asked.scope,
            "nonce": data.get("nonce"),
            "code_challenge": data.get("code_challenge"),
            "user": asked.user.key,
            "expires": time.time() + CODE_LIFETIME,
        }

    def query_authorization_code(self, code: str, client: Client) -> SimpleNamespace | None:
        """Take the code. It is spent here, under the lock, so that two who redeem it at once get one token."""
        codes = self.server.store.table("codes")
        with self.server.store.lock:
            kept = codes.get(code)
            if kept is None or kept["client_id"] != client.client_id:
                return None
            codes[code] = kept | {"spent": True}
        if kept.get("spent"):
            raise EntraError(54005, "invalid_grant", "The authorization code was already redeemed.")
        if kept["expires"] < time.time():
            raise EntraError(70008, "invalid_grant", "The authorization code has expired.")
        uri, scope = kept["redirect_uri"], kept["scope"]
        return SimpleNamespace(**kept, get_redirect_uri=lambda: uri, get_scope=lambda: scope)

    def delete_authorization_code(self, authorization_code: SimpleNamespace) -> None:
        """Nothing: a spent code is kept, so that its replay is known as one."""

    def authenticate_user(self, authorization_code: SimpleNamespace) -> SignIn | None:
        """Who signed in for this code."""
        return accounts.find(authorization_code.user.split("/")[0], authorization_code.user)


class Pkce(CodeChallenge):  # type: ignore[misc]
    """S256 only; a public client cannot do without."""

    SUPPORTED_CODE_CHALLENGE_METHOD = ["S256"]
    DEFAULT_CODE_CHALLENGE_METHOD = "S256"

    def validate_code_challenge(self, grant: CodeGrant, redirect_uri: str) -> None:
        """AADSTS9002325 for a public client without one."""
        if not grant.request.client.secret and not grant.request.payload.data.get("code_challenge"):
            raise EntraError(9002325, "invalid_request", "Proof Key for Code Exchange is required here.")
        super().validate_code_challenge(grant, redirect_uri)

    def get_authorization_code_challenge_method(self, authorization_code: SimpleNamespace) -> str:
        """The only one."""
        return "S256"


class IdToken(OpenIDToken):  # type: ignore[misc]
    """Adds the id_token to an answer whose scope has `openid`."""

    def __init__(self, store: Store) -> None:
        self.store = store

    def encode_id_token(self, token: dict[str, Any], asked: OAuth2Request) -> str:
        """The signed id_token of this answer."""
        code = asked.authorization_code
        nonce = {"nonce": code.nonce} if code.nonce else {}
        return keys.sign_id_token(
            self.store, id_claims(self.store, asked.client, asked.user, code.scope.split()) | nonce
        )


class AppGrant(ClientCredentialsGrant):  # type: ignore[misc]
    """An app-only token for Graph, in a tenant that has consented."""

    TOKEN_ENDPOINT_AUTH_METHODS = ["client_secret_basic", "client_secret_post"]

    def validate_token_request(self) -> None:
        """Refuse as Entra does: no single tenant, no consent, a scope other than Graph's `.default`."""
        super().validate_token_request()
        tid = tenant_of_request()
        if tid in accounts.SHARED:
            raise EntraError(50059, "invalid_request", "No tenant-identifying information found in the request.")
        if not consents.has(self.server.store, tid, self.request.client.client_id):
            raise errors.app_not_found(self.request.client.client_id, tid)
        if self.request.payload.scope != consents.graph_default():
            raise EntraError(1002012, "invalid_scope", f"The scope must be {consents.graph_default()}.")


def tenant_of_request() -> str:
    """The tenant in the path of the request at hand."""
    return str((request.view_args or {})["tenant"])


def id_claims(store: Store, client: Client, person: SignIn, scope: list[str]) -> dict[str, Any]:
    """The claims of an id_token, but for times and nonce. Without the scope `profile` they do not tell who it is."""
    account, tid = person.account, person.tenant.tid
    base = {
        "aud": client.client_id,
        "iss": keys.issuer(tid),
        "sub": accounts.pairwise_subject(client.client_id, person),
    }
    who = {"tid": tid, "oid": account.oid, "name": account.name, "preferred_username": person.login}
    directory_roles = account.directory_roles + account.roles_by_group
    roles = [*account.app_roles, *switches.get(store, "app_roles").get(account.oid, [])]
    held = {
        "wids": [] if switches.get(store, "leave_out_wids") else [*directory_roles, EVERYBODY_WID],
        "roles": [] if switches.get(store, "leave_out_roles") else roles,
    }
    return base | {"ver": "2.0"} | (who if "profile" in scope else {}) | {k: v for k, v in held.items() if v}


def _access_claims(store: Store, client: Client, person: SignIn | None, scope: str) -> dict[str, Any]:
    tid = person.tenant.tid if person else tenant_of_request()
    claims = {"aud": url_of("graph"), "iss": keys.issuer(tid), "tid": tid, "appid": client.client_id, "ver": "2.0"}
    claims |= {"jti": secrets.token_urlsafe(12)}
    if person:
        return claims | {"oid": person.account.oid, "scp": scope}
    return claims | {"roles": consents.permissions(store, tid)}


def create_server(app: Flask, store: Store) -> Server:
    """Authlib's server for this app, with the two grants."""

    def find_client(client_id: str) -> Client:
        if client := clients.find(client_id):
            return client
        raise errors.app_not_found(client_id, tenant_of_request())

    def token(client: Client, user: SignIn | None, scope: str, **_: object) -> dict[str, Any]:
        answer = {"token_type": "Bearer", "expires_in": TOKEN_LIFETIME, "ext_expires_in": TOKEN_LIFETIME}
        answer["access_token"] = keys.sign(store, _access_claims(store, client, user, scope))
        return answer | ({"scope": scope} if user else {})

    server = Server(app, query_client=find_client, save_token=lambda token, asked: None)
    server.store = store
    server.register_token_generator("default", token)
    server.register_grant(CodeGrant, [Pkce(), IdToken(store)])
    server.register_grant(AppGrant)
    return server
