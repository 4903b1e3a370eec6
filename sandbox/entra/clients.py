"""The applications registered in Entra, in the shape that Authlib's grants ask."""

import os
from dataclasses import dataclass
from hmac import compare_digest
from urllib.parse import urlsplit

from sandbox.standin import url_of

TEAMS_CLIENT_ID = "5e3ce6c0-2b1f-4285-8d4b-75ee78787346"


@dataclass(frozen=True)
class Client:
    """An application. Without a secret it is public: it proves itself by PKCE alone."""

    client_id: str
    name: str
    redirect_uris: tuple[str, ...]
    secret: str = ""

    def get_client_id(self) -> str:
        """The `aud` of its tokens."""
        return self.client_id

    def get_default_redirect_uri(self) -> None:
        """None: a request names its redirect URI."""

    def get_allowed_scope(self, scope: str | None) -> str:
        """Any scope of sign-in."""
        return scope or ""

    def check_redirect_uri(self, redirect_uri: str) -> bool:
        """Whether it is, to the letter, a registered one."""
        return redirect_uri in self.redirect_uris

    def check_client_secret(self, client_secret: str) -> bool:
        """Whether this is the secret."""
        return compare_digest(self.secret.encode(), client_secret.encode())

    def check_endpoint_auth_method(self, method: str, endpoint: str) -> bool:
        """A public client shows no secret; a confidential one must."""
        return (method == "none") == (not self.secret)

    def check_response_type(self, response_type: str) -> bool:
        """Codes only."""
        return response_type == "code"

    def check_grant_type(self, grant_type: str) -> bool:
        """App-only tokens need a secret."""
        return grant_type == "authorization_code" or (grant_type == "client_credentials" and bool(self.secret))


def connector() -> Client:
    """The product's own registration."""
    base = os.environ["SANDBOX_CONNECTOR_URL"].rstrip("/")
    return Client(
        os.environ["SANDBOX_APP_CLIENT_ID"],
        "EHR Connector for Microsoft Teams",
        (f"{base}/signin/microsoft/callback/", f"{base}/consent/callback/"),
        os.environ["SANDBOX_APP_CLIENT_SECRET"],
    )


def find(client_id: str) -> Client | None:
    """The application of that id."""
    teams = Client(TEAMS_CLIENT_ID, "Microsoft Teams", (f"{url_of('teams')}/signin/callback",))
    return next((client for client in (connector(), teams) if client.client_id == client_id), None)


def is_own_page(url: str) -> bool:
    """Whether a URL lies at the connector: there a person may be sent after signing out."""
    return urlsplit(url)[:2] == urlsplit(connector().redirect_uris[0])[:2]
