"""Microsoft Entra ID: endpoints, id_tokens of a multi-tenant application, app-only tokens.

Microsoft identity platform: "OpenID Connect", "Validate tokens" (templated issuer, keys with `issuer`), "client
credentials".
"""

import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.conf import settings

from connector import jwks, token_cache
from connector.errors import NeedsConsent, Permanent, Retry, WireError, asking
from connector.http import Answer, Deadline, fetch

ANY_ORGANIZATION = "organizations"
PERSONAL_ACCOUNTS = "9188040d-6c67-4c5b-b112-36a304b66dad"
ALGORITHMS = ["RS256"]
CLOCK_SKEW_SECONDS = 120
# AADSTS numbers of a token error, and what each means for us.
CONSENT_MISSING = {"700016", "65001", "90002", "650051", "650052"}
SECRET_WRONG = {"7000215", "7000222", "700027"}


@dataclass(frozen=True)
class Identity:
    """Who signed in: the only stable names are `tid` and `oid`. `name` and `upn` are for this request's pages and
    records."""

    tid: str
    oid: str
    name: str
    upn: str
    roles: frozenset[str] | None  # None: the token carried no such claim
    wids: frozenset[str] | None


def authorize_url(tenant: str) -> str:
    return f"{settings.ENTRA_AUTHORITY}/{tenant}/oauth2/v2.0/authorize"


def token_url(tenant: str) -> str:
    return f"{settings.ENTRA_AUTHORITY}/{tenant}/oauth2/v2.0/token"


def keys_url(tenant: str) -> str:
    return f"{settings.ENTRA_AUTHORITY}/{tenant}/discovery/v2.0/keys"


def consent_url(tid: str, *, redirect_uri: str, state: str) -> str:
    """Where an administrator of the tenant grants what the application is registered for (admin consent, v2)."""
    scope = f"{settings.GRAPH_URL}/.default"
    query = {"client_id": settings.ENTRA_CLIENT_ID, "scope": scope, "redirect_uri": redirect_uri, "state": state}
    return f"{settings.ENTRA_AUTHORITY}/{tid}/v2.0/adminconsent?{urlencode(query)}"


@asking("entra")
def verify_id_token(token: str, *, tenant: str, nonce: str, deadline: Deadline) -> Identity:
    """The identity in an id_token, once signature, issuer, audience, times and nonce hold. Raises Permanent or Retry.

    `tenant` is what the sign-in was sent to: `organizations`, or one tenant's id, which then must be the token's.
    """
    claims = jwks.verified_claims(
        token,
        jwks_uri=keys_url(tenant),
        algorithms=ALGORITHMS,
        audience=settings.ENTRA_CLIENT_ID,
        required=["exp", "iat", "iss", "aud", "tid", "oid", "nonce"],
        deadline=deadline,
        leeway=CLOCK_SKEW_SECONDS,
        keys_name_issuer=True,
    )
    tid, oid = _guid(claims["tid"]), _guid(claims["oid"])
    if tid == PERSONAL_ACCOUNTS:
        raise Permanent("personal-account")
    if claims["iss"] != f"{settings.ENTRA_AUTHORITY}/{tid}/v2.0":
        raise Permanent("id-token-issuer")
    if tenant not in {ANY_ORGANIZATION, tid}:
        raise Permanent("id-token-tenant")
    jwks.check_party(claims, client_id=settings.ENTRA_CLIENT_ID, nonce=nonce)
    return Identity(
        tid=tid,
        oid=oid,
        name=str(claims.get("name") or "")[:256],
        upn=str(claims.get("preferred_username") or "")[:256],
        roles=_names(claims.get("roles")),
        wids=_names(claims.get("wids")),
    )


@asking("entra")
def app_token(tid: str, *, deadline: Deadline) -> str:
    """An app-only token for Microsoft Graph in one tenant. Raises NeedsConsent, Permanent or Retry."""
    return token_cache.cached(_audience(tid), lambda: _request_app_token(tid, deadline))


def forget_app_token(tid: str) -> None:
    token_cache.forget(_audience(tid))


def _audience(tid: str) -> str:
    return f"graph|{settings.ENTRA_AUTHORITY}|{tid}"


def _request_app_token(tid: str, deadline: Deadline) -> token_cache.Token:
    form = {
        "grant_type": "client_credentials",
        "client_id": settings.ENTRA_CLIENT_ID,
        "client_secret": settings.ENTRA_CLIENT_SECRET,
        "scope": f"{settings.GRAPH_URL}/.default",
    }
    answer = fetch("POST", token_url(tid), deadline=deadline, data=form)
    if not answer.ok:
        raise token_problem(answer)
    document = answer.json()
    token, lives = document.get("access_token"), str(document.get("expires_in") or 3600)
    if not isinstance(token, str) or not lives.isdecimal():
        raise Retry("token-answer", host=answer.host)
    return token_cache.Token(token, int(lives))


def token_problem(answer: Answer) -> WireError:
    """What a refused token request means, by Entra's AADSTS number (never by its words)."""
    description = str(answer.json_or_empty().get("error_description") or "")
    number = found.group(1) if (found := re.match(r"AADSTS(\d+)", description)) else ""
    if number in CONSENT_MISSING:
        return NeedsConsent("admin-consent", host=answer.host, status=answer.status)
    if number in SECRET_WRONG:
        return Permanent("entra-client-secret", host=answer.host, status=answer.status)
    if answer.status == 429 or answer.status >= 500:
        return Retry("entra-unavailable", after=answer.retry_after(), host=answer.host, status=answer.status)
    return Permanent("entra-refused", host=answer.host, status=answer.status)


def _guid(value: object) -> str:
    try:
        return str(UUID(str(value)))
    except ValueError as error:
        raise Permanent("id-token-claims") from error


def _names(value: Any) -> frozenset[str] | None:
    return frozenset(str(name).lower() for name in value) if isinstance(value, list) else None
