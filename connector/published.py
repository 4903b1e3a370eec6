"""What others fetch from us without signing in: our public keys."""

from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, JsonResponse
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_safe

from connector import keys
from connector.models import Environment

MAX_AGE = 3600  # Epic caches a key set up to 29 hours unless it is told a shorter time


@login_not_required
@require_safe
@cache_control(public=True, max_age=MAX_AGE)
def jwks(request: HttpRequest, environment: str) -> JsonResponse:
    """The JSON Web Key Set that an EHR checks our client assertions with, one an environment."""
    if environment not in Environment.values:
        raise Http404
    return JsonResponse({"keys": keys.published_keys(environment)})
