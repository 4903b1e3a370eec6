"""Small middleware: a reference number for every request, the reader's language, nothing of ours in anybody's cache,
and a page where there would be none."""

import logging
import re
from collections.abc import Callable

from django.conf import settings
from django.core.exceptions import BadRequest, PermissionDenied, SuspiciousOperation
from django.http import Http404, HttpRequest, HttpResponse
from django.http.multipartparser import MultiPartParserError
from django.http.response import HttpResponseBase
from django.middleware.locale import LocaleMiddleware
from django.utils import translation

from connector import languages, logs, problems, tally
from connector.database import is_away

log = logging.getLogger(__name__)

Next = Callable[[HttpRequest], HttpResponse]
GIVEN = re.compile(r"[0-9A-Za-z-]{8,40}")  # a proxy's own number for a request: hexadecimal digits, or a UUID
# A form that cannot be read is noticed only when a view reads it: too large, cut off, or in another encoding.
REFUSALS = (Http404, PermissionDenied, BadRequest, SuspiciousOperation, MultiPartParserError)


class Reference:
    """Gives each request a short number that stands on its error page, in every line it logs and in the calls that it
    makes: the trusted proxy's, where it sends one, else one of our own. Its end is counted, by route and status."""

    def __init__(self, get_response: Next) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        token = logs.reference.set(_given(request) or logs.new_reference())
        try:
            response = self.get_response(request)
            tally.count("requests", route=problems.route_of(request), status=str(response.status_code))
            return response
        finally:
            logs.reference.reset(token)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        """Show what nobody expected, or that the database is away, as a page with the reference; what Django turns
        into 400, 403 and 404 goes on to it."""
        if isinstance(error, REFUSALS):
            return None
        if is_away(error):
            return problems.database_away(request, error)
        log.error("unexpected error", exc_info=error, extra={"method": request.method})
        return problems.around(request, "unexpected", base="base.html")


def _given(request: HttpRequest) -> str:
    number = request.headers.get("X-Request-ID", "") if settings.TRUSTED_PROXY else ""
    return number if GIVEN.fullmatch(number) else ""


def no_store(get_response: Next) -> Next:
    """Pages hold ids and join links: no cache keeps them unless a view says otherwise."""

    def middleware(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        response.headers.setdefault("Cache-Control", "no-store")
        return response

    return middleware


class Language(LocaleMiddleware):
    """The browser's language for what patients and clinicians read; the portal speaks English. A visit's pages know
    better, once they know whose they are (visits.languages)."""

    def process_view(self, request: HttpRequest, view: Callable[..., HttpResponse], *_: object) -> None:
        # As in connector.problems.around: a view of a visit says how its errors are explained.
        if not hasattr(view, "explain"):
            languages.speak(request, settings.LANGUAGE_CODE)

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        answered = super().process_response(request, response)
        translation.deactivate()  # what the thread does next is nobody's page
        return answered


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
