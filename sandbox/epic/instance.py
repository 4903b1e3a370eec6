"""The instance of the EHR that a request is about: its URLs, its tables and the switches over all of them.

Every route that starts with `ROUTE` belongs to one instance, which stands in `g.instance` and is filled into every URL.
"""

from typing import Any

from flask import Flask, current_app, g

from sandbox.standin import url_of
from sandbox.store import Store, Table

INSTANCES = {"interconnect-tst": "Test", "interconnect-prd": "Production"}
_ANY = "<any({}):instance>".format(",".join(f"'{name}'" for name in INSTANCES))
ROUTE = f"/{_ANY}"
CONSOLE_ROUTE = f"/sandbox/{_ANY}"

# OAuth errors that a switch lets the endpoint answer with, whatever was asked.
AUTHORIZE_ERRORS = ("access_denied", "invalid_request", "invalid_scope", "unauthorized_client", "server_error")
TOKEN_ERRORS = ("invalid_client", "invalid_grant", "invalid_scope", "unauthorized_client")

SWITCHES = {
    "csn_unfilled": "Leave %CSN% unfilled in the integration record's context",
    "unauthorized_for_forbidden": "FHIR answers 401 where 403 is meant",
    "errors_not_fhir": "FHIR errors are HTML, no OperationOutcome",
    "repository_takes_none": "The audit repository takes no AuditEvents (405)",
    "no_openid": "No OpenID: no id_token",
    "fhiruser_relative": "fhirUser is a relative reference",
    "fhiruser_person": "fhirUser is a Person",
    "id_token_without_kid": "The id_token's header has no kid",
    "issuer_elsewhere": "The issuer is on another host name (127.0.0.1)",
    "smart_configuration_absent": "No smart-configuration: only the capability statement names the endpoints",
    "scopes_nested": "scopes_supported is a list inside a list",
    "keys_remembered": "A client's key set is remembered for 29 hours, also when an unknown key turns up",
    "november_2018": "Epic November 2018: no smart-configuration, no PKCE, no OpenID",
    "oracle_health": "Oracle Health: no CONTEXT, the appointment in fhirContext, scopes of SMART v2 alone",
    "visits_cancelled": "Every appointment and encounter is cancelled",
    **{f"authorize_{error}": f"The authorize endpoint sends back with {error}" for error in AUTHORIZE_ERRORS},
    **{f"token_{error}": f"The token endpoint answers {error}" for error in TOKEN_ERRORS},
}


def install(app: Flask, store: Store) -> None:
    """Give `app` the store, and each request its instance."""
    app.extensions["epic_store"] = store

    @app.url_value_preprocessor
    def enter(endpoint: str | None, values: dict[str, Any] | None) -> None:
        g.instance = (values or {}).pop("instance", None)

    @app.url_defaults
    def fill_in(endpoint: str, values: dict[str, Any]) -> None:
        if g.instance and app.url_map.is_endpoint_expecting(endpoint, "instance"):
            values.setdefault("instance", g.instance)

    @app.context_processor
    def names() -> dict[str, Any]:
        return {"instances": INSTANCES, "instance": g.get("instance"), "instance_name": INSTANCES.get(g.instance)}


def store() -> Store:
    """The store of the running app."""
    kept: Store = current_app.extensions["epic_store"]
    return kept


def table(kind: str) -> Table:
    """The documents of one kind of this request's instance."""
    return store().table(f"{g.instance}/{kind}")


def switched(name: str) -> bool:
    """Is a switch on? The one of November 2018 turns on what that version lacked."""
    lacked_in_2018 = {"no_openid", "smart_configuration_absent"}
    switches = store().table("switches")
    return name in switches or (name in lacked_in_2018 and "november_2018" in switches)


def told_to_fail(endpoint: str, errors: tuple[str, ...]) -> str:
    """The first of these OAuth errors that is switched on for an endpoint; empty for none."""
    return next((error for error in errors if switched(f"{endpoint}_{error}")), "")


def root() -> str:
    """{EPIC}/{instance}, where Interconnect lives."""
    return f"{url_of('epic')}/{g.instance}"


def fhir_base() -> str:
    """The FHIR R4 base URL, without a trailing slash: what a launch sends as `iss`."""
    return f"{root()}/api/FHIR/R4"


def issuer() -> str:
    """The OpenID issuer: unlike the FHIR base, as Epic's is."""
    elsewhere = root().replace("//localhost", "//127.0.0.1")
    return f"{elsewhere if switched('issuer_elsewhere') else root()}/oauth2"


def token_url() -> str:
    """The token endpoint, which client assertions name as their audience."""
    return f"{root()}/oauth2/token"
