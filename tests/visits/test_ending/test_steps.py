"""What is done about a meeting that has ended, when, and what keeps it from being done."""

from datetime import timedelta

import pytest
from django.utils import timezone

from connector.models import Connection, Entry
from connector.teams import entra
from tests.servers import Reply
from tests.visits import factories
from tests.visits.test_ending.graph import NO_POLICY, Graph, later, opened
from tests.visits.test_presence.telling import ago, connected, page, roster, trail_of
from visits import ending, forgetting, meeting, presence
from visits.models import Ending, Fact, Participant, Visit, Writeback

pytestmark = pytest.mark.django_db
READ = "GET /attendanceReports"
REFUSED = {"error": {"code": "Forbidden", "message": "This meeting cannot be changed."}}
CLOSED, DELETED = "PATCH", "DELETE"


@pytest.fixture
def ended(visit: Visit, clinician: Participant) -> Visit:
    """The clinician came and left; nobody has been there for longer than it takes."""
    connected(clinician, 40)
    connected(clinician, 6, kind="disconnected")
    presence.refold(visit.pk)
    visit.refresh_from_db()
    return visit


def all_of_it() -> None:
    for _ in range(4):
        later(days=2)
        ending.work()


def test_the_end_of_a_visit_leaves_its_meeting_to_be_ended(ended: Visit) -> None:
    left = Ending.objects.get()
    assert (left.generation, left.step, left.ended_at, left.organizer_id) == (1, "close", ago(6), ended.organizer_id)
    assert left.unseal("meeting_id") == ended.unseal("meeting_id")
    assert ended.look_at is None


def test_a_visit_without_a_meeting_leaves_nothing(visit: Visit, clinician: Participant) -> None:
    Visit.objects.update(meeting_id_sealed="")
    connected(clinician, 40)
    connected(clinician, 6, kind="disconnected")
    presence.refold(visit.pk)
    assert not Ending.objects.exists()


def test_doors_close_at_once_reports_are_read_five_times_then_the_meeting_goes(ended: Visit, graph: Graph) -> None:
    subscription = factories.subscription(ended)
    graph.server.answer(f"/beta/subscriptions/{subscription.graph_id}", Reply(status=204))
    ending.work()
    assert graph.calls() == [CLOSED, READ, READ]
    body = graph.server.asked(graph.meeting)[0].body.decode()
    assert '"scope": "organizer"' in body
    assert '"allowMeetingChat": "disabled"' in body
    meeting_path, waits = graph.meeting, []
    for _ in range(3):
        due = Ending.objects.get().due_at
        assert due is not None
        waits.append(round((due - ago(6)).total_seconds() / 60))
        later(days=2)
        ending.work()
    assert waits == [15, 60, 1440]
    assert graph.calls() == [CLOSED, *[READ] * 5, DELETED]
    assert len(graph.server.asked(f"/beta/subscriptions/{subscription.graph_id}")) == 1
    assert graph.server.asked(meeting_path)[-1].method == "DELETE"
    ended.refresh_from_db()
    assert (ended.join_url_sealed, ended.meeting_id_sealed) == ("", "")
    assert Ending.objects.values_list("step", "due_at", "meeting_id_sealed").get() == ("done", None, "")
    told = Entry.objects.filter(visit=ended.pk, event__startswith="meeting-").order_by("id")
    assert list(told.values_list("event", flat=True)) == ["meeting-closed", "meeting-deleted"]


def test_what_is_refused_for_good_is_left_behind_with_its_code(ended: Visit, graph: Graph) -> None:
    graph.answer(Reply(REFUSED, 403))
    all_of_it()
    assert graph.calls() == [CLOSED, *[READ] * 5, DELETED]
    assert Ending.objects.values_list("step", "due_at", "code").get() == ("done", None, "graph-refused")
    told = Entry.objects.filter(visit=ended.pk, event__startswith="meeting-").order_by("id")
    assert list(told.values_list("event", flat=True)) == ["meeting-closed-failed", "meeting-deleted-failed"]


def test_a_meeting_that_is_gone_already_is_deleted(ended: Visit, graph: Graph) -> None:
    graph.answer(Reply({"error": {"code": "NotFound"}}, 404))
    all_of_it()
    assert Ending.objects.values_list("step", "code").get() == ("done", "")


MISSING = Reply({"error": {"code": "Authorization_RequestDenied", "message": "Insufficient privileges."}}, 403)
UNTIL_SOMEBODY_MENDS = {
    "application-access-policy": Reply(NO_POLICY, 403),
    "graph-permission": MISSING,
    "graph-unavailable": Reply(status=503),
}


@pytest.mark.parametrize(("code", "answer"), UNTIL_SOMEBODY_MENDS.items())
def test_what_people_can_mend_is_tried_each_hour_and_done_once_they_have(
    ended: Visit, graph: Graph, code: str, answer: Reply
) -> None:
    graph.answer(answer)
    aged(days=6)
    for _ in range(20):
        ending.work()
        later(hours=1)
    assert graph.calls() == [CLOSED] * 20
    assert Ending.objects.values_list("step", "code").get() == ("close", code)
    graph.answer(Reply({"value": []}))
    all_of_it()
    assert Ending.objects.values_list("step", "code").get() == ("done", "")
    assert graph.calls()[-1] == DELETED


def test_a_secret_that_has_expired_ends_no_step_either(ended: Visit, graph: Graph) -> None:
    token = f"/{ended.connection.organization.tid}/oauth2/v2.0/token"
    entra.forget_app_token(str(ended.connection.organization.tid))
    graph.server.answer(token, Reply({"error": "invalid_client", "error_description": "AADSTS7000222: expired"}, 401))
    ending.work()
    assert Ending.objects.values_list("step", "code").get() == ("close", "entra-client-secret")


