"""Attendance reports as Graph gives them: what each tells, and what tells nothing."""

import uuid
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pytest_django import Settings

from connector.errors import Permanent, Retry
from connector.http import Deadline
from connector.teams import attendance
from connector.teams.attendance import Attendee, Report
from connector.teams.notifications import Identity
from tests.servers import Reply, Server

OID = str(uuid.uuid4())
LISTING = f"/v1.0/users/{OID}/onlineMeetings/MSo1/attendanceReports"
EMPTY = {"id": "r-1", "meetingStartDateTime": "2026-08-01T10:00:00Z", "meetingEndDateTime": "2026-08-01T10:30:00.25Z"}


@pytest.fixture
def tid(server: Server, settings: Settings) -> str:
    settings.ENTRA_AUTHORITY = settings.GRAPH_URL = server.url
    tid = str(uuid.uuid4())
    server.answer(f"/{tid}/oauth2/v2.0/token", Reply({"access_token": "token", "expires_in": 3600}))
    return tid


def at(minute: int, second: int = 0) -> datetime:
    return datetime(2026, 8, 1, 10, minute, second, tzinfo=UTC)


def stay(joined: object, left: object) -> dict[str, Any]:
    return {"joinDateTime": joined, "leaveDateTime": left, "durationInSeconds": 1}


def record(*stays: dict[str, Any], **identity: Any) -> dict[str, Any]:
    return {"identity": identity or None, "attendanceIntervals": list(stays), "emailAddress": "pia@home.example"}


def told(server: Server, tid: str, document: object) -> list[Report]:
    """What comes of a single report."""
    server.answer(LISTING, Reply({"value": [EMPTY | {"attendanceRecords": []}]}))
    server.answer(f"{LISTING}/r-1", Reply(document))  # type: ignore[arg-type]
    return attendance.reports(tid, OID, "MSo1", deadline=Deadline.after(5))


def test_a_report_tells_who_was_in_the_call_and_when(server: Server, tid: str) -> None:
    ours = record(stay("2026-08-01T10:02:00Z", "2026-08-01T10:05:00.5000000Z"), id=OID, displayName="C", tenantId="T-1")
    nobody = record(stay("2026-08-01T10:03:00Z", "2026-08-01T10:29:00Z"))
    [report] = told(server, tid, EMPTY | {"attendanceRecords": [ours, nobody]})
    assert (report.id, report.started, report.ended) == ("r-1", at(0), at(30).replace(microsecond=250_000))
    assert report.attendees == (
        Attendee(Identity("user", OID, "t-1"), ((at(2), at(5).replace(microsecond=500_000)),)),
        Attendee(Identity("user", "", ""), ((at(3), at(29)),)),
    )
    assert [one.query for one in server.asked(f"{LISTING}/r-1")] == [{"$expand": "attendanceRecords"}]


def test_stays_that_overlap_or_touch_are_one(server: Server, tid: str) -> None:
    times = [(10, 12), (2, 5), (12, 13), (4, 8), (20, 20), (25, 21)]
    stays = [stay(f"2026-08-01T10:{a:02}:00Z", f"2026-08-01T10:{b:02}:00Z") for a, b in times]
    [report] = told(server, tid, EMPTY | {"attendanceRecords": [record(*stays)]})
    assert report.attendees[0].stays == ((at(2), at(8)), (at(10), at(13)))


def test_a_call_lasts_as_long_as_whoever_was_in_it(server: Server, tid: str) -> None:
    early = record(stay("2026-08-01T09:59:00Z", "2026-08-01T10:31:00Z"))
    [report] = told(server, tid, EMPTY | {"attendanceRecords": [early]})
    assert (report.started, report.ended) == (at(0).replace(hour=9, minute=59), at(31))


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"attendanceRecords": []},
        {"attendanceRecords": None},
        {"attendanceRecords": [record()]},
        {"attendanceRecords": [record(stay("2026-08-01T10:02:00Z", None))]},
        {"attendanceRecords": [None, "x", {"attendanceIntervals": [None]}]},
        {
            "attendanceRecords": [record(stay("2026-08-01T10:02:00Z", "2026-08-01T10:03:00Z"))],
            "meetingEndDateTime": None,
        },
    ],
    ids=["no records", "empty", "null", "without stays", "still there", "nonsense", "without an end"],
)
def test_what_is_empty_or_still_runs_tells_nothing(server: Server, tid: str, change: dict[str, Any]) -> None:
    assert told(server, tid, EMPTY | change) == []


@pytest.mark.parametrize(
    ("reply", "raised"),
    [
        (Reply({"value": []}), None),
        (Reply({}), None),
        (Reply({"error": {"code": "NotFound"}}, 404), Permanent),
        (Reply({"error": {"code": "Forbidden"}}, 403), Permanent),
        (Reply(status=503), Retry),
        (Reply("<h1>Sign in</h1>"), Retry),
    ],
)
def test_no_report_is_a_usual_answer(server: Server, tid: str, reply: Reply, raised: type[Exception] | None) -> None:
    server.answer(LISTING, reply)
    if raised is None:
        assert attendance.reports(tid, OID, "MSo1", deadline=Deadline.after(5)) == []
    else:
        with pytest.raises(raised):
            attendance.reports(tid, OID, "MSo1", deadline=Deadline.after(5))


json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.just("2026-08-01T10:00:00Z"),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["identity", "attendanceIntervals", "joinDateTime", "leaveDateTime"]), inner)
    ),
    max_leaves=12,
)


@given(json)
def test_any_record_is_read_without_an_error(document: Any) -> None:
    attendee = attendance._attendee(document)
    assert all(joined < left for joined, left in attendee.stays)
