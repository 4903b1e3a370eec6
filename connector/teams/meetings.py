"""Teams meetings through Microsoft Graph: onlineMeeting createOrGet, update, getVirtualAppointmentJoinWebUrl,
subscriptions."""

from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote, urlsplit

from django.conf import settings
from django.utils import timezone

from connector.errors import AlreadyDone, Permanent, Retry, asking
from connector.http import Answer, Deadline
from connector.teams import graph
from connector.teams.notifications import moment

MEETING_HOURS = 4
SUBSCRIPTION_LIFE = timedelta(minutes=4200)  # Graph's limit for this resource is 4230 or 4320, by the page one reads
SHORTEST_LIFE = timedelta(minutes=45)  # Graph raises anything below
ORGANIZATION = "organization"
ORGANIZER = "organizer"
LONGEST_ID = 128  # of a subscription: Graph's are UUIDs


@dataclass(frozen=True)
class Meeting:
    """A Teams meeting. `join_url` holds a passcode: it is opaque, and never logged."""

    id: str
    join_url: str


def create_or_get(tid: str, oid: str, *, external_id: str, subject: str, deadline: Deadline) -> Meeting:
    """The meeting of (tenant, organizer, external id), made when there is none. Asking twice is safe."""
    start = timezone.now()
    body = {
        "externalId": external_id,
        "subject": subject,
        "startDateTime": _moment(start),
        "endDateTime": _moment(start + timedelta(hours=MEETING_HOURS)),
    }
    path = f"users/{quote(oid)}/onlineMeetings/createOrGet"
    # Some answers to a create come without a body, or say that it is being made; the second time it is a get.
    for _attempt in (1, 2):
        document: dict[str, Any] = {}
        with suppress(AlreadyDone):
            document = graph.call(tid, "POST", path, deadline=deadline, json=body).json_or_empty()
        meeting = Meeting(str(document.get("id") or ""), str(document.get("joinWebUrl") or ""))
        if meeting.id and meeting.join_url:
            return _trusted(meeting)
    raise Retry("meeting-answer")


def set_options(tid: str, oid: str, meeting_id: str, *, lobby: str, deadline: Deadline) -> None:
    """Who waits in the lobby (`organization`: everybody outside it; `organizer`: everybody else), who presents and
    admits."""
    body = {
        "lobbyBypassSettings": {"scope": lobby, "isDialInBypassEnabled": False},
        "allowedPresenters": "organization",
        "allowedLobbyAdmitters": "organizerAndCoOrganizersAndPresenters",
        "allowMeetingChat": "limited",
        "recordAutomatically": False,
        "isEntryExitAnnounced": False,
    }
    _document(graph.call(tid, "PATCH", path_of(oid, meeting_id), deadline=deadline, json=body))


def close(tid: str, oid: str, meeting_id: str, *, deadline: Deadline) -> None:
    """Shut the doors of a meeting that is over: its chat ends, and everybody but the organizer waits in the lobby."""
    body = {
        "lobbyBypassSettings": {"scope": ORGANIZER, "isDialInBypassEnabled": False},
        "allowMeetingChat": "disabled",
    }
    _document(graph.call(tid, "PATCH", path_of(oid, meeting_id), deadline=deadline, json=body))


@asking("graph")
def exists(tid: str, oid: str, meeting_id: str, *, deadline: Deadline) -> bool:
    """Whether the organizer still has this meeting. False when it was deleted, or he is no longer of the
    organization."""
    try:
        graph.call(tid, "GET", path_of(oid, meeting_id), deadline=deadline)
    except Permanent as error:
        if error.code != "graph-not-found":
            raise
        return False
    return True


@asking("graph")
def visitor_url(tid: str, oid: str, meeting_id: str, *, deadline: Deadline, language: str = "") -> str:
    """The virtual-appointment link: joins in the browser, without an app or an account. Empty when it is not one of
    Teams. `language`, such as es or zh-TW, goes along as Accept-Language, which Graph documents without saying what it
    changes; without one, Teams asks the browser."""
    path = f"{path_of(oid, meeting_id)}/getVirtualAppointmentJoinWebUrl"
    headers = {"Accept-Language": language} if language else {}
    url = str(graph.call(tid, "GET", path, deadline=deadline, headers=headers).json().get("value") or "")
    return url if is_teams_url(url) else ""


@asking("graph")
def has_licence(tid: str, oid: str, *, deadline: Deadline) -> bool:
    """Whether the person has a Teams licence."""
    path = f"users/{quote(oid)}/licenseDetails/getTeamsLicensingDetails"
    return graph.call(tid, "GET", path, deadline=deadline).json().get("hasTeamsLicense") is not False


