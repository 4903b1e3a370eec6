"""Join: the page of a person in a visit, and the step from it into Teams. What each side sees is in `clinician` and
`patient`."""

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_GET

from visits import clinician, handles, languages, onward, patient, schedule, tickets, waiting_page
from visits.models import Launch, Participant
from visits.trouble import Stop, explained


@login_not_required
@require_GET
@explained
def visit(request: HttpRequest, handle: str) -> HttpResponse:
    """The waiting page of a patient, the visit page of a clinician; for a patient who cannot come in now, why. It asks
    again by itself; htmx takes only its inside."""
    if seat := waiting_page.known_seat(request, handle):
        languages.speak(request, waiting_page.language_of(seat))
        return patient.page(request, seat, handle)
    row, handle = _follow(request, handle)
    participant = _participant(row)
    if participant.is_staff:
        return clinician.page(request, participant, handle)
    if standing := schedule.standing(participant):
        return onward.show(request, "visits/not_now.html", participant, handle, standing=standing)
    tickets.notice_frame(request, row)
    return patient.page(request, waiting_page.seat_of(row, participant), handle)


@login_not_required
@require_GET
@explained
def join(request: HttpRequest, handle: str) -> HttpResponse:
    """Send the person to Teams: a clinician opens the meeting first, a patient goes where it is open."""
    row, handle = _follow(request, handle)
    participant = _participant(row)
    send = clinician.send if participant.is_staff else patient.send
    return send(participant, handle)


def _follow(request: HttpRequest, handle: str) -> tuple[Launch, str]:
    row, handle = handles.follow(request, handle)
    connection = row.participant.visit.connection if row.participant else row.connection
    request.door, request.connection, request.launch = row.door, connection, row  # type: ignore[attr-defined]
    return row, handle


def _participant(row: Launch) -> Participant:
    if row.participant is None:
        raise Stop("page-lost")
    return row.participant