def test_reports_that_nobody_lets_us_read_do_not_keep_the_meeting(ended: Visit, graph: Graph) -> None:
    graph.server.answer(f"{graph.meeting}/attendanceReports", MISSING)
    all_of_it()
    assert graph.calls() == [CLOSED, *[READ] * 5, DELETED]


@pytest.mark.parametrize(("kept", "days"), [(30, 7), (3, 3)])
def test_what_nobody_mends_is_given_up_after_a_week_or_with_the_retention(
    ended: Visit, graph: Graph, kept: int, days: int
) -> None:
    Connection.objects.update(retention_days=kept)
    graph.answer(Reply(NO_POLICY, 403))
    aged(days=days, minutes=-1)
    Ending.objects.update(attempts=100)
    ending.work()
    assert Ending.objects.get().step == "close"
    aged(days=days)
    for _ in range(20):
        later(hours=2)
        ending.work()
    assert Ending.objects.values_list("step", "due_at", "code").get() == ("done", None, "application-access-policy")
    told = Entry.objects.filter(visit=ended.pk, event__startswith="meeting-").order_by("id")
    assert list(told.values_list("event", flat=True)) == ["meeting-closed-failed", "meeting-deleted-failed"]


def test_what_downtime_held_up_for_a_week_is_still_tried_more_than_once(ended: Visit, graph: Graph) -> None:
    aged(days=9)
    graph.answer(Reply(status=503))
    ending.work()
    assert Ending.objects.get().step == "close"


def aged(**by: float) -> None:
    """Let the visit have ended so long ago."""
    Ending.objects.update(ended_at=timezone.now() - timedelta(**by))


def test_a_busy_graph_is_asked_again_later_each_time(ended: Visit, graph: Graph) -> None:
    graph.answer(Reply(status=503))
    waits = []
    for _ in range(4):
        before = timezone.now()
        ending.work()
        due = Ending.objects.get().due_at
        assert due is not None
        waits.append(round((due - before).total_seconds() / 15))
        later(hours=2)
    assert waits == [1, 2, 4, 8]
    assert Ending.objects.values_list("step", "attempts", "code").get() == ("close", 4, "graph-unavailable")


def test_graphs_own_patience_is_kept(ended: Visit, graph: Graph) -> None:
    graph.answer(Reply(status=429, headers={"Retry-After": "900"}))
    ending.work()
    due = Ending.objects.get().due_at
    assert due is not None
    assert due > timezone.now() + timedelta(minutes=14)


def test_a_step_that_somebody_else_has_taken_is_left_to_him(ended: Visit, graph: Graph) -> None:
    Ending.objects.update(due_at=timezone.now() + ending.LEASE)
    assert ending.work() == 0
    later(seconds=ending.LEASE.seconds)
    assert ending.work() > 0


def test_a_meeting_that_people_rejoin_is_neither_closed_nor_deleted_and_ends_anew(
    ended: Visit, graph: Graph, clinician: Participant
) -> None:
    ending.work()
    connected(clinician, 5.6)
    presence.refold(ended.pk)
    ended.refresh_from_db()
    assert ended.ended_at is None
    assert ended.look_at is not None
    Ending.objects.update(step="delete")
    later(days=2)
    ending.work()
    assert graph.calls() == [CLOSED, READ, READ, READ]
    assert Ending.objects.values_list("step", "code").get() == ("delete", "somebody-there")
    connected(clinician, 5.2, kind="disconnected")
    presence.refold(ended.pk)
    assert Ending.objects.values_list("step", "looked", "ended_at").get() == ("close", 0, ago(5.2))
    ending.work()
    assert graph.calls()[-3:] == [CLOSED, READ, READ]


def test_somebody_who_waits_in_the_lobby_of_a_meeting_that_was_left_behind_keeps_it(ended: Visit, graph: Graph) -> None:
    meeting.reopen(ended)
    earlier = Visit.objects.get(pk=ended.pk)
    earlier.generation = 1
    roster(earlier, "late", "lobby", 1)
    presence.refold(ended.pk, 1)
    ending.work()
    assert graph.calls() == [READ]
    roster(earlier, "late", "disconnected", 0.5)
    later(minutes=20)
    ending.work()
    assert graph.calls()[:2] == [READ, CLOSED]


def test_a_launch_after_the_end_leaves_the_old_meeting_to_be_ended_and_touches_no_new_one(
    ended: Visit, graph: Graph
) -> None:
    first = graph.meeting
    meeting.reopen(ended)
    opened(ended, 1)
    ended.seal("meeting_id", "second")
    ended.save()
    all_of_it()
    assert {one.path.partition("/attendance")[0] for one in graph.server.requests if "/users/" in one.path} == {first}
    ended.refresh_from_db()
    assert (ended.generation, ended.unseal("meeting_id"), ended.ended_at) == (2, "second", None)
    assert ended.lobby == ""


def test_a_visit_is_kept_until_its_meeting_is_gone_or_given_up(ended: Visit) -> None:
    long_ago = timezone.now() - timedelta(days=9999)
    Visit.objects.update(ended_at=long_ago)
    Fact.objects.update(recorded_at=long_ago)
    Writeback.objects.update(state=Writeback.State.DELIVERED)
    assert forgetting.forget() == 0
    Ending.objects.update(due_at=None)
    assert forgetting.forget() == 1


def test_the_trail_of_the_visit_is_as_it_was(ended: Visit, graph: Graph, patient: Participant) -> None:
    page(patient, "waiting", 45)
    presence.refold(ended.pk)
    before = trail_of(ended)
    all_of_it()
    after = [line for line in trail_of(ended) if not line[0].startswith("meeting-")]
    assert after == before
