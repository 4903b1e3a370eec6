"""Errors for the reader: what happened, what to check, who can fix it, the help line, a reference that is in the
log."""

import logging
import sys
from collections.abc import Callable

from django.conf import settings
from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from connector import logs, tally
from connector.database import is_away
from connector.problems.table import find

__all__ = ["around", "bare", "csrf_failure", "database_away", "find", "page", "route_of"]

log = logging.getLogger(__name__)

Explain = Callable[[HttpRequest, str], HttpResponse]
AWAY_SECONDS = 60  # until another try is worth while


def page(
    request: HttpRequest,
    code: str,
    *,
    base: str = "portal/base.html",
    template: str = "errors/problem.html",
    help_line: str = "",
    wait: int = 0,
    **context: object,
) -> HttpResponse:
    """The error page for a code, and its line in the log. `wait`: the seconds until another try is worth while."""
    problem = find(code)
    _note(request, "problem shown", code, problem.status)
    shown = {
        "problem": problem,
        "title": problem.title,
        "what": problem.what,
        "check": problem.check,
        "who": problem.who,
        "help_line": help_line or settings.HELP_LINE,
        "reference": logs.reference.get(),
        "shell_template": base,
        "code": code,
    }
    response = render(request, template, shown | context, status=problem.status)
    if wait:
        response["Retry-After"] = str(wait)  # RFC 9110 §10.2.3
    return response


def _note(request: HttpRequest, event: str, code: str, status: int) -> None:
    """What a person was shown instead of what he wanted: a line in the log, and counted. A launch's is of a connection,
    which its view leaves on the request."""
    ref = getattr(getattr(request, "connection", None), "ref", "")
    route = route_of(request)
    log.warning(event, extra={"code": code, "status": status, "route": route, "connection": ref})
    tally.count("problems", code=code, route=route, connection=ref)


def route_of(request: HttpRequest) -> str:
    """The name of the address that was asked for; nothing for one that we do not have."""
    return (request.resolver_match and request.resolver_match.url_name) or ""


def bare(request: HttpRequest, status: int) -> HttpResponse:
    """A page for what never reached a view of ours (400 to 405) or broke beside it (500); its line in the log."""
    _note(request, "error page shown", str(status), status)
    # Somebody who is signed in to the portal may just have the wrong account for this page.
    signed_in = getattr(request, "user", None) is not None and request.user.is_authenticated
    shown = {"help_line": settings.HELP_LINE, "reference": logs.reference.get(), "signed_in": signed_in}
    return render(request, f"{status}.html", shown, status=status)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    return bare(request, 400)


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    return bare(request, 403)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    return bare(request, 404)


def broken(request: HttpRequest) -> HttpResponse:
    """Django's handler500, which it calls while it handles the error."""
    error = sys.exc_info()[1]
    return database_away(request, error) if is_away(error) else bare(request, 500)


def database_away(request: HttpRequest, error: BaseException | None) -> HttpResponse:
    """The page that needs no database: whose visit it is says so where that is known already, and nobody asks who is
    signed in."""
    log.error("database away", exc_info=error, extra={"method": request.method})
    explain: Explain | None = getattr(request.resolver_match and request.resolver_match.func, "explain", None)
    try:
        response = explain(request, "database-away") if explain else None
    except DatabaseError:
        response = None
    response = response or page(request, "database-away", base="base.html")
    response["Retry-After"] = str(AWAY_SECONDS)  # RFC 9110 §10.2.3
    if request.headers.get("HX-Request"):
        # htmx shows no error: whoever pressed something reads it, and a page that only refreshes itself stays.
        response.headers.pop("HX-Refresh", None)
        if request.method != "GET":
            response["HX-Refresh"] = "true"
    return response


def around(request: HttpRequest, code: str, *, base: str) -> HttpResponse:
    """The error page for what went wrong around a view: as the view's own are, where it says how (`view.explain`)."""
    explain: Explain | None = getattr(request.resolver_match and request.resolver_match.func, "explain", None)
    return explain(request, code) if explain else page(request, code, base=base)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Django's CSRF_FAILURE_VIEW."""
    return around(request, "csrf", base="portal/base.html")
