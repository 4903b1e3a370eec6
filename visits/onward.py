"""The step from our pages into Teams, and what every page of a visit shows around its inside."""

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse

from connector.models import Connection
from visits import summary, waiting
from visits.models import Launch, Participant


def to_teams(participant: Participant, url: str) -> HttpResponse:
    """A redirect that leaves no trace of where it came from, nor in any cache of where it leads."""
    waiting.sent(participant)
    response = HttpResponseRedirect(url)
    response["Referrer-Policy"] = "no-referrer"
    return response


def show(request: HttpRequest, template: str, participant: Participant, handle: str, **more: object) -> HttpResponse:
    """A page of a visit in its shell; htmx takes only its inside."""
    if request.headers.get("HX-Request"):
        template = template.replace(".html", "_state.html")
    context = {"handle": handle, "view": summary.of(participant), "connection": participant.visit.connection}
    response = render(request, template, context | around(participant.visit.connection) | more)
    launch: Launch = request.launch  # type: ignore[attr-defined]
    return reloadable(request, response, handle, launch.browser_hash)


def reloadable(request: HttpRequest, response: HttpResponse, handle: str, browser_hash: str) -> HttpResponse:
    """Put the next address into a browser without a cookie: the refresh has used up the one that a reload would ask."""
    if request.headers.get("HX-Request") and not browser_hash and request.resolver_match:
        response["HX-Replace-Url"] = reverse(request.resolver_match.view_name, args=[handle])
    return response


def around(connection: Connection) -> dict[str, str]:
    """Whose page it is, and whom to call."""
    return {
        "hospital": connection.organization.name,
        "help_line": connection.help_line or summary.default_help_line(),
        "help_hours": connection.help_hours if connection.help_line else "",
    }
