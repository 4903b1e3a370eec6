"""The step from our pages into Teams, and what every page of a visit shows around its inside."""

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render

from connector.models import Connection
from visits import summary, waiting
from visits.models import Participant


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
    return render(request, template, _context(participant, handle) | more)


def _context(participant: Participant, handle: str) -> dict[str, object]:
    return around(participant.visit.connection) | {"handle": handle, "view": summary.of(participant)}


def around(connection: Connection) -> dict[str, object]:
    """What the shell shows of a connection."""
    return {
        "hospital": connection.organization.name,
        "connection": connection,
        "help_hours": connection.help_hours if connection.help_line else "",
        "help_line": connection.help_line or summary.default_help_line(),
    }