def delete(tid: str, oid: str, meeting_id: str, *, deadline: Deadline) -> None:
    """Delete a meeting. One that is gone already is no error."""
    _gone(tid, path_of(oid, meeting_id), "v1.0", deadline)


def subscribe(
    tid: str,
    *,
    join_url: str,
    client_state: str,
    certificate: str,
    certificate_id: str,
    deadline: Deadline,
    life: timedelta = SUBSCRIPTION_LIFE,
    query: str = "",
) -> tuple[str, datetime]:
    """Subscribe to the meeting's call events with encrypted content: (Graph's subscription id, when it ends).

    Graph calls our notification addresses back before it answers; `query` is what they carry then and ever after.
    Raises AlreadyDone when there is one, Permanent("notification-url") when the addresses did not answer Graph.
    """
    expires = timezone.now() + life
    body = {
        "changeType": "updated",
        "notificationUrl": f"{settings.NOTIFICATION_URL}/notifications/graph/{query}",
        "lifecycleNotificationUrl": f"{settings.NOTIFICATION_URL}/notifications/graph/lifecycle/{query}",
        "resource": f"communications/onlineMeetings(joinWebUrl='{quote(join_url, safe='')}')/meetingCallEvents",
        "includeResourceData": True,
        "encryptionCertificate": certificate,
        "encryptionCertificateId": certificate_id,
        "expirationDateTime": _moment(expires),
        "clientState": client_state,
    }
    # This resource is known to beta alone.
    document = _document(graph.call(tid, "POST", "subscriptions", version="beta", deadline=deadline, json=body))
    found = document.get("id")
    kept = found if isinstance(found, str) and len(found) <= LONGEST_ID else ""
    return kept, moment(document.get("expirationDateTime")) or expires


@asking("graph")
def subscriptions(tid: str, *, deadline: Deadline) -> list[str]:
    """Graph's ids of all subscriptions that we have in a tenant, page after page."""
    found, path = list[str](), "subscriptions"
    while path:
        document = graph.call(tid, "GET", path, version="beta", deadline=deadline).json()
        found += [str(one["id"]) for one in document.get("value") or [] if isinstance(one, dict) and one.get("id")]
        # The next page's address is Graph's own, with a token in it that is sent back as it came.
        path = str(document.get("@odata.nextLink") or "").partition("/beta/")[2]
    return found


def renew(tid: str, subscription: str, *, deadline: Deadline) -> datetime:
    """Prolong a subscription; returns when it ends."""
    expires = timezone.now() + SUBSCRIPTION_LIFE
    body = {"expirationDateTime": _moment(expires)}
    graph.call(tid, "PATCH", f"subscriptions/{quote(subscription)}", version="beta", deadline=deadline, json=body)
    return expires


def reauthorize(tid: str, subscription: str, *, deadline: Deadline) -> None:
    """Answer Graph's question whether we may still have a subscription."""
    path = f"subscriptions/{quote(subscription)}/reauthorize"
    graph.call(tid, "POST", path, version="beta", deadline=deadline)


def unsubscribe(tid: str, subscription: str, *, deadline: Deadline) -> None:
    """End a subscription. One that is gone already is no error."""
    _gone(tid, f"subscriptions/{quote(subscription)}", "beta", deadline)


def is_teams_url(url: str) -> bool:
    """Whether an address is one that people may be sent to."""
    parts = urlsplit(url)
    return bool({parts.netloc.lower(), (parts.hostname or "").lower()} & settings.TEAMS_HOSTS)


def _gone(tid: str, path: str, version: str, deadline: Deadline) -> None:
    try:
        graph.call(tid, "DELETE", path, version=version, deadline=deadline)
    except Permanent as error:
        if error.code != "graph-not-found":
            raise


def _document(answer: Answer) -> dict[str, Any]:
    """The JSON of a success. It may come without a body; with a sign-in page in its place it is none: Retry."""
    return answer.json() if answer.body else {}


def _trusted(meeting: Meeting) -> Meeting:
    if not is_teams_url(meeting.join_url):
        raise Permanent("join-url-host")
    return meeting


def path_of(oid: str, meeting_id: str) -> str:
    """Where Graph keeps a meeting of this organizer."""
    return f"users/{quote(oid)}/onlineMeetings/{quote(meeting_id, safe='')}"


def _moment(when: datetime) -> str:
    return when.strftime("%Y-%m-%dT%H:%M:%SZ")
