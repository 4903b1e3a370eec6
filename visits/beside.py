"""A window beside the EHR's frame, where Microsoft's sign-in and Teams are shown. A frame's cookie does not reach the
top level, so the way out carries a ticket: two minutes, renewed by each refresh of the page that holds it."""

from django.contrib.auth.decorators import login_not_required
from django.core import signing
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_GET

from visits import clinician, handles, link
from visits.models import Launch
from visits.trouble import Stop, explained

SALT = "visits.beside"
SECONDS = 120


def way_out(row: Launch) -> str:
    """The address that leads from a page in a frame to the top level."""
    return reverse("beside", args=[signing.dumps(str(row.id), salt=SALT)])


@login_not_required
@require_GET
@explained
def beside(request: HttpRequest, ticket: str) -> HttpResponse:
    """To Teams; who is not linked yet, first to Microsoft."""
    row = _row(ticket)
    request.door, request.connection = row.door, row.connection  # type: ignore[attr-defined]
    if row.participant is None or not row.participant.is_staff or handles.is_over(row):
        raise Stop("page-lost")
    if row.participant.user is None:
        return link.begin(request, row, link.kept_name(row))
    return clinician.to_teams(row.participant, meanwhile=redirect("beside", ticket=ticket))


def _row(ticket: str) -> Launch:
    try:
        number = signing.loads(ticket, salt=SALT, max_age=SECONDS)
    except signing.BadSignature as error:
        raise Stop("ticket-old") from error
    row = handles.launches().filter(pk=number).first()
    if row is None:
        raise Stop("page-lost")
    return row
