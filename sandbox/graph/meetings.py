"""Online meetings: who may make them, what identifies them, and what may be changed."""

import base64
import json
import secrets
from datetime import datetime, timedelta

from flask import Blueprint, request

from sandbox.cast import Account
from sandbox.graph import links
from sandbox.graph.directory import account_of
from sandbox.graph.problems import Problem, body
from sandbox.graph.tokens import Caller, caller
from sandbox.standin import url_of
from sandbox.state import moment, now, stamp, store, table
from sandbox.store import Document
from sandbox.switches import applies, value

routes = Blueprint("meetings", __name__, url_prefix="/v1.0/users/<oid>/onlineMeetings")

WRITE = ("OnlineMeetings.ReadWrite.All",)
READ = ("OnlineMeetings.Read.All", *WRITE)
VISIT_LINK = ("VirtualAppointment.Read.All", "VirtualAppointment.ReadWrite.All")
NOT_OPTIONS = ("externalId", "subject", "startDateTime", "endDateTime", "participants", "joinMeetingIdSettings")
NEWER_SCOPES = ("invited", "organizationExcludingGuests")
DEFAULT_OPTIONS: Document = {
    "lobbyBypassSettings": {"scope": "organization", "isDialInBypassEnabled": False},
    "allowedPresenters": "everyone",
    "allowedLobbyAdmitters": "organizerAndCoOrganizersAndPresenters",
    "allowMeetingChat": "enabled",
    "shareMeetingChatHistoryDefault": "none",
    "recordAutomatically": False,
    "isEntryExitAnnounced": True,
    "allowRecording": True,
    "allowTranscription": True,
    "allowAttendeeToEnableCamera": True,
    "allowAttendeeToEnableMic": True,
    "allowTeamworkReactions": True,
}


def allowed(permissions: tuple[str, ...], oid: str) -> tuple[Caller, Account]:
    """The caller and the user in whose name it acts: permission, user and access policy are in order, or Problem."""
    who = caller(*permissions)
    account = account_of(who.tid, oid)
    if applies(store(), "account-gone", account.oid):
        raise Problem(404, "Request_ResourceNotFound", f"Resource '{oid}' does not exist.")
    if applies(store(), "access-policy-missing", account.oid):
        raise Problem(
            403,
            "Forbidden",
            f"No application access policy found for this app: {who.appid} on the user: {account.oid}.",
        )
    return who, account


def meeting_of(account: Account, tid: str, meeting_id: str) -> Document:
    """The organizer's meeting. Raises Problem 404."""
    meeting = table("meetings").get(meeting_id)
    if not meeting or meeting["tid"] != tid:
        raise Problem(404, "NotFound", "The meeting was not found.")
    if meeting["organizer"] != account.oid:
        raise Problem(404, "NotFound", "Organizer Id mismatch User Id.")
    return meeting


@routes.post("/createOrGet")
def create_or_get(oid: str) -> tuple[Document, int]:
    who, account = allowed(WRITE, oid)
    wanted = body("onlineMeeting/createOrGet")
    identity = json.dumps([who.tid, account.oid, wanted["externalId"]])
    with store().lock:
        known = table("external").get(identity)
        meeting = table("meetings")[known["id"]] if known else new_meeting(who, account, wanted)
        table("external")[identity] = {"id": meeting["id"]}
    return rendered(meeting), 200 if known else 201


@routes.post("")
def create(oid: str) -> tuple[Document, int]:
    who, account = allowed(WRITE, oid)
    return rendered(new_meeting(who, account, body("onlineMeeting/create"))), 201


def new_meeting(who: Caller, account: Account, wanted: Document) -> Document:
    """Make and keep a meeting. Raises Problem 400 for impossible times."""
    start, end = period(wanted)
    key, digits, passcode = links.new_key(), links.new_digits(), secrets.token_urlsafe(12)
    short = bool(value(store(), "short-links"))
    meeting = {
        "id": base64.b64encode(f"1*{account.oid}*0**{key}".encode()).decode(),
        "key": key,
        "tid": who.tid,
        "organizer": account.oid,
        "externalId": wanted.get("externalId"),
        "subject": wanted.get("subject"),
        "startDateTime": stamp(start),
        "endDateTime": stamp(end),
        "creationDateTime": stamp(now()),
        "digits": digits,
        "passcode": passcode,
        "joinWebUrl": links.short_link(digits, passcode) if short else links.long_link(key, who.tid, account.oid),
        "attendees": wanted.get("participants", {}).get("attendees", []),
        "options": {**DEFAULT_OPTIONS, **options_in(wanted)},
    }
    table("meetings")[meeting["id"]] = meeting
    return meeting


def options_in(wanted: Document) -> Document:
    return {name: setting for name, setting in wanted.items() if name not in NOT_OPTIONS and "@" not in name}


