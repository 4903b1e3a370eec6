"""The WSGI application: `gunicorn connector.wsgi`."""

import logging
import os

from django.conf import settings
from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "connector.settings")
application = get_wsgi_application()

if "*" in settings.ENTRA_ALLOWED_TENANTS:
    logging.getLogger(__name__).warning("ENTRA_ALLOWED_TENANTS is *: administrators of any organization may sign in")
