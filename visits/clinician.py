"""The clinician's side of a visit: its page, and the way into the meeting."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from connector.errors import Retry
from connector.http import Deadline
from visits import meeting, onward
from visits.looking import looked_on
from visits.models import Participant
from visits.trouble import Stop

SECONDS = 8.0


def page(request: HttpRequest, participant: Participant, handle: str) -> HttpResponse:
    """Who is here, and the way in."""
    return onward.show(request, "visits/visit.html", participant, handle)


def send(participant: Participant, handle: str) -> HttpResponse:
    """To Teams, with the meeting opened first. Somebody else who opens it right now is waited for on the page."""
    visit, user = participant.visit, participant.user
    if user is None:
        raise Stop("not-linked")
    try:
        opened = looked_on(participant, lambda: meeting.open_for(visit, user, Deadline.after(SECONDS)))
    except Retry as error:
        if error.code != "meeting-being-opened":
            raise
        return redirect("visit", handle=handle)
    participant.visit = opened
    return onward.to_teams(participant, opened.unseal("join_url"))
