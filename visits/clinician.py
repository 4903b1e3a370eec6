"""The clinician's side of a visit: its page, and the way into the meeting."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from connector import wires
from connector.errors import Retry
from connector.http import Deadline
from connector.models import Connection
from visits import browsers, meeting, onward, tickets
from visits.looking import looked_on
from visits.models import Browser, Launch, Participant
from visits.trouble import Stop

SECONDS = 8.0


def first_page(request: HttpRequest, row: Launch, participant: Participant) -> str:
    """Straight to Teams, but for these: in the EHR's frame the visit page stays and Teams opens beside it; on a phone,
    or what may be an iPad, only a tap opens the app; a second press comes back to the visit page; and a visit that the
    EHR calls off is said to be so first."""
    seen = participant.sent_at is not None or participant.timing == Participant.Timing.CANCELLED
    stays = seen or browsers.needs_tap(request) or may_be_framed(request, row)
    return "visit" if stays else "join"


def may_be_framed(request: HttpRequest, row: Launch) -> bool:
    """Whether the launch began in a frame, or its browser does not tell."""
    return row.framed or browsers.shown_in(request) != browsers.DOCUMENT


def page(request: HttpRequest, participant: Participant, handle: str) -> HttpResponse:
    """Who waits, the way into Teams, and who is here."""
    row: Launch = request.launch  # type: ignore[attr-defined]
    tickets.notice_frame(request, row)
    return onward.show(request, "visits/visit.html", participant, handle, **_around(request, row, participant, handle))


def _around(request: HttpRequest, row: Launch, participant: Participant, handle: str) -> dict[str, object]:
    """What the page shows of its own place and account. `straight`: where the browser does not say whether something
    frames the page, its script goes on if nothing does."""
    linked = participant.user_id is not None
    unsaid = not browsers.shown_in(request) and not row.framed
    return {
        "linked": linked,
        "framed": row.framed,
        "door": reverse("join", args=[handle]) if linked and not row.framed else tickets.way_out(row.pk),
        "teams_app": browsers.teams_app(request),
        "straight": unsaid and participant.sent_at is None and not browsers.needs_tap(request),
        "arrived_through": arrived_through(row.connection),
        "other_account": linked and _other_account(row, participant),
    }


def arrived_through(connection: Connection) -> str | Promise:
    """How a patient came to our waiting page: Epic's portal alone has a name that everybody knows it by."""
    epic = wires.live_settings(connection).ehr_kind == "epic"
    return _("arrived through MyChart") if epic else _("arrived through the patient portal")


def _other_account(row: Launch, participant: Participant) -> bool:
    """Whether somebody else signed in to Microsoft last in this browser: a shared workstation."""
    known = Browser.objects.filter(id_hash=row.browser_hash).exclude(user=None)
    return bool(row.browser_hash) and known.exclude(user=participant.user_id).exists()


def send(participant: Participant, handle: str) -> HttpResponse:
    """To Teams, with the meeting opened first. Somebody else who opens it right now is waited for on the page."""
    return to_teams(participant, meanwhile=redirect("visit", handle=handle))


def to_teams(participant: Participant, *, meanwhile: HttpResponse) -> HttpResponse:
    """The meeting, opened unless it is; the answer `meanwhile` while somebody else is opening it."""
    visit, user = participant.visit, participant.user
    if user is None:
        raise Stop("not-linked")
    try:
        opened = looked_on(participant, lambda: meeting.open_for(visit, user, Deadline.after(SECONDS)))
    except Retry as error:
        if error.code != "meeting-being-opened":
            raise
        return meanwhile
    participant.visit = opened
    return onward.to_teams(participant, opened.unseal("join_url"))
