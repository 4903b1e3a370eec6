"""The ticket out of the EHR's frame. A frame's cookie does not reach the top level, so a page in a frame holds the way
out as an address that is good for two minutes and renewed by each refresh."""

from uuid import UUID

from django.core import signing
from django.http import HttpRequest
from django.urls import reverse

from visits import browsers
from visits.models import Launch

SALT = "visits.beside"
SECONDS = 120


def way_out(launch: UUID) -> str:
    """The address that leads from a page in a frame to the top level."""
    return reverse("beside", args=[signing.dumps(str(launch), salt=SALT)])


def launch_of(ticket: str, max_age: int | None = None) -> str:
    """The launch that a ticket names. Raises signing.BadSignature, also where it is older than `max_age` seconds."""
    launch: str = signing.loads(ticket, salt=SALT, max_age=max_age)
    return launch


def notice_frame(request: HttpRequest, row: Launch) -> None:
    """Keep that a page of this launch is shown in a frame: its browser says so, or the page's script found out."""
    if not row.framed and (browsers.shown_in(request) == browsers.FRAME or "framed" in request.GET):
        row.framed = True
        row.save(update_fields=["framed"])
