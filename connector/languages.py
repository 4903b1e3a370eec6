"""The language in which a request is answered, from here on."""

from django.http import HttpRequest
from django.utils import translation


def speak(request: HttpRequest, language: str = "") -> None:
    """Go on in this language, one of settings.LANGUAGES; without one in the browser's."""
    translation.activate(language or translation.get_language_from_request(request))
    request.LANGUAGE_CODE = translation.get_language()
