"""What programs read: the discovery document, the keys, and the token endpoint."""

from typing import Any

from flask import Blueprint, Response

from sandbox.entra import accounts, errors, keys
from sandbox.entra.grants import Server, tenant_of_request
from sandbox.standin import url_of
from sandbox.store import Store


def configuration(tenant: str) -> dict[str, Any]:
    """The OpenID discovery document. For several tenants at once its issuer is the literal `{tenantid}` template."""
    base = f"{url_of('entra')}/{tenant}"
    return {
        "issuer": keys.issuer(_issuing(tenant)),
        "authorization_endpoint": f"{base}/oauth2/v2.0/authorize",
        "token_endpoint": f"{base}/oauth2/v2.0/token",
        "jwks_uri": f"{base}/discovery/v2.0/keys",
        "end_session_endpoint": f"{base}/oauth2/v2.0/logout",
        "response_types_supported": ["code"],
        "response_modes_supported": ["query", "form_post"],
        "subject_types_supported": ["pairwise"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "token_endpoint_auth_methods_supported": ["client_secret_post", "client_secret_basic"],
        "scopes_supported": ["openid", "profile", "email", "offline_access"],
        "claims_supported": ["sub", "iss", "aud", "exp", "iat", "nonce", "preferred_username", "name", "tid", "ver"],
    }


def _issuing(tenant: str) -> str:
    return "{tenantid}" if tenant in accounts.SHARED else tenant


def create_blueprint(store: Store, server: Server) -> Blueprint:
    """The endpoints of one tenant path."""
    pages = Blueprint("discovery", __name__)

    @pages.before_request
    def known() -> Response | None:
        tenant = tenant_of_request()
        return None if accounts.is_known(tenant) else errors.as_json(errors.tenant_not_found(tenant))

    @pages.get("/<tenant>/v2.0/.well-known/openid-configuration")
    def discovery(tenant: str) -> dict[str, Any]:
        return configuration(tenant)

    @pages.get("/<tenant>/discovery/v2.0/keys")
    def key_set(tenant: str) -> dict[str, Any]:
        return keys.published(store, _issuing(tenant))

    @pages.post("/<tenant>/oauth2/v2.0/token")
    def token(tenant: str) -> Response:
        response: Response = server.create_token_response()
        return response

    return pages
