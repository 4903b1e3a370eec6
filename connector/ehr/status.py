"""The EHR's telehealth status service: who is connected to which visit. Its whole shape is data of the revision."""

import json
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from connector.agreement import StatusService
from connector.errors import AlreadyDone, Permanent, Retry, WireError
from connector.http import Answer, Deadline, fetch

INTERCONNECT = re.compile(r"^(.*)/api/", re.IGNORECASE)  # greedy: a gateway's own path may hold an earlier /api/
REFUSED = frozenset({400, 404, 422})
LATER = frozenset({408, 425, 429})
HTML = (b"<!doctype html", b"<html")


def tell(
    service: StatusService,
    *,
    base_url: str,
    conference: str,
    external_id: str,
    external_id_type: str,
    code: str,
    token: Callable[[bool], str],
    deadline: Deadline,
) -> None:
    """Set one person's status in one visit. Ids go out byte for byte; `token(True)` is asked for after a 401, once.

    Raises Permanent("status-incomplete" | "status-refused" | "status-not-allowed" | "status-unsupported"), AlreadyDone
    or Retry.
    """
    parameters = {
        service.conference_parameter: conference,
        service.external_id_parameter: external_id,
        service.external_id_type_parameter: external_id_type,
        service.vendor_parameter: service.vendor_name,
        service.status_parameter: code,
    }
    parameters.pop("", None)
    if not all(parameters.values()):
        raise Permanent("status-incomplete")
    url = address(service, base_url)
    answer = _send(service.method, url, parameters, token(False), deadline)
    if answer.status == 401:
        answer = _send(service.method, url, parameters, token(True), deadline)
    if not answer.ok:
        raise problem(answer)
    if not _understood(answer):
        raise Retry("status-not-understood", host=answer.host, status=answer.status)


def address(service: StatusService, base_url: str) -> str:
    """Where a service of an EHR is called, without its parameters."""
    return f"{interconnect(base_url)}/{service.path.lstrip('/')}"


def interconnect(base_url: str) -> str:
    """What stands before `/api/` in a FHIR base URL, its path as written; the whole where there is no `/api/`."""
    parts = urlsplit(base_url)
    found = INTERCONNECT.match(parts.path)
    return f"{parts.scheme}://{parts.netloc}{found.group(1) if found else parts.path.rstrip('/')}"


def problem(answer: Answer) -> WireError:
    """What a refusal means: of this person or visit (`status-refused`), else of all that this client sends."""
    where: Any = {"host": answer.host, "status": answer.status}
    if answer.status == 409:
        return AlreadyDone("status-already", **where)
    if answer.status == 401:
        return Retry("status-unauthorized", **where)
    if answer.status == 403:
        return Permanent("status-not-allowed", **where)
    if answer.status in REFUSED:
        return Permanent("status-refused", **where)
    if answer.status in LATER or answer.status >= 500:
        return Retry("ehr-unavailable", after=answer.retry_after(), **where)
    return Permanent("status-unsupported", **where)  # redirects, other verbs


def _send(method: str, url: str, parameters: dict[str, str], token: str, deadline: Deadline) -> Answer:
    carried: dict[str, Any] = {"params" if method == "GET" else "data": parameters}
    headers = {"Authorization": f"Bearer {token}", "Accept": "application/json"}
    return fetch(method, url, deadline=deadline, headers=headers, **carried)


def _understood(answer: Answer) -> bool:
    """Whether a success is one: some front doors answer 200 with a login page, and half an answer says nothing."""
    body, kind = answer.body.strip(), answer.headers.get("content-type", "").lower()
    return not body or _is_json(body) or not ("json" in kind or "html" in kind or body.lower().startswith(HTML))


def _is_json(body: bytes) -> bool:
    try:
        json.loads(body)
    except (ValueError, RecursionError):
        return False
    return True
