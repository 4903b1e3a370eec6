"""The telehealth status service in its attested shape: a GET whose query says who is connected to which visit."""

import secrets
from datetime import UTC, datetime

from flask import Blueprint, Response, request

from sandbox.epic import people
from sandbox.epic.clients import find_client
from sandbox.epic.fhir import bearer
from sandbox.epic.instance import ROUTE, store, table
from sandbox.store import Document

pages = Blueprint("telehealth", __name__)
PATH = "/api/epic/2018/Telehealth/ContextLinking/SetExternalConnectionStatus"
STATES = {"1": "connected", "2": "disconnected", "3": "waiting"}
PARAMETERS = ("ConferenceID", "ExternalID", "ExternalIDType", "VendorName", "ConnectionStatus")
BACKGROUND_USER = "emp$VIDEOVISIT"


@pages.get(f"{ROUTE}{PATH}")
def set_external_connection_status() -> Response:
    """200, empty; 400 with the reason, 401 without credentials, 403 (empty) for a client without the right."""
    client_id = _caller()
    if client_id is None:
        return Response(
            "Authentication is required.", 401, {"WWW-Authenticate": "Bearer, Basic"}, mimetype="text/plain"
        )
    client = find_client(client_id)
    if client is None or client.kind != "backend" or not client.mapped:
        return Response(status=403)
    call = {name: request.args.get(name, "") for name in PARAMETERS}
    reason = problem(call)
    _record(call, reason)
    return Response(reason, 400 if reason else 200, mimetype="text/plain")


def _caller() -> str | None:
    """The client id behind a backend token, or behind the background user's password and the Epic-Client-ID header."""
    token = bearer()
    if token is not None:
        return str(token["client_id"])
    return request.headers.get("Epic-Client-ID", "") if is_background_user() else None


def is_background_user() -> bool:
    """Whether the request brings the background user's name and password."""
    basic = request.authorization
    if basic is None or basic.type != "basic" or basic.username != BACKGROUND_USER:
        return False
    return secrets.compare_digest((basic.password or "").encode(), background_password().encode())


def background_password() -> str:
    """The background user's password in this instance, made when it is missing."""
    with store().lock:
        kept = table("background")
        kept.setdefault("password", {"value": secrets.token_urlsafe(12)})
        return str(kept["password"]["value"])


def problem(call: dict[str, str]) -> str:
    """What is wrong with a call, in a sentence; empty when nothing is. Ids are compared byte for byte."""
    missing = [name for name in PARAMETERS if not call[name]]
    if missing:
        return f"Missing: {', '.join(missing)}."
    if people.find_visit(call["ConferenceID"]) is None:
        return "ConferenceID is no scheduled visit."
    if call["ExternalIDType"] not in people.EXTERNAL_ID_TYPES.values():
        return "ExternalIDType is unknown."
    if people.find_external(call["ExternalID"], call["ExternalIDType"]) is None:
        return "ExternalID is not known as an id of this type. Ids are padded and must be sent as they were given."
    return "" if call["ConnectionStatus"] in STATES else "ConnectionStatus is unknown."


def _record(call: dict[str, str], reason: str) -> None:
    person = people.find_external(call["ExternalID"], call["ExternalIDType"])
    table("status")[secrets.token_hex(8)] = call | {
        "time": datetime.now(UTC).isoformat(timespec="milliseconds"),
        "who": person.name if person else "",
        "state": STATES.get(call["ConnectionStatus"], ""),
        "accepted": not reason,
        "reason": reason,
        "request": request.headers.get("X-Request-ID", ""),
    }


def calls() -> list[Document]:
    """Every call of this instance, in order."""
    return list(table("status").values())


def presence(csn: str, side: str) -> list[Document]:
    """Each person's last accepted call for a visit, of one side, in the order in which they first appeared."""
    wanted = people.EXTERNAL_ID_TYPES[side]
    latest = {
        call["ExternalID"]: call
        for call in calls()
        if call["accepted"] and call["ConferenceID"] == csn and call["ExternalIDType"] == wanted
    }
    return list(latest.values())