def period(wanted: Document) -> tuple[datetime, datetime]:
    """Start and end: an hour from now, or from the start, where they are not said."""
    if "endDateTime" in wanted and "startDateTime" not in wanted:
        raise Problem(400, "BadRequest", "An end needs a start.")
    try:
        start = moment(wanted["startDateTime"]) if "startDateTime" in wanted else now()
        end = moment(wanted["endDateTime"]) if "endDateTime" in wanted else start + timedelta(hours=1)
    except ValueError as error:
        raise Problem(400, "BadRequest", f"Invalid date and time: {error}") from error
    if end < start:
        raise Problem(400, "BadRequest", "The meeting cannot end before it starts.")
    return start, end


@routes.get("/<meeting_id>")
def read(oid: str, meeting_id: str) -> Document:
    who, account = allowed(READ, oid)
    return rendered(meeting_of(account, who.tid, meeting_id))


@routes.patch("/<meeting_id>")
def patch(oid: str, meeting_id: str) -> Document:
    who, account = allowed(WRITE, oid)
    wanted = body("onlineMeeting/patch")
    if applies(store(), "patch-refused", account.oid):
        raise Problem(403, "Forbidden", "The meeting's options are governed by a policy and cannot be changed.")
    with store().lock:
        meeting = meeting_of(account, who.tid, meeting_id)
        change(meeting, wanted)
        table("meetings")[meeting_id] = meeting
    return rendered(meeting)


def change(meeting: Document, wanted: Document) -> None:
    if "startDateTime" in wanted:
        start, end = period(wanted)
        meeting |= {"startDateTime": stamp(start), "endDateTime": stamp(end)}
    if "participants" in wanted:
        meeting["attendees"] = wanted["participants"]["attendees"]
    meeting["subject"] = wanted.get("subject", meeting["subject"])
    for name, setting in options_in(wanted).items():
        before = meeting["options"].get(name)
        meeting["options"][name] = {**before, **setting} if isinstance(before, dict) else setting


@routes.delete("/<meeting_id>")
def delete(oid: str, meeting_id: str) -> tuple[str, int]:
    who, account = allowed(WRITE, oid)
    with store().lock:
        remove(meeting_of(account, who.tid, meeting_id))
    return "", 204


def remove(meeting: Document) -> None:
    """Delete a meeting: its links lead nowhere, and the same external id makes another one."""
    del table("meetings")[meeting["id"]]
    table("external").pop(json.dumps([meeting["tid"], meeting["organizer"], meeting["externalId"]]), None)


@routes.get("/<meeting_id>/getVirtualAppointmentJoinWebUrl")
def virtual_appointment(oid: str, meeting_id: str) -> Document:
    who, account = allowed(VISIT_LINK, oid)
    meeting = meeting_of(account, who.tid, meeting_id)
    if applies(store(), "virtual-appointment-refused", account.oid):
        raise Problem(403, "Forbidden", "Virtual appointments are not available to this application.")
    return {
        "@odata.context": f"{url_of('graph')}/v1.0/$metadata#Edm.String",
        "value": links.virtual_appointment_link(who.tid, meeting["key"]),
    }


def rendered(meeting: Document) -> Document:
    """A meeting by Graph's member names."""
    oid = meeting["organizer"]
    account = account_of(meeting["tid"], oid)
    user = {"id": oid, "displayName": account.name, "tenantId": meeting["tid"], "identityProvider": "AAD"}
    organizer = {"upn": account.upn, "role": "presenter", "identity": {"user": user}}
    plain = ("id", "creationDateTime", "startDateTime", "endDateTime", "subject", "joinWebUrl", "externalId")
    return {
        "@odata.context": f"{url_of('graph')}/v1.0/$metadata#users('{oid}')/onlineMeetings/$entity",
        **{name: meeting[name] for name in plain},
        **({"joinWebUrl": links.elsewhere(meeting["joinWebUrl"])} if value(store(), "foreign-links") else {}),
        "isBroadcast": False,
        "chatInfo": {"threadId": meeting["key"], "messageId": "0", "replyChainMessageId": None},
        "joinMeetingIdSettings": {
            "isPasscodeRequired": True,
            "joinMeetingId": meeting["digits"],
            "passcode": meeting["passcode"],
        },
        "audioConferencing": None,
        "videoTeleconferenceId": None,
        "participants": {"organizer": organizer, "attendees": meeting["attendees"]},
        **meeting["options"],
        "lobbyBypassSettings": known_to_the_reader(meeting["options"]["lobbyBypassSettings"]),
    }


def known_to_the_reader(lobby: Document) -> Document:
    """The newer scopes are shown only to who asks for them by the Prefer header."""
    if lobby["scope"] in NEWER_SCOPES and "include-unknown-enum-members" not in request.headers.get("Prefer", ""):
        return {**lobby, "scope": "unknownFutureValue"}
    return lobby
