"""Asking a service of an EHR, and what its success is worth: front doors answer 200 with a login page, services 200
with an error inside."""

import json
import re
from collections.abc import Callable
from typing import Any

from connector.ehr import discovery
from connector.errors import Permanent, Retry, WireError
from connector.http import Answer

LATER = frozenset({408, 425, 429})
HTML = (b"<!doctype html", b"<html")
# How an error is told in text or XML: by the first word, or by the name of the root element.
ERROR = re.compile(rb"(?:<\?xml[^>]*>\s*)?<?(?:\w+:)?(?:error|exception|fault)\b", re.IGNORECASE)
SOAP_FAULT = re.compile(rb"<(?:\w+:)?Fault\b")
TOLD = frozenset({"error", "errors", "errorcode", "errormessage", "exception", "exceptionmessage", "fault"})
DENIED = frozenset({"success", "issuccess", "succeeded", "ok"})
GRAVE = frozenset({"error", "fatal"})


Headers = dict[str, str]
Authorize = Callable[[bool], Headers]  # the headers that say who asks; True: what these said before was refused


def authorized(authorize: Authorize, ask: Callable[[Headers], Answer]) -> Answer:
    """Ask, and after a 401 once more with what is renewed. A password stays the same, and repeating it may lock the
    account: then Permanent("password-refused")."""
    headers = authorize(False)
    answer = ask(headers)
    if answer.status != 401:
        return answer
    renewed = authorize(True)
    if renewed == headers:
        raise Permanent("password-refused", host=answer.host, status=answer.status)
    return ask(renewed)


def busy(status: int) -> bool:
    """Whether a status asks for patience: the same request may be taken later."""
    return status in LATER or status >= 500


def is_foreign(answer: Answer) -> bool:
    """Whether a refusal is not the service's own: a web page of something in front of it, or half an answer. Plain text
    that is called HTML is the service's own."""
    body, kind = _told(answer)
    if not body or _json(body) is not None:
        return False
    return "json" in kind or body.lower().startswith(HTML) or ("html" in kind and body.startswith(b"<"))


def is_redirect(answer: Answer) -> bool:
    """Whether we are sent elsewhere, where we never go: no service of an EHR does that, a sign-in page in front of it
    does."""
    return 300 <= answer.status < 400


def unsupported(answer: Answer, service: str) -> WireError:
    """What an answer means that the service's own table does not know: another verb, another form; or a redirect, which
    may be gone later."""
    kind = Retry if is_redirect(answer) else Permanent
    return kind(f"{service}-unsupported", host=answer.host, status=answer.status)


def believe(answer: Answer, service: str) -> None:
    """Take a success for one. Raises Retry("<service>-not-understood") for a page or half an answer, and
    Retry("<service>-error-told") where its body speaks of an error."""
    body, kind = _told(answer)
    document = _json(body)
    if document is None and body and ("json" in kind or "html" in kind or body.lower().startswith(HTML)):
        raise Retry(f"{service}-not-understood", host=answer.host, status=answer.status)
    if _tells_error(document) if document is not None else ERROR.match(body) or SOAP_FAULT.search(body):
        raise Retry(f"{service}-error-told", host=answer.host, status=answer.status)


def _told(answer: Answer) -> tuple[bytes, str]:
    """(the body, the media type in lower case)."""
    return answer.body.strip(), answer.headers.get("content-type", "").lower()


def _json(body: bytes) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


def _tells_error(document: Any) -> bool:
    """Whether a JSON answer says that it is none: by a member that names an error, by a success that is false, or as an
    OperationOutcome. A service that answers `false` means no."""
    if not isinstance(document, dict):
        return document is False
    members = {str(name).lower().replace("_", ""): value for name, value in document.items()}
    if any(members.get(name) not in (None, "", 0, "0", False, [], {}) for name in TOLD):
        return True
    if any(members.get(name) in (False, "false", "False") for name in DENIED):
        return True
    outcome = document.get("resourceType") == "OperationOutcome"
    return outcome and any(str(issue.get("severity")) in GRAVE for issue in discovery.dicts(document.get("issue")))
