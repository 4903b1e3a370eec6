"""A browser, and the client it signs in to, for tests of the Entra stand-in. Tokens are verified by PyJWT."""

import base64
import hashlib
import secrets
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import jwt
import requests

from sandbox.cast import RIVERSIDE_TID, Account, Tenant
from tests.sandbox.standins import Sandbox


class Browser(requests.Session):
    """A browser at the stand-in: it keeps cookies and stops before it leaves for the client."""

    def __init__(self, sandbox: Sandbox) -> None:
        super().__init__()
        self.sandbox = sandbox
        self.verifier = secrets.token_urlsafe(48)
        self.client_id = sandbox.environment["SANDBOX_APP_CLIENT_ID"]
        self.redirect_uri = sandbox.url("connector", "/signin/microsoft/callback/")

    def entra(self, path: str) -> str:
        return self.sandbox.url("entra", path)

    def authorize_url(self, tenant: str | None = "organizations", **changes: str | None) -> str:
        digest = hashlib.sha256(self.verifier.encode()).digest()
        parameters = {
            "client_id": self.client_id,
            "response_type": "code",
            "redirect_uri": self.redirect_uri,
            "scope": "openid profile",
            "state": "the state",
            "nonce": "the-nonce",
            "code_challenge": base64.urlsafe_b64encode(digest).rstrip(b"=").decode(),
            "code_challenge_method": "S256",
        }
        kept = {name: value for name, value in (parameters | changes).items() if value is not None}
        url = requests.Request("GET", self.entra(f"/{tenant}/oauth2/v2.0/authorize"), params=kept).prepare().url
        assert url
        return url

    def choose(self, url: str, **data: str) -> requests.Response:
        return self.post(url, data=data, allow_redirects=False, timeout=10)

    def ask(self, url: str) -> requests.Response:
        return self.get(url, allow_redirects=False, timeout=10)

    def redeem(self, **changes: str | None) -> requests.Response:
        data = {
            "grant_type": "authorization_code",
            "redirect_uri": self.redirect_uri,
            "client_id": self.client_id,
            "client_secret": self.sandbox.environment["SANDBOX_APP_CLIENT_SECRET"],
            "code_verifier": self.verifier,
        }
        return requests.post(self.entra("/organizations/oauth2/v2.0/token"), data=data | changes, timeout=10)

    def sign_in(self, key: str, tenant: str = "organizations", **changes: str | None) -> dict[str, Any]:
        """Sign in and answer the verified claims of the id_token."""
        code = back(self.choose(self.authorize_url(tenant, **changes), account=key))["code"]
        return self.verified(self.redeem(code=code).json()["id_token"])

    def verified(self, token: str) -> dict[str, Any]:
        key = jwt.PyJWKClient(self.entra("/common/discovery/v2.0/keys")).get_signing_key_from_jwt(token)
        return jwt.decode(token, key, algorithms=["RS256"], audience=self.client_id)

    def app_token(self, tid: str = RIVERSIDE_TID, **changes: str) -> requests.Response:
        data = {
            "grant_type": "client_credentials",
            "client_id": self.client_id,
            "client_secret": self.sandbox.environment["SANDBOX_APP_CLIENT_SECRET"],
            "scope": self.sandbox.url("graph", "/.default"),
        }
        return requests.post(self.entra(f"/{tid}/oauth2/v2.0/token"), data=data | changes, timeout=10)

    def consent_url(self, tenant: str = "organizations", **changes: str) -> str:
        parameters = {
            "client_id": self.client_id,
            "scope": self.sandbox.url("graph", "/.default"),
            "redirect_uri": self.sandbox.url("connector", "/consent/callback/"),
            "state": "s1",
        }
        url = (
            requests.Request("GET", self.entra(f"/{tenant}/v2.0/adminconsent"), params=parameters | changes)
            .prepare()
            .url
        )
        assert url
        return url

    def switch(self, **values: Any) -> None:
        requests.post(self.entra("/sandbox/switches"), json=values, timeout=10).raise_for_status()


def key_of(tenant: Tenant, account: Account) -> str:
    return f"{tenant.tid}/{account.oid}"


def back(response: requests.Response) -> dict[str, str]:
    """What a redirect brings to the client."""
    assert response.status_code == 302, response.text
    return dict(parse_qsl(urlsplit(response.headers["Location"]).query))
