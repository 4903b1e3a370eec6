"""Attendance reports of an online meeting: one for each of its calls, once that has ended.

Microsoft Graph: "List meetingAttendanceReports" and "Get meetingAttendanceReport" with the records expanded (permission
OnlineMeetingArtifact.Read.All and an application access policy; of the organizer alone). While a call runs a report may
be there, empty or without an end: it tells nothing yet.
"""

from dataclasses import dataclass
from datetime import datetime
from urllib.parse import quote

from connector.errors import asking
from connector.http import Deadline
from connector.teams import graph, meetings
from connector.teams.notifications import Identity, member, moment, text_of

MOST_REPORTS = 20  # of one meeting, the newest; the older ones were read before
Stay = tuple[datetime, datetime]  # joined, left


@dataclass(frozen=True)
class Attendee:
    """One person of a report, or one anonymous join."""

    identity: Identity
    stays: tuple[Stay, ...]


@dataclass(frozen=True)
class Report:
    """One call that has ended. Names and addresses are left where they are."""

    id: str
    started: datetime
    ended: datetime
    attendees: tuple[Attendee, ...]


@asking("graph")
def reports(tid: str, oid: str, meeting_id: str, *, deadline: Deadline) -> list[Report]:
    """The reports that tell something. None is a usual answer, and so is Permanent: not allowed, or not found."""
    path = f"{meetings.path_of(oid, meeting_id)}/attendanceReports"
    ids = [text_of(row.get("id")) for row in graph.rows(graph.call(tid, "GET", path, deadline=deadline).json())]
    return [report for one in ids[:MOST_REPORTS] if one and (report := _report(tid, path, one, deadline))]


def _report(tid: str, path: str, report_id: str, deadline: Deadline) -> Report | None:
    expanded = {"$expand": "attendanceRecords"}
    url = f"{path}/{quote(report_id, safe='')}"
    document = graph.call(tid, "GET", url, deadline=deadline, params=expanded).json()
    started, ended = moment(member(document, "meetingStartDateTime")), moment(member(document, "meetingEndDateTime"))
    records = graph.rows({"value": member(document, "attendanceRecords")})
    attendees = tuple(one for record in records if (one := _attendee(record)).stays)
    if not (started and ended and attendees):
        return None
    joined, left = zip(*(stay for one in attendees for stay in one.stays), strict=True)
    return Report(report_id, min(started, *joined), max(ended, *left), attendees)


def _attendee(record: object) -> Attendee:
    identity = member(record, "identity")
    intervals = graph.rows({"value": member(record, "attendanceIntervals")})
    times = [(moment(member(one, "joinDateTime")), moment(member(one, "leaveDateTime"))) for one in intervals]
    stays = _merged(sorted((joined, left) for joined, left in times if joined and left and joined < left))
    who = Identity("user", text_of(member(identity, "id")), text_of(member(identity, "tenantId")).lower())
    return Attendee(who, tuple(stays))


def _merged(stays: list[Stay]) -> list[Stay]:
    """Stays that do not overlap: somebody may be there with two devices."""
    found: list[Stay] = []
    for joined, left in stays:
        if found and joined <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], left))
        else:
            found.append((joined, left))
    return found
