"""The meeting behind a visit: when another one takes its place, and how its subscription is kept."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.core.cache import cache
from django.db import connection as database
from django.db.models import F
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django import Settings

from connector import cached
from connector.errors import Permanent
from connector.http import Deadline
from connector.models import User
from tests.servers import Reply, Server, serving
from tests.visits import factories
from tests.visits.test_ending.graph import opened, path_of
from tests.visits.test_presence.telling import begin_story, connected, page, roster
from visits import meeting, presence, tasks
from visits.models import Ending, Participant, Subscription, Visit

pytestmark = pytest.mark.django_db
NEW = {"id": "new", "joinWebUrl": "https://teams.example/l/meetup-join/new"}
GONE = Reply({"error": {"code": "NotFound", "message": "The meeting was not found."}}, 404)


@pytest.fixture
def server(settings: Settings) -> Iterator[Server]:
    """Entra and Graph: whatever is not scripted is not found."""
    begin_story()
    with serving() as running:
        settings.OUTGOING_ALLOWED_HOSTS = frozenset({running.host})
        settings.ENTRA_AUTHORITY = settings.GRAPH_URL = running.url
        settings.TEAMS_HOSTS = frozenset({"teams.example"})
        yield running


@pytest.fixture
def visit(server: Server) -> Visit:
    made = opened(factories.visit())
    token = f"/{made.connection.organization.tid}/oauth2/v2.0/token"
    server.answer(token, Reply({"access_token": "token", "expires_in": 3600}))
    return made


@pytest.fixture
def clinician(visit: Visit) -> Participant:
    """A colleague of the organizer, who may hold meetings."""
    return factories.participant(visit, "provider")


def may_open(server: Server, clinician: Participant) -> User:
    assert clinician.user
    server.answer(f"/v1.0/users/{clinician.user.oid}/onlineMeetings/createOrGet", Reply(NEW, 201))
    return clinician.user


def press(visit: Visit, user: User) -> Visit:
    fresh = Visit.objects.select_related("connection__organization", "organizer").get(pk=visit.pk)
    return meeting.open_for(fresh, user, Deadline.after(8))


def test_a_meeting_that_is_gone_gives_way_to_one_of_whoever_presses(
    visit: Visit, clinician: Participant, server: Server
) -> None:
    """Deleted by hand in Teams, or its organizer has left the organization: Graph answers alike."""
    server.answer(path_of(visit), GONE)
    page(clinician, "sent", 50)
    found = press(visit, may_open(server, clinician))
    assert (found.unseal("join_url"), found.generation) == (NEW["joinWebUrl"], 2)
    assert found.organizer == clinician.user
    assert Ending.objects.values_list("generation", "step").get() == (1, "close")


@pytest.mark.parametrize("where", ["connected", "lobby"])
def test_a_meeting_that_is_gone_is_kept_while_somebody_is_in_it(
    visit: Visit, clinician: Participant, server: Server, where: str
) -> None:
    server.answer(path_of(visit), GONE)
    roster(visit, "a", where, 3)
    found = press(visit, may_open(server, clinician))
    assert (found.unseal("join_url"), found.generation) == (visit.unseal("join_url"), 1)
    assert not Ending.objects.exists()


@pytest.mark.parametrize("answer", [Reply(NEW), Reply(status=503), Reply({"error": {"code": "Forbidden"}}, 403)])
def test_a_meeting_of_which_nobody_can_tell_is_kept(
    visit: Visit, clinician: Participant, server: Server, answer: Reply
) -> None:
    server.answer(path_of(visit), answer)
    assert press(visit, may_open(server, clinician)).unseal("join_url") == visit.unseal("join_url")


def test_a_meeting_that_was_only_just_made_need_not_be_found_yet(
    visit: Visit, clinician: Participant, server: Server
) -> None:
    Visit.objects.update(opened_at=timezone.now() - timedelta(seconds=5))
    server.answer(path_of(visit), GONE)
    assert press(visit, may_open(server, clinician)).generation == 1


def test_a_visit_that_has_ended_is_opened_by_a_launch_and_by_no_link(
    visit: Visit, clinician: Participant, server: Server
) -> None:
    Visit.objects.update(ended_at=timezone.now())
    with pytest.raises(Permanent, match="visit-ended"):
        press(visit, may_open(server, clinician))
    visit.refresh_from_db()
    meeting.reopen(visit)
    assert press(visit, may_open(server, clinician)).unseal("join_url") == NEW["joinWebUrl"]


def test_an_opened_meeting_is_looked_at_sooner_where_presence_is_off(
    visit: Visit, clinician: Participant, server: Server
) -> None:
    Visit.objects.update(join_url_sealed="", organizer=None)
    found = press(visit, may_open(server, clinician))
    assert not found.presence_live
    assert found.look_at is not None
    assert found.look_at - timezone.now() <= timedelta(minutes=15)


# ------------------------------------------------------------------------------------------------------- subscriptions
MADE = Reply({"id": "graph-1", "expirationDateTime": "2030-01-01T00:00:00Z"}, 201)
UNREACHED = Reply({"error": {"code": "ValidationError", "message": "Subscription validation request failed."}}, 400)


@pytest.fixture
def refused(visit: Visit) -> Visit:
    """A visit whose subscription Graph refused two minutes ago."""
    Visit.objects.update(presence_live=False)
    row = Subscription.objects.create(visit=visit, generation=1, key_kid="k")
    Subscription.objects.filter(pk=row.pk).update(created_at=timezone.now() - timedelta(minutes=2))
    return visit


def live(visit: Visit) -> bool:
    visit.refresh_from_db()
    return visit.presence_live


def test_a_refused_subscription_is_asked_for_again_before_anybody_is_sent(refused: Visit, server: Server) -> None:
    server.answer("/beta/subscriptions", Reply(status=503), MADE)
    assert meeting.subscribe_again() == 0
    assert meeting.subscribe_again() == 0  # not again within the minute
    Subscription.objects.update(created_at=timezone.now() - timedelta(minutes=2))
    assert meeting.subscribe_again() == 1
    assert live(refused)
    assert len(server.asked("/beta/subscriptions")) == 2


def test_a_subscription_made_during_the_call_is_not_taken_for_live_presence(refused: Visit, server: Server) -> None:
    server.answer("/beta/subscriptions", MADE)
    page(factories.participant(refused), "sent", 1)
    assert meeting.subscribe_again() == 1
    assert not live(refused)
    assert meeting.subscribe_again() == 0  # it has one


@pytest.mark.parametrize("change", [{"ended_at": timezone.now()}, {"look_at": None}, {"presence_live": True}])
def test_no_other_visit_asks_again(refused: Visit, server: Server, change: dict[str, Any]) -> None:
    server.answer("/beta/subscriptions", MADE)
    Visit.objects.update(**change)
    assert meeting.subscribe_again() == 0


def test_a_subscription_is_asked_for_less_and_less_often_for_as_long_as_the_visit_is_open(
    refused: Visit, server: Server
) -> None:
    waits = []
    for _ in range(7):
        Subscription.objects.update(created_at=timezone.now())
        waits.append(minutes_until_asked(server))
    assert waits == [1, 2, 4, 8, 10, 10, 10]
    server.answer("/beta/subscriptions", MADE)
    Subscription.objects.update(created_at=timezone.now() - timedelta(minutes=11))
    assert meeting.subscribe_again() == 1
    assert live(refused)


def minutes_until_asked(server: Server) -> int:
    """How long after the last time Graph is asked again."""
    before, minutes = len(server.asked("/beta/subscriptions")), 0
    meeting.subscribe_again()
    while len(server.asked("/beta/subscriptions")) == before and minutes < 60:
        Subscription.objects.update(created_at=F("created_at") - timedelta(minutes=1))
        minutes += 1
        meeting.subscribe_again()
    return minutes


def test_a_notification_service_that_restarts_during_a_launch_costs_no_live_presence(
    visit: Visit, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(meeting, "RESTART_SECONDS", 0.3)
    server.answer("/beta/subscriptions", UNREACHED, UNREACHED, MADE)
    assert meeting.subscribe(
        visit, str(visit.connection.organization.tid), "https://teams.example/l", Deadline.after(8)
    )
    assert Subscription.objects.filter(visit=visit).count() == 1


def test_one_that_stays_away_costs_the_launch_no_more_than_its_share(
    visit: Visit, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(meeting, "RESTART_SECONDS", 0.3)
    server.answer("/beta/subscriptions", UNREACHED)
    assert not meeting.subscribe(
        visit, str(visit.connection.organization.tid), "https://teams.example/l", Deadline.after(8)
    )
    assert 2 <= len(server.asked("/beta/subscriptions")) <= meeting.SUBSCRIPTION_SECONDS / meeting.RESTART_SECONDS


@pytest.mark.parametrize("before", [True, False])
def test_a_subscription_that_graph_says_it_has_is_ours_where_we_have_asked_before(
    visit: Visit, server: Server, before: bool
) -> None:
    server.answer("/beta/subscriptions", Reply({"error": {"code": "Conflict"}}, 409))
    if before:
        factories.subscription(visit)
    tid = str(visit.connection.organization.tid)
    assert meeting.subscribe(visit, tid, visit.unseal("join_url"), Deadline.after(5)) is before


def renewal(row: Subscription) -> str:
    return f"/beta/subscriptions/{row.graph_id}"


def test_the_subscription_of_a_long_meeting_is_renewed_again_and_again(visit: Visit, server: Server) -> None:
    row = factories.subscription(visit)
    server.answer(renewal(row), Reply({}))
    for _ in range(3):
        Subscription.objects.update(expires_at=timezone.now() + timedelta(hours=1))
        assert meeting.renew_subscriptions() == 1
    assert meeting.renew_subscriptions() == 0
    row.refresh_from_db()
    assert row.expires_at is not None
    assert row.expires_at > timezone.now() + timedelta(days=2)


def test_the_subscription_of_a_meeting_that_was_left_behind_is_not(visit: Visit, server: Server) -> None:
    row = factories.subscription(visit)
    server.answer(renewal(row), Reply({}))
    Visit.objects.update(generation=2)
    assert meeting.renew_subscriptions() == 0


def test_a_subscription_that_is_gone_at_its_renewal_ends_live_presence_and_is_made_again(
    visit: Visit, clinician: Participant, server: Server
) -> None:
    row = factories.subscription(visit)
    Subscription.objects.update(created_at=timezone.now() - timedelta(minutes=2))
    assert meeting.renew_subscriptions() == 0
    assert not live(visit)
    server.answer("/beta/subscriptions", MADE)
    assert meeting.subscribe_again() == 1
    row.refresh_from_db()
    assert row.graph_id == ""


def test_a_renewal_that_fails_for_now_leaves_presence_live(visit: Visit, server: Server) -> None:
    row = factories.subscription(visit)
    server.answer(renewal(row), Reply(status=503))
    assert meeting.renew_subscriptions() == 0
    assert live(visit)


def test_two_who_press_for_a_meeting_that_is_gone_replace_it_once(visit: Visit, clinician: Participant) -> None:
    stale = [Visit.objects.get(pk=visit.pk) for _ in range(2)]
    for one in stale:
        meeting.replace(one)
    assert [one.generation for one in stale] == [2, 2]
    connected(clinician, 1)  # in the old one, late
    assert presence.state_of(stale[0]).changes == ()


def test_a_graph_that_hangs_costs_a_sweep_its_time_and_what_is_left_is_due_at_the_next(
    visit: Visit, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [factories.subscription(visit, graph_id=f"graph-{number}") for number in range(4)]
    for row in rows:
        server.answer(renewal(row), Reply({}, delay=1.2))
    Subscription.objects.update(expires_at=timezone.now() + timedelta(hours=1))
    monkeypatch.setattr(meeting, "SECONDS_AT_ONCE", 1)
    assert meeting.renew_subscriptions() == 1, "what is begun is ended"
    for row in rows:
        server.answer(renewal(row), Reply({}))
    monkeypatch.setattr(meeting, "SECONDS_AT_ONCE", 20)
    assert meeting.renew_subscriptions() == 3


def test_asking_again_has_its_time_too(refused: Visit, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    server.answer("/beta/subscriptions", MADE)
    monkeypatch.setattr(meeting, "SECONDS_AT_ONCE", 0)
    assert meeting.subscribe_again() == 0
    monkeypatch.setattr(meeting, "SECONDS_AT_ONCE", 20)
    assert meeting.subscribe_again() == 1


@pytest.mark.parametrize(
    "task", [tasks.sweep_presence, tasks.renew_subscriptions, tasks.look_at_meetings, tasks.end_meetings]
)
def test_a_sweep_that_may_hang_is_left_out_while_it_still_runs_elsewhere(
    task: Any, django_assert_num_queries: Any
) -> None:
    name = cached.ALONE.format("visits.tasks", task.name.rpartition(".")[2])
    cache.add(name, True, 60)
    with django_assert_num_queries(0):
        task()
    cache.delete(name)
    with CaptureQueriesContext(database) as asked:
        task()
    assert len(asked) > 0
