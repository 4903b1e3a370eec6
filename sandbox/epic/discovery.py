"""What the EHR says about itself without being signed in: smart-configuration, capability statement, OpenID, keys."""

from typing import Any

from flask import Blueprint, Response, abort

from sandbox.epic import keys
from sandbox.epic.clients import READABLE
from sandbox.epic.instance import ROUTE, fhir_base, issuer, root, switched, token_url
from sandbox.epic.wire import fhir_response

pages = Blueprint("discovery", __name__)
R4, DSTU2 = f"{ROUTE}/api/FHIR/R4", f"{ROUTE}/api/FHIR/DSTU2"
SCOPES = ["epic.scanning.dmsusername", "fhirUser", "launch", "openid", "profile"]
CAPABILITIES = [
    "launch-ehr",
    "launch-standalone",
    "client-public",
    "client-confidential-symmetric",
    "client-confidential-asymmetric",
    "context-banner",
    "context-style",
    "context-ehr-patient",
    "context-ehr-encounter",
    "context-standalone-patient",
    "permission-patient",
    "permission-user",
    "permission-v1",
    "permission-v2",
    "sso-openid-connect",
    "authorize-post",
]
OAUTH_URIS = "http://fhir-registry.smarthealthit.org/StructureDefinition/oauth-uris"


@pages.get(f"{R4}/.well-known/smart-configuration")
def smart_configuration() -> dict[str, Any]:
    """SMART 2 discovery in the shape of Epic's own; scopes_supported names almost nothing."""
    if switched("smart_configuration_absent"):
        abort(404)
    return _endpoints() | {
        "grant_types_supported": ["authorization_code", "client_credentials"],
        "capabilities": [name for name in CAPABILITIES if name != "permission-v1" or not switched("oracle_health")],
        "code_challenge_methods_supported": ["S256"],
    }


@pages.get(f"{ROUTE}/oauth2/.well-known/openid-configuration")
def openid_configuration() -> dict[str, Any]:
    """OpenID discovery below the issuer. There is no userinfo endpoint."""
    if switched("no_openid"):
        abort(404)
    return _endpoints() | {
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "claims_supported": ["aud", "exp", "iat", "iss", "sub", "nonce", "fhirUser", "preferred_username"],
    }


def _endpoints() -> dict[str, Any]:
    return {
        "issuer": issuer(),
        "jwks_uri": f"{root()}/api/epic/2019/Security/Open/PublicKeys/530027/OIDC",
        "authorization_endpoint": f"{root()}/oauth2/authorize",
        "token_endpoint": token_url(),
        "token_endpoint_auth_methods_supported": ["client_secret_post", "client_secret_basic", "private_key_jwt"],
        "token_endpoint_auth_signing_alg_values_supported": ["RS256", "RS384", "RS512", "ES256", "ES384"],
        "response_types_supported": ["code"],
        "scopes_supported": [SCOPES] if switched("scopes_nested") else SCOPES,
    }


@pages.get(f"{ROUTE}/api/epic/2019/Security/Open/PublicKeys/530027/OIDC")
def public_keys() -> dict[str, Any]:
    """The keys that sign id_tokens."""
    return keys.key_set()


@pages.get(f"{R4}/metadata")
def metadata() -> Response:
    """The R4 capability statement, XML unless JSON is asked for."""
    kinds = [{"type": name, "interaction": [{"code": "read"}]} for name in READABLE]
    return fhir_response({"resourceType": "CapabilityStatement"} | _statement("4.0.1", kinds))


@pages.get(f"{DSTU2}/metadata")
def dstu2_metadata() -> Response:
    """The DSTU2 conformance statement: a base without smart-configuration."""
    kinds = [{"type": "Patient", "interaction": [{"code": "read"}]}]
    return fhir_response({"resourceType": "Conformance"} | _statement("1.0.2", kinds))


def _statement(fhir_version: str, kinds: list[dict[str, Any]]) -> dict[str, Any]:
    old = switched("november_2018")
    release = ("November 2018", "2018-11-12") if old else ("May 2026", "2026-05-11")
    oracle = switched("oracle_health")  # which names its publisher and no software
    software = {"software": {"name": "Epic", "version": release[0], "releaseDate": release[1]}}
    return {
        "status": "active",
        "date": f"{release[1]}T00:00:00Z",
        "publisher": "Oracle Health" if oracle else "Not provided",
        "kind": "instance",
        **({} if oracle else software),
        "implementation": {"description": "Sandbox stand-in", "url": fhir_base()},
        "fhirVersion": fhir_version,
        "format": ["xml", "json"],
        "rest": [{"mode": "server", "security": _security(), "resource": kinds}],
    }


def _security() -> dict[str, Any]:
    uris = {"authorize": f"{root()}/oauth2/authorize", "token": token_url()}
    coding = {"system": "http://terminology.hl7.org/CodeSystem/restful-security-service", "code": "SMART-on-FHIR"}
    return {
        "extension": [{"url": OAUTH_URIS, "extension": [{"url": name, "valueUri": uri} for name, uri in uris.items()]}],
        "cors": True,
        "service": [
            {"coding": [coding], "text": "OAuth2 using SMART-on-FHIR profile (see http://docs.smarthealthit.org)"}
        ],
    }
