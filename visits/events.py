"""Where Graph delivers notifications. The request keeps them and answers: no network, no cryptography of keys."""

import json
import logging
from typing import Any

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from connector import handshakes, limits, tally
from connector.teams.notifications import member
from visits import receipts
from visits.models import Subscription

log = logging.getLogger(__name__)

MAX_BYTES = 1024 * 1024
MAX_TOKEN = 4096


@login_not_required
@csrf_exempt
@require_POST
def notifications(request: HttpRequest) -> HttpResponse:
    """Take what Graph tells of our subscriptions' events, or shake hands: see `_take`."""
    return _take(request, "event")


@login_not_required
@csrf_exempt
@require_POST
def lifecycle(request: HttpRequest) -> HttpResponse:
    """Take what Graph tells of the subscriptions themselves, or shake hands: see `_take`."""
    return _take(request, "lifecycle")


def _take(request: HttpRequest, kind: str) -> HttpResponse:
    """202, whatever of it was ours; 429 where a subscription has told too much in a minute: Graph sends the batch
    again, and what was kept of it is understood once. With `validationToken` it is the handshake of a new subscription:
    200 and the token as plain text."""
    token = request.GET.get("validationToken")
    if token is not None:
        handshakes.note(request.GET.get(handshakes.PARAMETER), kind)
        return _shake_hands(token)
    body = _stream(request).read(MAX_BYTES + 1)
    if len(body) > MAX_BYTES:
        return HttpResponse(status=413)
    seconds = _keep(body, kind)
    return HttpResponse(status=429, headers={"Retry-After": str(seconds)}) if seconds else HttpResponse(status=202)


def _shake_hands(token: str) -> HttpResponse:
    if len(token) > MAX_TOKEN:
        return HttpResponse(status=400, content_type="text/plain")
    response = HttpResponse(token, content_type="text/plain; charset=utf-8")
    response.headers["X-Content-Type-Options"] = "nosniff"
    return response


def _stream(request: HttpRequest) -> Any:
    """The body. Django reads none where it comes in chunks, without a Content-Length; a server that knows where such a
    body ends says so."""
    return request.META["wsgi.input"] if request.META.get("wsgi.input_terminated") else request


def _keep(body: bytes, kind: str) -> int:
    """Keep what is ours; the seconds after which the rest is to be sent again, 0 where nothing is left."""
    document = _parsed(body)
    items, tokens = _list(member(document, "value")), _list(member(document, "validationTokens"))
    named = [(receipts.subscription_id(member(item, "clientState")), item) for item in items]
    rows = Subscription.objects.in_bulk({row_id for row_id, _ in named if row_id})
    found = [(rows[row_id], item) for row_id, item in named if row_id in rows]
    waits = [limits.wait("notification", row.pk) for row, _item in found]
    kept = receipts.keep([one for one, seconds in zip(found, waits, strict=True) if not seconds], tokens)
    receipts.wake(receipt.pk for receipt in kept)
    if len(found) < len(items) or not items:
        unknown = len(items) - len(found)
        log.warning("notification not ours", extra={"kind": kind, "count": unknown})
        tally.count("notifications_not_ours", max(1, unknown), kind=kind)
    return max(waits, default=0)


def _parsed(body: bytes) -> object:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []
