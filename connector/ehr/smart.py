"""SMART App Launch 2.2: the authorization request, the token request, and who the id_token says signed in."""

import re
import uuid
from base64 import b64encode
from dataclasses import dataclass, field
from typing import Any, cast
from urllib.parse import quote, urlencode, urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from django.utils import timezone

from connector import jwks
from connector.ehr import answers, fhir
from connector.ehr.discovery import Endpoints, dicts, jwks_uri_of
from connector.errors import Permanent, Retry, WireError, asking
from connector.http import Answer, Deadline, fetch

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
ASSERTION_LIFE = 300  # at most, in all: two minutes and a little of it lie behind us, for an EHR whose clock is behind
ALGORITHMS = ["RS256", "RS384", "RS512", "ES256", "ES384"]
CLOCK_SKEW_SECONDS = 120
FHIR_USER = re.compile(
    r"(?:^|/)(Patient|Practitioner|PractitionerRole|RelatedPerson|Person)/([A-Za-z0-9\-][A-Za-z0-9.\-]*)/?$"
)
TOKEN_ERRORS = frozenset(  # RFC 6749 §5.2
    {
        "invalid_request",
        "invalid_client",
        "invalid_grant",
        "unauthorized_client",
        "unsupported_grant_type",
        "invalid_scope",
    }
)
PATIENT_SIDE = frozenset({"Patient", "RelatedPerson"})
STAFF_SIDE = frozenset({"Practitioner", "PractitionerRole"})


@dataclass(frozen=True)
class SigningKey:
    """A private key for client assertions, published in our JWKS under its kid."""

    kid: str
    pem: bytes
    algorithm: str


@dataclass(frozen=True)
class Client:
    """One of our client ids at an EHR and how it authenticates: with a key, with a secret, or (public) with neither."""

    client_id: str
    key: SigningKey | None = None
    secret: str = ""


@dataclass(frozen=True)
class Granted:
    """A token response. `context` is everything beside the OAuth members: launch context and Epic's CONTEXT keys."""

    access_token: str
    id_token: str
    scope: str
    context: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class EhrIdentity:
    """Who signed in at the EHR: `kind` is a FHIR resource type, empty where the server does not say."""

    subject: str
    kind: str = ""
    resource_id: str = ""


def authorize_url(
    endpoints: Endpoints, *, client_id: str, redirect_uri: str, scope: str, state: str, aud: str, **more: str
) -> str:
    """Where the browser is sent for a code. `aud` is the `iss` as the EHR gave it; `more` holds launch, nonce and
    PKCE."""
    query = {
        "response_type": "code",
        "client_id": client_id,
        "redirect_uri": redirect_uri,
        "scope": scope,
        "state": state,
        "aud": aud,
    } | {name: value for name, value in more.items() if value}
    separator = "&" if "?" in endpoints.authorize else "?"
    return f"{endpoints.authorize}{separator}{urlencode(query)}"


def redeem(
    endpoints: Endpoints, client: Client, *, code: str, redirect_uri: str, code_verifier: str, deadline: Deadline
) -> Granted:
    """Exchange a code for a token response. Raises Permanent("code-refused" …) or Retry."""
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": redirect_uri}
    if code_verifier:
        form["code_verifier"] = code_verifier
    return _granted(token_request(endpoints.token, client, form, deadline))


def check_issuer(endpoints: Endpoints, named: str) -> None:
    """Whether a code comes from whom it was asked of, where the answer says so (RFC 9207 §2.4, against mix-up)."""
    if named and endpoints.issuer and named.rstrip("/") != endpoints.issuer.rstrip("/"):
        raise Permanent("ehr-id-token-issuer")


def token_request(token_url: str, client: Client, form: dict[str, str], deadline: Deadline) -> Answer:
    """POST to a token endpoint with the client's authentication; raises what a refusal means."""
    answer = ask_token(token_url, client, form, deadline)
    if answer.ok:
        return answer
    raise token_problem(answer)


def ask_token(token_url: str, client: Client, form: dict[str, str], deadline: Deadline) -> Answer:
    """POST to a token endpoint with the client's authentication: what it answered, granted or refused."""
    headers = {"Accept": "application/json"} | _basic(client)
    return fetch("POST", token_url, deadline=deadline, data=form | _credentials(token_url, client), headers=headers)


def client_assertion(client_id: str, token_url: str, key: SigningKey) -> str:
    """A signed JWT that proves who we are (SMART "Client Authentication: asymmetric"; RFC 7523)."""
    begins = int(timezone.now().timestamp()) - CLOCK_SKEW_SECONDS - 10
    claims = {
        "iss": client_id,
        "sub": client_id,
        "aud": token_url,
        "jti": str(uuid.uuid4()),
        "iat": begins,
        "nbf": begins,
        "exp": begins + ASSERTION_LIFE,
    }
    # Ours, and whole: its encryption at rest is authenticated. Checking its primes takes longer than signing does.
    private = cast(RSAPrivateKey, load_pem_private_key(key.pem, None, unsafe_skip_rsa_key_validation=True))
    return jwt.encode(claims, private, algorithm=key.algorithm, headers={"kid": key.kid, "typ": "JWT"})


