"""Out of the EHR's frame, to where Microsoft's sign-in and Teams are shown, by the ticket that the page in the frame
holds."""

from django.contrib.auth.decorators import login_not_required
from django.core import signing
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_GET

from visits import clinician, handles, link, patient, tickets
from visits.models import Launch
from visits.trouble import Stop, belongs_to, explained


@login_not_required
@require_GET
@explained
def beside(request: HttpRequest, ticket: str) -> HttpResponse:
    """To Teams; a clinician who is not linked yet, first to Microsoft."""
    row = _row(request, ticket)
    if row.participant is None or handles.is_over(row):
        raise Stop("page-lost")
    if not row.participant.is_staff:
        return patient.to_teams(row.participant)
    if row.participant.user is None:
        return link.begin(request, row, link.kept_name(row))
    return clinician.to_teams(row.participant, meanwhile=redirect("beside", ticket=ticket))


def _row(request: HttpRequest, ticket: str) -> Launch:
    """The launch whose page gave the ticket out. One that has run out still tells whom to call."""
    row = handles.launches().filter(pk=_signed(ticket, "ticket-old")).first()
    if row is None:
        raise Stop("page-lost")
    belongs_to(request, row)
    staff = row.participant is not None and row.participant.is_staff
    _signed(ticket, "ticket-old" if staff else "page-lost", max_age=tickets.SECONDS)
    return row


def _signed(ticket: str, otherwise: str, max_age: int | None = None) -> str:
    """The launch that a ticket names; else the problem to show."""
    try:
        return tickets.launch_of(ticket, max_age)
    except signing.BadSignature as error:
        raise Stop(otherwise) from error
