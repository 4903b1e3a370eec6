"""Attendance reports: each ended call of a meeting, folded from the roster events which that call made."""

import uuid
from collections.abc import Iterator
from datetime import datetime

from flask import Blueprint, request

from sandbox.graph.directory import account_of, collection
from sandbox.graph.meetings import allowed, meeting_of
from sandbox.graph.problems import Problem
from sandbox.state import moment, store, table
from sandbox.store import Document
from sandbox.switches import value

routes = Blueprint("attendance", __name__, url_prefix="/v1.0/users/<oid>/onlineMeetings/<meeting_id>/attendanceReports")

READ = ("OnlineMeetingArtifact.Read.All",)


@routes.get("")
def listing(oid: str, meeting_id: str) -> Document:
    reports = [{**report, "attendanceRecords": []} for report in reports_of(requested_meeting(oid, meeting_id))]
    return collection("attendanceReports", reports)


@routes.get("/<report_id>")
def one(oid: str, meeting_id: str, report_id: str) -> Document:
    for report in reports_of(requested_meeting(oid, meeting_id)):
        if report["id"] == report_id:
            expanded = request.args.get("$expand") == "attendanceRecords"
            return report if expanded else {**report, "attendanceRecords": []}
    raise Problem(404, "NotFound", "The attendance report was not found.")


def requested_meeting(oid: str, meeting_id: str) -> Document:
    who, account = allowed(READ, oid)
    return meeting_of(account, who.tid, meeting_id)


def reports_of(meeting: Document) -> list[Document]:
    """One report for every ended call of the meeting, the newest first; none or empty ones by the switch."""
    withheld = value(store(), "reports-withheld")
    if withheld and withheld != "empty":
        return []
    events = [entry["event"] for entry in table("events").values() if entry["meeting"] == meeting["id"]]
    return [report(meeting, session) for session in reversed(ended_sessions(events))]


def ended_sessions(events: list[Document]) -> list[list[Document]]:
    """The events of each call, from callStarted to callEnded. A call which still runs has no report."""
    sessions: list[list[Document]] = []
    running: list[Document] = []
    for event in events:
        running = [event] if event["eventType"] == "callStarted" else [*running, event]
        if event["eventType"] == "callEnded":
            sessions.append(running)
            running = []
    return sessions


def report(meeting: Document, session: list[Document]) -> Document:
    start, end = session[0]["eventDateTime"], session[-1]["eventDateTime"]
    records = [] if value(store(), "reports-withheld") else attendance_records(meeting, session)
    return {
        "id": str(uuid.uuid5(uuid.NAMESPACE_URL, f"{meeting['id']} {start}")),
        "meetingStartDateTime": start,
        "meetingEndDateTime": end,
        "totalParticipantCount": len(records),
        "attendanceRecords": records,
    }


def attendance_records(meeting: Document, session: list[Document]) -> list[Document]:
    """A record for each identity that was in the call: waiting in the lobby is not attending."""
    stays: dict[str, list[Document]] = {}
    identities: dict[str, Document] = {}
    for participant, identity, joined, left in stays_in(session):
        who = identity.get("id") or participant
        identities[who] = identity
        stays.setdefault(who, []).append(interval(joined, left))
    return [record(meeting, identities[who], intervals) for who, intervals in stays.items()]


def stays_in(session: list[Document]) -> Iterator[tuple[str, Document, str, str]]:
    """Each stay in the call: participant id, identity, when it began and when it ended, with the call at the latest."""
    present: dict[str, tuple[Document, str]] = {}
    for event in session:
        for delta in event.get("participants@delta", []):
            if "removedState" in delta:
                if delta["id"] in present:
                    yield (delta["id"], *present.pop(delta["id"]), event["eventDateTime"])
            elif not delta["isInLobby"]:
                identity: Document = next(iter(delta["info"]["identity"].values()), {})
                present.setdefault(delta["id"], (identity, event["eventDateTime"]))
    for participant, stay in present.items():
        yield (participant, *stay, session[-1]["eventDateTime"])


def interval(joined: str, left: str) -> Document:
    return {"joinDateTime": joined, "leaveDateTime": left, "durationInSeconds": seconds(moment(joined), moment(left))}


def seconds(start: datetime, end: datetime) -> int:
    return round((end - start).total_seconds())


def record(meeting: Document, identity: Document, intervals: list[Document]) -> Document:
    ours = identity.get("tenantId") == meeting["tid"]
    organizer = identity.get("id") == meeting["organizer"]
    return {
        "id": str(uuid.uuid5(uuid.NAMESPACE_URL, intervals[0]["joinDateTime"] + str(identity.get("id")))),
        "emailAddress": account_of(meeting["tid"], identity["id"]).upn if ours else "",
        "role": "Organizer" if organizer else "Presenter" if ours else "Attendee",
        "identity": {"id": None, "displayName": None, "tenantId": None, **identity} if identity else None,
        "totalAttendanceInSeconds": sum(stay["durationInSeconds"] for stay in intervals),
        "attendanceIntervals": intervals,
    }
