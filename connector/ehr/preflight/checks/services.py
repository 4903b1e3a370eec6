"""What goes on behind a visit: the connector's own token, and the status service."""

from collections.abc import Iterator

from connector.ehr.preflight.asking import Got, Seen
from connector.ehr.preflight.evidence import fault, told
from connector.ehr.preflight.shapes import Finding, Level

# RFC 6749 §5.2
REFUSALS = {
    "invalid_client": "backend-client-unknown",
    "unauthorized_client": "backend-client-unmapped",
    "invalid_scope": "backend-scope",
    "unsupported_grant_type": "backend-grant",
    "invalid_grant": "backend-refused",
    "invalid_request": "backend-refused",
}
AWAY = frozenset({"slow", "unreachable", "too-large", "busy", "down"})


def backend_token(seen: Seen) -> Iterator[Finding]:
    """Whether a backend token is really given out. Visits do without it, writing back does not."""
    got = seen.token
    if not got.asked:
        yield Finding("backend-not-asked", "info")
    elif got.document.get("access_token"):
        yield Finding("backend-token", "ok", got.asked, told(got))
    else:
        error = _error(got)
        came = f"{told(got)}, {error}" if error else told(got)
        yield Finding(_refusal(got, error), "warns", got.asked, came)


def _error(got: Got) -> str:
    """The OAuth error code of a refusal; empty for any other text."""
    code = str(got.answer.json_or_empty().get("error")) if got.answer else ""
    return code if code in REFUSALS else ""


def _refusal(got: Got, error: str) -> str:
    if fault(got) in AWAY:
        return "backend-unavailable"
    if got.answer and got.answer.ok:
        return "backend-no-token"
    usual = "backend-client-unknown" if got.status == 401 else "backend-refused"
    return REFUSALS.get(error, usual)


def status_service(seen: Seen) -> Iterator[Finding]:
    """Whether something answers at the status service's address that is not there for every address."""
    got = seen.status
    if got.asked:
        check, level = _status(got, seen.control)
        yield Finding(check, level, got.asked, told(got))
    else:
        yield Finding("status-unknown", "info")


def _status(got: Got, control: Got) -> tuple[str, Level]:
    wrong = fault(got)
    if wrong in AWAY and got.status != 501:
        return "status-unavailable", "warns"
    if wrong in {"missing", "moved", "page"}:
        return f"status-{wrong}", "warns"
    if not control.answer or control.status == got.status:
        return "status-undecided", "info"
    return "status-answers", "ok"
