"""Health for supervisors and load balancers."""

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse


@login_not_required
def live(request: HttpRequest) -> HttpResponse:
    """The process answers. Says nothing of the systems behind it, so that their outage restarts nobody."""
    return HttpResponse("live\n", content_type="text/plain")
