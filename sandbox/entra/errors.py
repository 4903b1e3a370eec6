"""Errors in Entra's shapes: a JSON body for programs, a page for people. Numbers are Entra's own AADSTS codes."""

import uuid
from datetime import UTC, datetime
from typing import Any

from authlib.oauth2 import OAuth2Error
from flask import Response, make_response, render_template

# Authlib's own errors, as Entra numbers them.
NUMBERS = {
    "invalid_client": 7000215,
    "invalid_grant": 70000,
    "invalid_request": 900144,
    "unauthorized_client": 700016,
    "unsupported_grant_type": 70003,
    "unsupported_response_type": 70005,
}


class EntraError(OAuth2Error):  # type: ignore[misc]  # Authlib is untyped
    """An error with Entra's number. `redirect_uri`, when given, is where the browser takes it."""

    def __init__(self, number: int, error: str, description: str, status: int = 400, redirect_uri: str = "") -> None:
        super().__init__(description, status_code=status, redirect_uri=redirect_uri, error=error)
        self.number = number


def tenant_not_found(tenant: str) -> EntraError:
    """AADSTS90002."""
    return EntraError(90002, "invalid_request", f"Tenant '{tenant}' not found. Check that the tenant id is right.")


def app_not_found(client_id: str, tenant: str) -> EntraError:
    """AADSTS700016: the application is unknown, or this tenant has not consented to it."""
    sentence = f"Application with identifier '{client_id}' was not found in the directory '{tenant}'."
    return EntraError(700016, "unauthorized_client", sentence)


def _describe(error: OAuth2Error) -> dict[str, Any]:
    number = getattr(error, "number", None) or NUMBERS.get(error.error, 50000)
    trace, correlation = str(uuid.uuid4()), str(uuid.uuid4())
    timestamp = datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%SZ")
    tail = f"Trace ID: {trace} Correlation ID: {correlation} Timestamp: {timestamp}"
    return {
        "error": error.error,
        "error_description": f"AADSTS{number}: {error.get_error_description()} {tail}",
        "error_codes": [number],
        "timestamp": timestamp,
        "trace_id": trace,
        "correlation_id": correlation,
    }


def as_json(error: OAuth2Error) -> Response:
    """The body that the token endpoint answers."""
    return make_response(_describe(error), error.status_code, {"Cache-Control": "no-store"})


def as_page(error: OAuth2Error, again: str = "") -> Response:
    """A page for a person; `again` is the address that lets him choose another account."""
    body = _describe(error)
    number, sentence = body["error_codes"][0], error.get_error_description()
    page = render_template("error.html", number=number, sentence=sentence, body=body, again=again)
    return make_response(page, max(error.status_code, 400))


def as_parameters(error: OAuth2Error) -> dict[str, str]:
    """What is added to a redirect URI."""
    body = _describe(error)
    return {"error": body["error"], "error_description": body["error_description"]}
