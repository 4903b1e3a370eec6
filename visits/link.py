"""The first time: an EHR user confirms which Microsoft account is his. From then on he goes straight through."""

from typing import Any

from django.contrib.auth.decorators import login_not_required
from django.core import signing
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_POST

from connector import keys, trail
from connector.models import User
from connector.teams.entra import Identity
from visits import browsers, handles, languages
from visits.models import EhrUserLink, Launch
from visits.trouble import Stop, explained, page

SALT = "visits.link"
SECONDS = 900


def arrive(request: HttpRequest, identity: Identity, data: dict[str, str]) -> HttpResponse:
    """Back from Microsoft with a proven identity: show both accounts and ask once. Opens no portal session."""
    row = Launch.objects.select_related("connection__organization", "participant").filter(pk=data["launch"]).first()
    if row is None or row.participant is None:
        return page(request, "page-lost", door="provider")
    languages.speak(request, row)
    connection = row.connection
    place = ("launch", "name", str(row.id))
    confirmed = {"launch": str(row.id), "oid": identity.oid}
    context = {
        "ehr_name": keys.decrypt(data["name"], place) if data["name"] else "",
        "identity": identity,
        "organization": connection.organization.name,
        "token": signing.dumps(confirmed, salt=SALT),
        "handle": handles.issue(row),
    }
    return render(request, "visits/link.html", context)


@login_not_required
@require_POST
@explained
def confirm(request: HttpRequest, handle: str) -> HttpResponse:
    """Keep the link that the person confirmed, then go on to the meeting."""
    row, handle = handles.follow(request, handle)
    request.door, request.connection = row.door, row.connection  # type: ignore[attr-defined]
    confirmed = _confirmed(request.POST.get("token", ""))
    participant = row.participant
    if participant is None or confirmed["launch"] != str(row.id) or not participant.is_staff:
        raise Stop("page-lost")
    connection = row.connection
    user = User.objects.of(str(connection.organization.tid), confirmed["oid"])
    EhrUserLink.objects.update_or_create(
        connection=connection,
        ehr_user_hash=participant.ehr_user_hash,
        defaults={"user": user, "hash_kid": participant.hash_kid},
    )
    participant.user = user
    participant.save(update_fields=["user"])
    browsers.remember_user(row.browser_hash, user)
    trail.record(connection.organization, "linked", visit=participant.visit_id, participant=participant.id)
    return render(request, "visits/onward.html", {"handle": handle})


def _confirmed(token: str) -> dict[str, Any]:
    try:
        confirmed: dict[str, Any] = signing.loads(token, salt=SALT, max_age=SECONDS)
    except signing.BadSignature as error:
        raise Stop("page-lost") from error
    return confirmed