def token_problem(answer: Answer) -> WireError:
    """What a refused token request means (RFC 6749 §5.2). A page of something in front of the EHR refuses nothing: it
    may be gone later. A 401 is about the client whoever says it, and repeating it may lock that."""
    error = str(answer.json_or_empty().get("error") or "")
    where: Any = {"host": answer.host, "status": answer.status}
    if answer.status == 429 or answer.status >= 500:
        return Retry("ehr-unavailable", after=answer.retry_after(), **where)
    reason = error if error in TOKEN_ERRORS else ""
    if error in {"invalid_client", "unauthorized_client"} or answer.status == 401:
        return Permanent("ehr-client-refused", reason=reason, **where)
    if answers.is_redirect(answer) or answers.is_foreign(answer):
        return Retry("not-json", **where)
    return Permanent("code-refused", reason=reason, **where)


def identity_of(
    granted: Granted, endpoints: Endpoints, *, client_id: str, nonce: str, deadline: Deadline
) -> EhrIdentity | None:
    """Who the id_token names, once it is verified; None where the server sent none (before OpenID).

    Raises Permanent("ehr-id-token-…") or Retry.
    """
    if not granted.id_token:
        return None
    try:
        claims = _claims(granted.id_token, endpoints, client_id, nonce, deadline)
    except Permanent as error:
        code = f"ehr-{error.code}" if error.code.startswith("id-token") else error.code
        raise Permanent(code, host=error.host, status=error.status) from error
    kind, resource_id = fhir_user(str(claims.get("fhirUser") or claims.get("profile") or ""))
    return EhrIdentity(subject=str(claims["sub"]), kind=kind, resource_id=resource_id)


@asking("ehr")
def _claims(id_token: str, endpoints: Endpoints, client_id: str, nonce: str, deadline: Deadline) -> dict[str, Any]:
    issuer, jwks_uri = _issuer(id_token, endpoints, deadline)
    claims = jwks.verified_claims(
        id_token,
        jwks_uri=jwks_uri,
        algorithms=ALGORITHMS,
        audience=client_id,
        required=["exp", "iss", "aud", "sub"],
        deadline=deadline,
        leeway=CLOCK_SKEW_SECONDS,
    )
    if str(claims["iss"]).rstrip("/") != issuer.rstrip("/"):
        raise Permanent("id-token-issuer")
    jwks.check_party(claims, client_id=client_id, nonce=nonce)
    return claims


def _issuer(id_token: str, endpoints: Endpoints, deadline: Deadline) -> tuple[str, str]:
    """(issuer, where its keys are). Before smart-configuration (Epic until August 2021) the token alone names its
    issuer, which is believed on the token endpoint's own host."""
    issuer, jwks_uri = endpoints.issuer, endpoints.jwks_uri
    if not issuer:
        try:
            claims = jwt.decode(id_token, options={"verify_signature": False})
            issuer = str(claims.get("iss") or "")
            known = urlsplit(issuer).netloc.lower() == urlsplit(endpoints.token).netloc.lower()
        except (jwt.PyJWTError, ValueError, RecursionError) as error:
            raise Permanent("id-token-claims") from error
        jwks_uri = jwks_uri_of(issuer, deadline) if known else ""
    if not jwks_uri:
        raise Permanent("id-token-unverifiable")
    return issuer, jwks_uri


def fhir_user(value: str) -> tuple[str, str]:
    """(type, id) of a fhirUser claim, absolute or relative; empty when it is neither."""
    found = FHIR_USER.search(value)
    return (found.group(1), found.group(2)) if found else ("", "")


def launched(context: dict[str, Any], kind: str) -> str:
    """The id of the Appointment or Encounter that a launch is about: of the member of this name, else of the only
    reference to one in fhirContext (SMART 2.2 §"fhirContext"). Empty where there is none, or where there are several.
    """
    own = context.get(kind.lower())
    if isinstance(own, str | int) and str(own).strip():
        named, identifier = fhir.reference(own)
        return identifier if named == kind else str(own)
    references = [fhir.reference(one.get("reference")) for one in dicts(context.get("fhirContext"))]
    found = {identifier for named, identifier in references if named == kind}
    return found.pop() if len(found) == 1 else ""


def _credentials(token_url: str, client: Client) -> dict[str, str]:
    if client.key:
        assertion = client_assertion(client.client_id, token_url, client.key)
        return {"client_assertion_type": ASSERTION_TYPE, "client_assertion": assertion}
    return {} if client.secret else {"client_id": client.client_id}


def _basic(client: Client) -> dict[str, str]:
    """RFC 6749 §2.3.1: id and secret are form-encoded before Basic. Epic refuses a client_id in the body beside it."""
    if not client.secret:
        return {}
    pair = f"{quote(client.client_id, safe='')}:{quote(client.secret, safe='')}"
    return {"Authorization": f"Basic {b64encode(pair.encode()).decode()}"}


def access_token_of(answer: Answer) -> str:
    """The access token of a token response; Retry("token-answer") where there is none."""
    token = answer.json().get("access_token")
    if not isinstance(token, str) or not token:
        raise Retry("token-answer", host=answer.host)
    return token


def _granted(answer: Answer) -> Granted:
    access_token, document = access_token_of(answer), answer.json()
    oauth = {"access_token", "token_type", "expires_in", "scope", "id_token", "refresh_token"}
    return Granted(
        access_token=access_token,
        id_token=str(document.get("id_token") or ""),
        scope=str(document.get("scope") or ""),
        context={name: value for name, value in document.items() if name not in oauth},
    )
