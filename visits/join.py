"""Join: the page of a person in a visit, and the step from it into Teams."""

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET

from connector.errors import Retry
from connector.http import Deadline
from visits import handles, meeting, summary, waiting
from visits.looking import looked_on
from visits.models import Launch, Participant
from visits.trouble import Stop, explained

SECONDS = 8.0


@login_not_required
@require_GET
@explained
def visit(request: HttpRequest, handle: str) -> HttpResponse:
    """The waiting page of a patient, the visit page of a clinician. It asks again by itself; htmx takes only its
    inside."""
    row, handle = _follow(request, handle)
    participant = _participant(row)
    if not participant.is_staff:
        waiting.back(participant)
    template = "visits/visit.html" if participant.is_staff else "visits/waiting.html"
    if request.headers.get("HX-Request"):
        template = template.replace(".html", "_state.html")
    return render(request, template, _context(participant, handle))


@login_not_required
@require_GET
@explained
def join(request: HttpRequest, handle: str) -> HttpResponse:
    """Send the person to Teams: a clinician opens the meeting first, a patient goes where it is open."""
    row, handle = _follow(request, handle)
    participant = _participant(row)
    if participant.is_staff:
        return _send_clinician(participant, handle)
    if participant.visit.ended_at is not None or not participant.visit.join_url_sealed:
        return redirect("visit", handle=handle)
    waiting.seen(participant)
    return _to_teams(participant, participant.visit.unseal("visitor_url") or participant.visit.unseal("join_url"))


def _send_clinician(participant: Participant, handle: str) -> HttpResponse:
    if participant.user_id is None:
        raise Stop("not-linked")
    try:
        opened = looked_on(participant, lambda: meeting.open_for(participant, Deadline.after(SECONDS)))
    except Retry as error:
        if error.code != "meeting-being-opened":
            raise
        return redirect("visit", handle=handle)
    participant.visit = opened
    return _to_teams(participant, opened.unseal("join_url"))


def _to_teams(participant: Participant, url: str) -> HttpResponse:
    """A redirect that leaves no trace of where it came from, nor in any cache of where it leads."""
    waiting.sent(participant)
    response = HttpResponseRedirect(url)
    response["Referrer-Policy"] = "no-referrer"
    return response


def _follow(request: HttpRequest, handle: str) -> tuple[Launch, str]:
    row, handle = handles.follow(request, handle)
    connection = row.participant.visit.connection if row.participant else row.connection
    request.door, request.connection = row.door, connection  # type: ignore[attr-defined]
    return row, handle


def _participant(row: Launch) -> Participant:
    if row.participant is None:
        raise Stop("page-lost")
    return row.participant


def _context(participant: Participant, handle: str) -> dict[str, object]:
    connection = participant.visit.connection
    return {
        "handle": handle,
        "view": summary.of(participant),
        "hospital": connection.organization.name,
        "connection": connection,
        "help_hours": connection.help_hours if connection.help_line else "",
        "help_line": connection.help_line or summary.default_help_line(),
    }
