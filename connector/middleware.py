"""Small middleware: a reference number for every request, nothing of ours in anybody's cache, and a page where there
would be none."""

import logging
import secrets
from collections.abc import Callable

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse

from connector import logs, problems

log = logging.getLogger(__name__)

Next = Callable[[HttpRequest], HttpResponse]


class Reference:
    """Gives each request a short number that stands on its error page and in every line it logs."""

    def __init__(self, get_response: Next) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        token = logs.reference.set(secrets.token_hex(4).upper())
        try:
            return self.get_response(request)
        finally:
            logs.reference.reset(token)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        """Show what nobody expected as a page with the reference; what Django turns into 403 and 404 goes on to it."""
        if isinstance(error, Http404 | PermissionDenied):
            return None
        log.error("unexpected error", exc_info=error, extra={"method": request.method})
        return problems.around(request, "unexpected", base="base.html")


def no_store(get_response: Next) -> Next:
    """Pages hold ids and join links: no cache keeps them unless a view says otherwise."""

    def middleware(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        response.headers.setdefault("Cache-Control", "no-store")
        return response

    return middleware


def no_empty_page(get_response: Next) -> Next:
    """Who opens an address that only takes forms reads why he is there: a form that was sent after the session had
    ended leads to the sign-in, and from there back to its address."""

    def middleware(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        if response.status_code != 405 or request.method != "GET":
            return response
        page = problems.bare(request, 405)
        page.headers["Allow"] = response.headers["Allow"]  # RFC 9110 §15.5.6
        return page

    return middleware
