"""What others fetch from us without signing in: our public keys."""

from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, JsonResponse
from django.views.decorators.cache import cache_control
from django.views.decorators.http import conditional_page, require_safe

from connector import keys
from connector.models import Environment

MAX_AGE = 3600  # Epic remembers a key set up to 29 hours unless it is told a shorter time


@login_not_required
@require_safe
@conditional_page
@cache_control(public=True, max_age=MAX_AGE)
def jwks(request: HttpRequest, environment: str) -> JsonResponse:
    """The JSON Web Key Set that an EHR checks our client assertions with, one an environment; with an ETag, so that
    who has it already is told 304."""
    if environment not in Environment.values:
        raise Http404
    return JsonResponse({"keys": keys.published_keys(environment)})


@login_not_required
@require_safe
@conditional_page
@cache_control(public=True, max_age=MAX_AGE)
def trail_keys(request: HttpRequest) -> JsonResponse:
    """The JSON Web Key Set that checkpoints of the audit trail are checked with, those that were rotated out among
    them: for whoever keeps it, so that nobody can exchange the keys later."""
    return JsonResponse({"keys": keys.audit_keys()})
