"""The device check: camera, microphone, speaker and the way to us, before anybody meets. It all happens in the browser;
nothing of it reaches us.

Two ways lead here. From the waiting page: being on the check counts as waiting. From a button of its own in the patient
portal, on any day (door `device-test`): that makes no visit and keeps nothing.
"""

import os
import re
import secrets

from django.contrib.auth.decorators import login_not_required
from django.core import signing
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_GET, require_http_methods

from connector.cached import counted
from connector.models import Connection
from visits import handles, languages, onward, schedule, waiting
from visits.browsers import hash_of
from visits.models import Launch
from visits.trouble import Stop, belongs_to, explained

SALT = "visits.devices"
SECONDS = 3600  # how long a page of the check is good for
SAMPLE_BYTES = 256 * 1024
# What one page may move in all, and what each request counts for at least.
BUDGET_BYTES, LEAST_BYTES = 16 * SAMPLE_BYTES, 1024

# Where each browser keeps its permissions: the first that fits. Every browser names others as well, so order counts.
PERMISSIONS: tuple[tuple[str, Promise], ...] = (
    (
        r"; wv\)|(iPhone|iPad)(?!.*Safari/)",
        _("This page is open inside an app. In the Settings of your phone, allow Camera and Microphone for that app."),
    ),
    (
        r"(iPhone|iPad).*(CriOS|EdgiOS|FxiOS)",
        _("Open the Settings of your phone, tap the name of this browser, and switch on Camera and Microphone."),
    ),
    (
        r"iPhone|iPad",
        _("Tap the sign to the left of the address, then “Website Settings”, and allow Camera and Microphone."),
    ),
    (
        r"Android",
        _("Tap the sign to the left of the address, then “Permissions”, and allow Camera and Microphone."),
    ),
    (
        r"Firefox",
        _("Click the sign with the line through it, to the left of the address, and remove the block."),
    ),
    (
        r"Chrome|Edg",
        _("Click the sign to the left of the address, and switch on Camera and Microphone."),
    ),
    (
        r"Safari",
        _("In the menu “Safari”, choose “Settings for This Website” and allow Camera and Microphone."),
    ),
    (r"", _("Look for a camera sign near the address of this page, and allow Camera and Microphone there.")),
)


def arrive(row: Launch) -> HttpResponse:
    """The EHR sent somebody to test his devices. Nothing of that is kept, not even the launch."""
    Launch.objects.filter(pk=row.pk).delete()
    return redirect("device_test", token=token_for(row.connection))


@login_not_required
@require_GET
@explained
def check(request: HttpRequest, handle: str) -> HttpResponse:
    """The check on the way into a visit. It asks again by itself, so its reader goes on waiting and learns when he can
    go in. Who cannot come in now reads why instead."""
    row, handle = handles.follow(request, handle)
    belongs_to(request, row)
    request.launch = row  # type: ignore[attr-defined]
    participant = row.participant
    if participant is None or participant.is_staff:
        raise Stop("page-lost")
    if schedule.standing(participant):
        return redirect("visit", handle=handle)
    waiting.seen(participant.id)
    waiting.back(participant.id)
    address = reverse("device_check", args=[handle])
    return onward.show(
        request, "visits/devices.html", participant, handle, **_context(request, row.connection, address)
    )


@login_not_required
@require_GET
@explained
def alone(request: HttpRequest, token: str) -> HttpResponse:
    """The check by itself: no visit, no launch, only whose help line to show."""
    languages.speak(request)
    request.door = "device-test"  # type: ignore[attr-defined]
    connection = Connection.objects.select_related("organization", "live").filter(ref=_ref_of(token)).first()
    if connection is None:
        raise Stop("page-lost")
    request.connection = connection  # type: ignore[attr-defined]
    context = onward.around(connection) | _context(request, connection, request.path)
    return render(request, "visits/devices.html", context)


@login_not_required
@csrf_exempt  # it changes nothing, and a frame may have no cookies
@require_http_methods(["GET", "POST"])
def sample(request: HttpRequest, token: str) -> HttpResponse:
    """What the connection test measures with: bytes that say nothing go out, and what comes in is read and dropped. An
    empty POST is a round trip."""
    size = SAMPLE_BYTES if request.method == "GET" else int(request.META.get("CONTENT_LENGTH") or 0)
    if not _ref_of(token):
        return HttpResponse(status=404)
    if size > SAMPLE_BYTES:
        return HttpResponse(status=413)
    if not _within_budget(token, size):
        return HttpResponse(status=429)
    if request.method == "GET":
        return HttpResponse(os.urandom(size), content_type="application/octet-stream")
    request.read()
    return HttpResponse(status=204)


def token_for(connection: Connection) -> str:
    """What a page of the check measures with, and what the check alone is opened by: it names a connection, nobody."""
    return signing.dumps([connection.ref, secrets.token_urlsafe(6)], salt=SALT)


def permissions_hint(user_agent: str) -> Promise:
    """Where somebody with this browser allows camera and microphone."""
    return next(text for pattern, text in PERMISSIONS if re.search(pattern, user_agent))


def _context(request: HttpRequest, connection: Connection, address: str) -> dict[str, object]:
    return {
        "sample_url": reverse("device_sample", args=[token_for(connection)]),
        "permissions": permissions_hint(request.headers.get("User-Agent", "")),
        "language_page": address,
    }


def _ref_of(token: str) -> str:
    """The connection that a token was made for; empty for one that is forged or too old."""
    try:
        ref, _page = signing.loads(token, salt=SALT, max_age=SECONDS)
    except signing.BadSignature:
        return ""
    return str(ref)


def _within_budget(token: str, size: int) -> bool:
    """Count what a page moves. Without a cache nobody counts, and the check goes on."""
    used = counted(f"device-sample:{hash_of(token)}", SECONDS, max(size, LEAST_BYTES))
    return used is None or used <= BUDGET_BYTES
