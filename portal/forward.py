"""A line of Getting ready, forwarded: its link opens without a portal session, grants none, and ends by itself."""

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.core import signing
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from connector import limits, problems
from connector.models import Connection, Organization
from portal.ready import board, keep
from portal.ready.lines import LINES, Line, particulars, wanted

SALT = "portal.forward"
DAYS = 7


def link(organization: Organization, line: str, ref: str = "") -> str:
    """The address to send to somebody."""
    token = signing.dumps([str(organization.pk), line, ref], salt=SALT)
    return settings.PUBLIC_URL + reverse("forward", args=[token])


@login_not_required
@require_http_methods(["GET", "POST"])
def forward(request: HttpRequest, token: str) -> HttpResponse:
    """What is asked, by whom, how it is done and how it stands. A POST checks again."""
    try:
        organization, line, connection = _asked(token)
    except (signing.BadSignature, Http404):
        return problems.page(request, "forward-over", base="portal/base.html")
    if seconds := limits.wait("forward", token):
        return problems.page(request, "too-many", wait=seconds)
    if request.method == "POST":
        _check(request, organization, line, connection)
        return redirect("forward", token=token)
    context: dict[str, Any] = {
        "organization": organization,
        "shown": board.one_of(organization, line, connection),
        "commands": particulars(keep.organizer_of(organization)),
        "tid": organization.tid,
        "help_line": settings.HELP_LINE,
    }
    return render(request, "portal/forward.html", context)


def _asked(token: str) -> tuple[Organization, Line, Connection | None]:
    """Raises BadSignature for a link that is forged or over, Http404 for what is no more."""
    key, name, ref = signing.loads(token, salt=SALT, max_age=DAYS * 24 * 3600)
    organization = Organization.objects.filter(pk=key).first()
    line = LINES.get(name)
    if organization is None or line is None or line not in wanted():
        raise Http404
    known = organization.connections.select_related("live", "proposed", "organization")
    connection = known.filter(ref=ref).first() if line.of_connections else None
    if line.of_connections and connection is None:
        raise Http404
    return organization, line, connection


def _check(request: HttpRequest, organization: Organization, line: Line, connection: Connection | None) -> None:
    """As often as Microsoft should be asked by people whom nobody knows."""
    if line.name == "policy" and request.POST.get("granted"):
        keep.say_granted(organization)
    if line.own:
        return
    if not keep.may_try(f"{organization.pk}:{line.name}:{connection.pk if connection else ''}"):
        messages.info(request, _("This was checked a moment ago. Wait a quarter of a minute, then check again."))
        return
    keep.run(organization, line, connection)
