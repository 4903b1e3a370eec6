"""The EHR's telehealth status service: who is connected to which visit. Its whole shape is data of the revision."""

import re
from typing import Any
from urllib.parse import urlsplit

from connector.agreement import StatusService
from connector.ehr import answers
from connector.ehr.answers import Authorize
from connector.errors import AlreadyDone, Permanent, Retry, WireError
from connector.http import Answer, Deadline, fetch

INTERCONNECT = re.compile(r"^(.*)/api/", re.IGNORECASE)  # greedy: a gateway's own path may hold an earlier /api/
REFUSED = frozenset({400, 404, 422})


def tell(
    service: StatusService,
    *,
    base_url: str,
    conference: str,
    external_id: str,
    external_id_type: str,
    code: str,
    authorize: Authorize,
    deadline: Deadline,
) -> None:
    """Set one person's status in one visit. Ids go out byte for byte.

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
    carried: dict[str, Any] = {"params" if service.method == "GET" else "data": parameters}
    usual = {"Accept": "application/json", **service.headers}
    answer = answers.authorized(
        authorize, lambda headers: fetch(service.method, url, deadline=deadline, headers=usual | headers, **carried)
    )
    if not answer.ok:
        raise problem(answer)
    answers.believe(answer, "status")


def address(service: StatusService, base_url: str) -> str:
    """Where a service of an EHR is called, without its parameters."""
    return f"{interconnect(base_url)}/{service.path.lstrip('/')}"


def interconnect(base_url: str) -> str:
    """What stands before `/api/` in a FHIR base URL, its path as written; the whole where there is no `/api/`."""
    parts = urlsplit(base_url)
    found = INTERCONNECT.match(parts.path)
    return f"{parts.scheme}://{parts.netloc}{found.group(1) if found else parts.path.rstrip('/')}"


def problem(answer: Answer) -> WireError:
    """What a refusal means: of this person or visit (`status-refused`), else of all that this client sends. A page of
    something in front of the service refuses nobody: it may be gone later."""
    where: Any = {"host": answer.host, "status": answer.status}
    if answer.status == 409:
        return AlreadyDone("status-already", **where)
    if answer.status == 401:
        return Retry("status-unauthorized", **where)
    if answers.busy(answer.status):
        return Retry("ehr-unavailable", after=answer.retry_after(), **where)
    if answers.is_foreign(answer):
        return Retry("status-not-understood", **where)
    if answer.status == 403:
        return Permanent("status-not-allowed", **where)
    if answer.status in REFUSED:
        return Permanent("status-refused", **where)
    return answers.unsupported(answer, "status")
