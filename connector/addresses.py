"""Our own addresses as others must know them: under PUBLIC_URL, whatever host a request came in by."""

from django.conf import settings
from django.urls import reverse


def public_url(name: str, *args: str) -> str:
    """The full address of a named route."""
    return settings.PUBLIC_URL + reverse(name, args=args)
