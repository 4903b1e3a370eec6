"""A repository of AuditEvents beside the EHR, at a FHIR base of its own: it creates each once (conditional create), for
a backend token with the scope or for the background user's password. Epic's own FHIR base takes none."""

import functools
import json
import secrets
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import parse_qs

from flask import Blueprint, Response, abort, request
from jsonschema import Draft202012Validator
from jsonschema.exceptions import best_match

from sandbox.epic.clients import AUDIT_SCOPES
from sandbox.epic.fhir import bearer, challenge, forbidden
from sandbox.epic.instance import ROUTE, root, store, switched, table, token_url
from sandbox.epic.telehealth import is_background_user
from sandbox.epic.wire import fhir_error, fhir_response
from sandbox.store import Document

pages = Blueprint("repository", __name__)
BASE = f"{ROUTE}/audit/R4"
SCHEMA = Path(__file__).parent / "schemas" / "auditEvent.json"


@pages.get(f"{BASE}/metadata")
def metadata() -> Response:
    """What the repository can do: create AuditEvents, each once."""
    resource = {"type": "AuditEvent", "interaction": [{"code": "create"}], "conditionalCreate": True}
    listed = [] if switched("repository_takes_none") else [resource]
    return fhir_response(
        {
            "resourceType": "CapabilityStatement",
            "status": "active",
            "date": "2026-05-11",
            "kind": "instance",
            "software": {"name": "Sandbox audit repository"},
            "fhirVersion": "4.0.1",
            "format": ["json"],
            "rest": [{"mode": "server", "resource": listed}],
        }
    )


@pages.get(f"{BASE}/.well-known/smart-configuration")
def smart_configuration() -> Document:
    """Where its tokens come from: the EHR's own token endpoint."""
    return {"authorization_endpoint": f"{root()}/oauth2/authorize", "token_endpoint": token_url()}


@pages.post(f"{BASE}/AuditEvent")
def create() -> Response:
    """201 with the Location, 200 where one is there already; 400 for what is no JSON, 412 without a usable condition,
    422 for what is no AuditEvent."""
    if refused := _refusal():
        return refused
    event = request.get_json(silent=True, force=True)
    if not isinstance(event, dict):
        return fhir_error(400, "structure", "The body is no JSON object.")
    if wrong := best_match(_validator().iter_errors(event)):
        return fhir_error(422, "invalid", f"{'.'.join(map(str, wrong.absolute_path))}: {wrong.message}")
    condition = request.headers.get("If-None-Exist", "")
    with store().lock:
        found = [key for key, kept in table("audit").items() if condition and _has_tag(kept["event"], condition)]
        if len(found) > 1:
            return fhir_error(412, "multiple-matches", "The condition is met by more than one.")
        key = found[0] if found else _keep(event)
    answer = Response(status=200 if found else 201)
    answer.headers["Location"] = f"{root()}/audit/R4/AuditEvent/{key}/_history/1"
    return answer


@pages.route(f"{BASE}/<path:other>", methods=["GET", "POST", "PUT", "DELETE"])
def nothing_else(other: str) -> Response:
    """The repository keeps AuditEvents and gives nothing back."""
    abort(405)


def _refusal() -> Response | None:
    if switched("repository_takes_none"):
        return fhir_error(405, "not-supported", "AuditEvent cannot be created here.")
    if is_background_user():
        return None
    token = bearer()
    if token is None:
        return challenge(fhir_error(401, "login", "No valid access token."), "invalid_token")
    if not AUDIT_SCOPES & set(token["scope"].split()):
        return forbidden("The token has no scope for creating AuditEvents.")
    return None


@functools.cache
def _validator() -> Draft202012Validator:
    return Draft202012Validator(json.loads(SCHEMA.read_text()))


def _has_tag(event: Document, condition: str) -> bool:
    """Whether an event meets a condition such as `_tag=system|code`; one that nobody understands is met by all."""
    [asked] = parse_qs(condition).get("_tag", [""])
    if not asked:
        return True
    return asked in {f"{tag['system']}|{tag['code']}" for tag in event.get("meta", {}).get("tag", [])}


def _keep(event: Document) -> str:
    key = secrets.token_hex(8)
    table("audit")[key] = {"time": datetime.now(UTC).isoformat(timespec="milliseconds"), "event": event}
    return key


def kept() -> list[Document]:
    """Every AuditEvent of this instance with when it came, in order."""
    return list(table("audit").values())


def line(kept: Document) -> dict[str, str]:
    """One kept AuditEvent as the console lists it."""
    event = kept["event"]
    period, entity = event.get("period", {}), (event.get("entity") or [{}])[0]
    return {
        "came": kept["time"][11:23],
        "event": (event.get("subtype") or [event["type"]])[0]["code"],
        "start": period.get("start", "")[11:23],
        "end": period.get("end", "")[11:23],
        "visit": entity.get("what", {}).get("identifier", {}).get("value", ""),
    }
