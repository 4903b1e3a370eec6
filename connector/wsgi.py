"""The WSGI application: `gunicorn connector.wsgi`."""

import importlib
import logging
import os

from django.conf import settings
from django.core.wsgi import get_wsgi_application

from connector import stopping

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "connector.settings")
if settings.TRACES_URL:  # before the middleware is loaded, to which it adds its own
    importlib.import_module("connector.tracing").start()
application = get_wsgi_application()
stopping.on_sigterm()

if "*" in settings.ENTRA_ALLOWED_TENANTS:
    logging.getLogger(__name__).warning("ENTRA_ALLOWED_TENANTS is *: administrators of any organization may sign in")
