"""The WSGI application: `gunicorn connector.wsgi`."""

import importlib
import logging
import os
import re
from collections.abc import Callable, Iterable
from typing import Any

from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.utils.http import parse_header_parameters

from connector import stopping

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "connector.settings")
if settings.TRACES_URL:  # before the middleware is loaded, to which it adds its own
    importlib.import_module("connector.tracing").start()
django = get_wsgi_application()
stopping.on_sigterm()
LENGTH = re.compile(r"[0-9]{0,18}")


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """Django, for requests that it can begin to read."""
    if fault := _fault(environ):
        start_response("400 Bad Request", [("Content-Type", "text/plain"), ("Cache-Control", "no-store")])
        return [fault]
    return django(environ, start_response)


def _fault(environ: dict[str, Any]) -> bytes:
    """Over what Django would fail where nothing of ours could explain it: before its first middleware, or whenever a
    view asks for the body. Requests are in UTF-8, as our pages and whoever calls us send them; some of the other
    charsets that Python knows (rot13, base64) are none."""
    try:
        _kind, named = parse_header_parameters(environ.get("CONTENT_TYPE", ""))
    except (ValueError, TypeError):  # parameters by RFC 2231, in a charset that nobody knows or in no order
        return b"This request's Content-Type cannot be read.\n"
    if named.get("charset", "utf-8").lower() not in {"utf-8", "utf8"}:
        return b"This request is not in UTF-8.\n"
    return b"" if LENGTH.fullmatch(environ.get("CONTENT_LENGTH") or "") else b"This request's length is no number.\n"


if "*" in settings.ENTRA_ALLOWED_TENANTS:
    logging.getLogger(__name__).warning("ENTRA_ALLOWED_TENANTS is *: administrators of any organization may sign in")
