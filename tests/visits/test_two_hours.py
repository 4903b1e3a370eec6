"""A visit of two hours, minute by minute on a fast clock: people come and go, its subscription is renewed, the EHR is
down for a while and told the truth, a lost tail is mended, and its meeting is closed and deleted."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import pytest
from django.core.cache import cache
from django.utils import timezone
from pytest_django import Settings

from connector.models import Entry
from tests.servers import Reply
from tests.visits import factories
from tests.visits.test_ending.graph import Graph, opened, path_of, record
from tests.visits.test_presence.telling import ago, begin_story, connected, roster
from tests.visits.test_writeback.ehr import Ehr, running
from visits import ending, meeting, presence, reconcile, reports, waiting, writeback
from visits.models import Ending, Participant, Report, Subscription, Visit, Writeback
from visits.writeback.outbox import due

pytestmark = pytest.mark.django_db


@dataclass
class Clock:
    """The time of day for whoever asks Django or Python for it. `minutes` have passed since the test began."""

    begun: datetime
    minutes: float = 0

    def now(self) -> datetime:
        return self.begun + timedelta(minutes=self.minutes)


@dataclass
class Day:
    """The people of one visit, its EHR and its Graph. What happens in which minute is written down beforehand."""

    clock: Clock
    ehr: Ehr
    graph: Graph
    clinician: Participant
    patient: Participant
    happens: dict[float, list[Callable[[], object]]] = field(default_factory=dict)

    @property
    def visit(self) -> Visit:
        return Visit.objects.select_related("connection", "organizer").get(pk=self.ehr.visit.pk)

    def at(self, minute: float, act: Callable[[], object]) -> None:
        self.happens.setdefault(minute, []).append(act)

    def desk(self, minute: float, kind: str) -> None:
        """Microsoft tells that the clinician came or left."""
        self.at(minute, lambda: connected(self.clinician, -minute, kind=kind))

    def guest(self, minute: float, kind: str, key: str = "a") -> None:
        """Microsoft tells of somebody without an account."""
        self.at(minute, lambda: roster(self.visit, key, kind, -minute))

    def colleague(self, minute: float, kind: str) -> None:
        self.at(minute, lambda: roster(self.visit, "colleague", kind, -minute, oid="a-colleague"))

    def comes_to_the_page(self, minute: float) -> None:
        self.at(minute, lambda: waiting.arrived(self.patient, event_id=str(minute)))

    def is_sent(self, minute: float, who: Participant) -> None:
        self.at(minute, lambda: waiting.sent(who))

    def live_until(self, minute: float, *, step: float = 1) -> None:
        """Let time pass, with what happens in it and what the scheduler does each time."""
        while self.clock.minutes < minute:
            self.clock.minutes += step
            for act in self.happens.pop(self.clock.minutes, []):
                act()
                presence.refold(self.visit.pk)
            self._sweep()

    def _sweep(self) -> None:
        presence.sweep_waiting()
        presence.sweep()
        if self.clock.minutes % 10 == 0:
            meeting.renew_subscriptions()
        reconcile.look()
        ending.work()
        for target, lane in set(due(timezone.now()).values_list("target", "lane")):
            writeback.drain(target, lane)
        reports.settle_due()

    def told_of(self, who: Participant) -> list[str]:
        """What the EHR has accepted for somebody, in order."""
        delivered = who.writebacks.filter(state=Writeback.State.DELIVERED).order_by("finished_at")
        return list(delivered.values_list("presence", flat=True))


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    begin_story()
    found = Clock(ago(0))
    monkeypatch.setattr(timezone, "now", found.now)
    monkeypatch.setattr(time, "time", lambda: found.now().timestamp())
    return found


@pytest.fixture
def day(clock: Clock, settings: Settings) -> Iterator[Day]:
    with running() as ehr:
        settings.OUTGOING_ALLOWED_HOSTS = frozenset({ehr.server.host})
        settings.ENTRA_AUTHORITY = settings.GRAPH_URL = ehr.server.url
        factories.approve(ehr.connection, rejoin_seconds=60)
        visit = opened(ehr.visit, 0)
        token = f"/{visit.connection.organization.tid}/oauth2/v2.0/token"
        ehr.server.answer(token, Reply({"access_token": "graph", "expires_in": 3600}))
        graph = Graph(ehr.server, path_of(visit))
        graph.answer(Reply({"value": []}))
        people = (
            factories.participant(visit, "provider", external_id="c-1", linked=visit.organizer),
            factories.participant(visit),
        )
        yield Day(clock, ehr, graph, *people)
    cache.clear()


def test_a_visit_of_two_hours(day: Day) -> None:
    subscription = factories.subscription(day.visit)
    renewal = f"/beta/subscriptions/{subscription.graph_id}"
    day.ehr.server.answer(renewal, Reply(status=503), Reply(status=503), Reply({}))
    day.comes_to_the_page(1)
    for minute in range(2, 6):
        day.at(minute, lambda: waiting.seen(day.patient.pk))
    day.is_sent(3, day.clinician)
    day.desk(4, "connected")
    day.is_sent(5, day.patient)
    day.guest(6, "lobby")
    day.guest(8, "connected")
    day.live_until(10)
    day.live_until(20, step=5)
    assert (day.told_of(day.patient), day.told_of(day.clinician)) == (["waiting", "connected"], ["connected"])

    # A quick rejoin under another id is none for the EHR; a colleague comes and goes.
    day.guest(30, "disconnected")
    day.guest(30.5, "connected", "b")
    day.colleague(32, "connected")
    day.colleague(38, "disconnected")
    day.live_until(30, step=5)
    day.live_until(32, step=0.5)
    day.live_until(40, step=2)
    assert day.told_of(day.patient) == ["waiting", "connected", "connected"]
    assert Subscription.objects.get().expires_at == ago(-30) + timedelta(minutes=4200), "renewed at the third try"

    # The EHR is down while the patient leaves, waits anew and comes back: then it is told where he is.
    day.at(69, lambda: day.ehr.answers(Reply(status=503)))
    day.guest(70, "disconnected", "b")
    day.comes_to_the_page(74)
    for minute in range(75, 80):
        day.at(minute, lambda: waiting.seen(day.patient.pk))
    day.is_sent(79, day.patient)
    day.guest(80, "lobby", "c")
    day.guest(82, "connected", "c")
    day.at(94, lambda: day.ehr.answers(Reply()))
    day.live_until(68, step=4)
    day.live_until(82)
    day.live_until(118, step=4)
    assert day.told_of(day.patient)[3:] == ["connected"]
    assert day.ehr.statuses()[-1] == "1"
    assert Report.objects.get().outcome == Report.RUNNING

    # He leaves; that the clinician does is told by the report alone.
    day.guest(120, "disconnected", "c")
    day.at(125, lambda: report_of(day))
    day.live_until(125)
    day.live_until(160, step=5)
    assert day.told_of(day.patient)[4:] == ["disconnected"]
    assert day.told_of(day.clinician) == ["connected", "disconnected"]
    assert day.ehr.statuses()[-1] == "2"
    assert day.visit.ended_at == ago(-121)
    row = Report.objects.get()
    assert (row.outcome, row.met_at, row.left_at) == ("held", ago(-8), ago(-121))
    assert (row.waiting, row.lobby, row.attendants) == (9 * 60, 4 * 60, 3)
    assert row.told == Report.Told.DELIVERED

    # The next day nothing is left of the meeting.
    day.live_until(160 + 26 * 60, step=4 * 60)
    assert Ending.objects.values_list("step", "due_at").get() == ("done", None)
    assert [day.graph.calls().count(method) for method in ("PATCH", "DELETE")] == [1, 1]
    left = Entry.objects.filter(visit=day.visit.pk, event="participant-disconnected", participant=day.clinician.pk)
    assert list(left.values_list("at", "detail")) == [(ago(-121), {"told": "report"})]


def report_of(day: Day) -> None:
    """The attendance report that Microsoft makes of the call once it has ended."""
    organizer = day.visit.organizer
    assert organizer
    everybody = [
        record((-4, -121), oid=organizer.oid, tid=organizer.tid),
        record((-8, -30), (-30.5, -70), (-82, -120)),
    ]
    day.graph.report(*everybody, start=-4, end=-121)
