"""The WSGI application: `gunicorn connector.wsgi`."""

import importlib
import logging
import os
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


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """Django, for requests in UTF-8, as our pages and whoever calls us send them. With some of the other charsets that
    Python knows (rot13, base64) Django fails where nothing of ours could explain it: before its first middleware."""
    _kind, named = parse_header_parameters(environ.get("CONTENT_TYPE", ""))
    if named.get("charset", "utf-8").lower() not in {"utf-8", "utf8"}:
        start_response("400 Bad Request", [("Content-Type", "text/plain"), ("Cache-Control", "no-store")])
        return [b"This request is not in UTF-8.\n"]
    return django(environ, start_response)


if "*" in settings.ENTRA_ALLOWED_TENANTS:
    logging.getLogger(__name__).warning("ENTRA_ALLOWED_TENANTS is *: administrators of any organization may sign in")
