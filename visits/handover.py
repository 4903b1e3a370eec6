"""Out of an app's web view, or of a browser that Teams does not work in: a link that carries the visit into another
browser, once, within two minutes.

Opening it shows a button and spends nothing: messengers and mail scanners open what they see. The press gives the new
browser a launch, cookie and handle of its own, for the same person in the same visit. Whoever has the link first gets
that far: to a page that says how the visit is, and to the lobby of the meeting.
"""

import secrets
from uuid import UUID

from django.contrib.auth.decorators import login_not_required
from django.core import signing
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from connector import trail
from connector.addresses import public_url
from connector.cached import outdate
from connector.models import Connection
from visits import agents, browsers, handles, onward
from visits.browsers import hash_of
from visits.models import Launch, Participant
from visits.trouble import Stop, belongs_to, explained

SALT = "visits.handover"
SECONDS = 120


def link_to(launch: UUID) -> str:
    """A link that is good from now on for two minutes."""
    return public_url("handover", signing.dumps(str(launch), salt=SALT))


@login_not_required
@csrf_exempt  # the link itself is what gives leave, and the new browser may keep no cookie
@require_http_methods(["GET", "POST"])
@explained
def handover(request: HttpRequest, token: str) -> HttpResponse:
    """Ask for one press, or, pressed, go on in this browser."""
    row, participant = _launch_of(request, token)
    if request.method == "POST":
        return _go_on(request, row, participant)
    return _ask(request, row.connection, public_url("handover", token))


def _launch_of(request: HttpRequest, token: str) -> tuple[Launch, Participant]:
    """The launch whose page made this link, and whose it is, if the link is still good. An old one still tells whom to
    call."""
    request.door = "patient"  # type: ignore[attr-defined]
    rows = Launch.objects.select_related("connection__organization", "connection__live", "participant")
    row = rows.filter(pk=_signed(token)).first()
    if row is None or row.participant is None:
        raise Stop("handover-over")
    belongs_to(request, row)
    if row.handed_over_at is not None:
        raise Stop("handover-over")
    _signed(token, max_age=SECONDS)
    return row, row.participant


def _signed(token: str, max_age: int | None = None) -> str:
    """The launch that a link names."""
    try:
        launch: str = signing.loads(token, salt=SALT, max_age=max_age)
    except signing.BadSignature as error:
        raise Stop("handover-over") from error
    return launch


def _ask(request: HttpRequest, connection: Connection, link: str) -> HttpResponse:
    """The page with the button. It brings the cookie, so that the press shows whether this browser keeps it."""
    agent = agents.at_hand(request)
    context = onward.around(connection) | {"own": agent.own, "leave": link}
    response = render(request, "visits/handover.html", context)
    if not browsers.browser_of(request):
        browsers.give_cookie(response, browsers.new_id())
    return response


def _go_on(request: HttpRequest, row: Launch, participant: Participant) -> HttpResponse:
    """Spend the link, and open the visit's page for the same person in this browser."""
    if not Launch.objects.filter(pk=row.pk, handed_over_at=None).update(handed_over_at=timezone.now()):
        raise Stop("handover-over")
    here = Launch.objects.create(
        connection=row.connection,
        door=row.door,
        participant=participant,
        language=row.language,
        state_hash=hash_of(secrets.token_urlsafe(24)),
        verifier_sealed="",
        browser_hash=browsers.browser_of(request),
        redeemed_at=timezone.now(),
    )
    outdate("visit", participant.visit_id)  # the page that gave the link away says so
    trail.record(
        row.connection.organization,
        "handed-over",
        visit=participant.visit_id,
        participant=participant.pk,
        door=row.door,
    )
    return redirect("visit", handle=handles.issue(here))
