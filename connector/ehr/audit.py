"""A FHIR R4 repository that keeps AuditEvents: ours are created there, each once however often it is sent (FHIR R4
§3.1.0.8.1, conditional create)."""

import json
from typing import Any
from urllib.parse import urlencode

from connector.ehr import answers
from connector.ehr.answers import Authorize
from connector.errors import AlreadyDone, Permanent, Retry, WireError
from connector.http import Answer, Deadline, fetch

FHIR_JSON = "application/fhir+json"
# Answers that every further event would get too: it is the repository, or what we call it.
PERMANENT = {
    400: "audit-refused",
    403: "audit-not-allowed",
    404: "audit-not-found",
    405: "audit-not-offered",
    410: "audit-not-found",
    412: "audit-not-conditional",
    422: "audit-refused",
    501: "audit-not-offered",
}


def create(
    address: str, event: dict[str, Any], tag: tuple[str, str], *, authorize: Authorize, deadline: Deadline
) -> None:
    """Create an AuditEvent unless one with our tag (system, code) is there: AuditEvent has no identifier of its own,
    and every server searches by `_tag`.

    Raises AlreadyDone where it is there, Permanent with a code of PERMANENT or "audit-unsupported", or Retry.
    """
    usual = {
        "Accept": FHIR_JSON,
        "Content-Type": FHIR_JSON,
        "Prefer": "return=minimal",
        "If-None-Exist": urlencode({"_tag": "|".join(tag)}, safe=":/|"),
    }
    body = json.dumps(event).encode()
    answer = answers.authorized(
        authorize,
        lambda headers: fetch("POST", f"{address}/AuditEvent", deadline=deadline, headers=usual | headers, data=body),
    )
    if not answer.ok:
        raise problem(answer)
    answers.believe(answer, "audit")
    if answer.status == 200:
        raise AlreadyDone("audit-already", host=answer.host, status=answer.status)


def problem(answer: Answer) -> WireError:
    """What a refusal means. A page of something in front of the repository refuses nothing: it may be gone later."""
    where: Any = {"host": answer.host, "status": answer.status}
    code = PERMANENT.get(answer.status, "")
    if answer.status == 401:
        return Retry("audit-unauthorized", **where)
    # 409: somebody else creates the same at this moment
    if not code and (answer.status == 409 or answers.busy(answer.status)):
        return Retry("audit-unavailable", after=answer.retry_after(), **where)
    if answers.is_foreign(answer):
        return Retry("audit-not-understood", **where)
    return Permanent(code, **where) if code else answers.unsupported(answer, "audit")
