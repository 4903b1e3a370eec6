"""The patient's side of a visit: the waiting page, and the way into the Teams lobby."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from visits import onward, waiting
from visits.models import Participant


def page(request: HttpRequest, participant: Participant, handle: str) -> HttpResponse:
    """The truth about the visit; whoever asks for it is waiting."""
    waiting.back(participant)
    return onward.show(request, "visits/waiting.html", participant, handle)


def send(participant: Participant, handle: str) -> HttpResponse:
    """To Teams where the meeting is open; else back to the page."""
    visit = participant.visit
    if visit.ended_at is not None or not visit.join_url_sealed:
        return redirect("visit", handle=handle)
    waiting.seen(participant)
    return onward.to_teams(participant, visit.unseal("visitor_url") or visit.unseal("join_url"))
