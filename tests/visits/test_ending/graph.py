"""Graph as one visit's organizer sees it: his meeting, its attendance reports, its subscriptions."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone

from tests.servers import Reply, Request, Server
from tests.visits import factories
from tests.visits.test_presence.telling import ago
from visits.models import Ending, Visit

NO_POLICY = {"error": {"code": "Forbidden", "message": "No application access policy found for this app."}}


@dataclass(frozen=True)
class Graph:
    """A scripted Graph, with the Entra that gives tokens for it."""

    server: Server
    meeting: str  # the path of the visit's first meeting

    def answer(self, reply: Reply) -> None:
        """What every call about the meeting gets."""
        for path in (self.meeting, f"{self.meeting}/attendanceReports"):
            self.server.answer(path, reply)

    def report(self, *records: dict[str, Any], start: float, end: float, name: str = "r-1") -> None:
        """The one report that there is: of a call by minutes ago."""
        whole = {"id": name, "meetingStartDateTime": ago(start).isoformat(), "meetingEndDateTime": ago(end).isoformat()}
        reports = f"{self.meeting}/attendanceReports"
        self.server.answer(reports, Reply({"value": [whole | {"attendanceRecords": []}]}))
        self.server.answer(f"{reports}/{name}", Reply(whole | {"attendanceRecords": list(records)}))

    def calls(self) -> list[str]:
        """What was done to the meeting, the reading of reports included."""
        return [self._said(one) for one in self.server.requests if one.path.startswith("/v1.0/users/")]

    def _said(self, request: Request) -> str:
        return f"{request.method} {request.path.removeprefix(self.meeting)}".strip()


def path_of(visit: Visit) -> str:
    assert visit.organizer
    return f"/v1.0/users/{visit.organizer.oid}/onlineMeetings/{visit.unseal('meeting_id')}"


def record(*stays: tuple[float, float], oid: object = None, tid: object = None) -> dict[str, Any]:
    """Somebody in a report, with his stays by minutes ago."""
    intervals = [
        {"joinDateTime": ago(joined).isoformat(), "leaveDateTime": ago(left).isoformat()} for joined, left in stays
    ]
    identity = {"id": oid and str(oid), "displayName": "Pia Example", "tenantId": tid and str(tid)}
    return {"identity": identity, "attendanceIntervals": intervals}


def opened(visit: Visit, minutes: float = 60) -> Visit:
    """The visit with a meeting of one of its clinicians, opened so long ago."""
    visit.organizer = factories.user(visit.connection.organization.tid)
    visit.opened_at, visit.look_at = ago(minutes), ago(0)
    visit.seal("join_url", "https://teams.example/l/meetup-join/1")
    visit.save()
    return visit


def later(**by: float) -> None:
    """Let time pass for every ending: what is due within it is due now."""
    passed = timedelta(**by)
    for ending in Ending.objects.exclude(due_at=None):
        Ending.objects.filter(pk=ending.pk).update(due_at=_earlier(ending.due_at, passed))


def _earlier(at: datetime | None, passed: timedelta) -> datetime:
    return min((at or timezone.now()) - passed, timezone.now() + timedelta(days=9))
