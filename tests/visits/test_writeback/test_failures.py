"""What fails: a row, a try, or a whole EHR."""

from collections.abc import Callable

import pytest
from django.utils import timezone

from connector.models import Connection
from tests.servers import Reply
from tests.visits.test_writeback.ehr import (
    TOKEN,
    Ehr,
    enqueue,
    in_thread,
    running,
    states,
    time_passes,
    trail_of,
    wait_until,
    woken,
)
from visits import writeback
from visits.models import Target, Writeback

pytestmark = pytest.mark.django_db(transaction=True)
State = Writeback.State
DOWN = Reply(status=503)


def test_a_refused_token_is_renewed_once(ehr: Ehr) -> None:
    ehr.server.answer(TOKEN, Reply({"access_token": "first"}), Reply({"access_token": "second"}))
    ehr.answers(Reply(status=401), Reply())
    enqueue(ehr.person(), "connected")
    ehr.drain()
    assert [call.headers["authorization"] for call in ehr.told()] == ["Bearer first", "Bearer second"]
    assert states() == [State.DELIVERED]


def another_host(connection: Connection) -> None:
    connection.approved_hosts = ["elsewhere.example"]


def a_host_that_only_the_issuer_had(connection: Connection) -> None:
    """Who describes an EHR of his own may name another hospital's as its issuer, and later as its token endpoint."""
    connection.approved_hosts, connection.token_host = [*connection.approved_hosts, "ours.example"], "ours.example"


@pytest.mark.parametrize("approve", [another_host, a_host_that_only_the_issuer_had])
def test_a_token_endpoint_on_another_host_than_approved_gets_no_assertion(
    approve: Callable[[Connection], None], ehr: Ehr
) -> None:
    approve(ehr.connection)
    ehr.connection.save()
    row = enqueue(ehr.person(), "connected")
    ehr.drain()
    row.refresh_from_db()
    assert (row.state, row.code, ehr.server.asked(TOKEN)) == (State.WAITING, "ehr-host-changed", [])


def test_what_the_ehr_had_already_counts_as_delivered(ehr: Ehr) -> None:
    ehr.answers(Reply(status=409))
    enqueue(ehr.person(), "connected")
    ehr.drain()
    assert states() == [State.DELIVERED]


def test_a_busy_ehr_is_left_alone_for_as_long_as_it_asks(ehr: Ehr) -> None:
    ehr.answers(Reply(status=429, headers={"Retry-After": "90"}), Reply())
    ehr.rows("connected", 3)
    ehr.drain()
    assert len(ehr.told()) == 1, "the whole target rests"
    time_passes(seconds=80)
    ehr.drain()
    assert (len(ehr.told()), writeback.sweep()) == (1, 0)
    time_passes(seconds=11)
    ehr.drain()
    ehr.drain()
    assert states() == [State.DELIVERED] * 3


def test_a_dead_row_steps_aside_and_the_rest_goes_on(ehr: Ehr) -> None:
    ehr.answers(Reply("ExternalID is not known.", 400), Reply())
    ehr.rows("connected", 4)
    ehr.drain()
    assert sorted(states()) == [State.DEAD, *[State.DELIVERED] * 3]
    dead = Writeback.objects.get(state=State.DEAD)
    assert (dead.code, dead.attempts, trail_of(dead.participant)) == ("status-refused", 1, ["writeback-dead"])


def test_a_dead_row_is_sent_again_with_the_current_state(ehr: Ehr) -> None:
    ehr.answers(Reply(status=400), Reply())
    person = ehr.person()
    dead = enqueue(person, "connected")
    ehr.drain()
    enqueue(person, "disconnected")
    ehr.drain()
    again = writeback.send_again(dead)
    assert (again.presence, again.sequence, woken()) == ("disconnected", 3, [(again.target_id, again.lane)])
    assert writeback.send_again(dead) == again, "one that waits is enough"
    ehr.drain()
    assert ehr.statuses() == ["1", "2", "2"]


def test_somebody_without_an_external_id_is_given_up_without_a_call(ehr: Ehr) -> None:
    enqueue(ehr.person(""), "connected")
    Target.objects.update(failures=3)
    ehr.drain()
    assert (states(), ehr.told()) == ([State.DEAD], [])
    assert ehr.target.failures == 3, "it says nothing about the EHR"


def test_a_client_that_is_not_allowed_is_tried_hourly_and_nothing_is_given_up(ehr: Ehr) -> None:
    ehr.answers(Reply(status=403))
    enqueue(ehr.person(), "connected")
    ehr.drain()
    time_passes(minutes=59)
    ehr.drain()
    assert len(ehr.told()) == 1
    time_passes(minutes=2)
    ehr.drain()
    assert (len(ehr.told()), states()) == (2, [State.WAITING])


def test_after_a_day_of_trying_a_row_is_given_up(ehr: Ehr) -> None:
    ehr.answers(DOWN)
    row = enqueue(ehr.person(), "connected")
    for _ in range(24):
        ehr.drain()
        time_passes(hours=1)
    assert states() == [State.WAITING]
    time_passes(hours=1)
    ehr.drain()
    row.refresh_from_db()
    assert (row.state, row.code) == (State.DEAD, "ehr-unavailable")


def test_an_ehr_that_is_down_rests_is_probed_once_and_then_gets_everything(ehr: Ehr) -> None:
    ehr.answers(DOWN)
    ehr.rows("connected", 20)
    ehr.drain()
    assert (len(ehr.told()), ehr.target.failures) == (5, 5)
    time_passes(seconds=5)
    ehr.drain()
    assert len(ehr.told()) == 6, "one probe"
    ehr.answers(Reply())
    time_passes(seconds=10)
    woken()
    ehr.drain()
    assert (ehr.target.failures, ehr.target.open_until) == (0, None)
    assert woken(), "the other lanes are woken by the one that got through"
    ehr.drain()
    assert set(states()) == {State.DELIVERED}


def test_what_waited_for_an_ehr_goes_as_soon_as_it_is_mended(ehr: Ehr) -> None:
    ehr.answers(Reply(status=403))
    ehr.rows("connected", 5)
    ehr.drain()
    ehr.answers(Reply())
    Target.objects.update(open_until=timezone.now())
    Writeback.objects.filter(pk=Writeback.objects.earliest("id").pk).update(next_at=timezone.now())
    ehr.drain()
    ehr.drain()
    assert states() == [State.DELIVERED] * 5


def test_one_probe_goes_out_whoever_else_wants_to(ehr: Ehr) -> None:
    ehr.answers(DOWN)
    ehr.rows("connected", 20)
    ehr.drain()
    ehr.answers(Reply(status=503, delay=0.5))
    time_passes(seconds=60)
    for worker in [in_thread(ehr.drain) for _ in range(4)]:
        worker.join()
    assert len(ehr.told()) == 6


def test_an_outage_of_one_ehr_slows_no_other(ehr: Ehr, reachable: Callable[[Ehr], Ehr]) -> None:
    ehr.answers(Reply(delay=4))
    ehr.rows("connected", 1)
    stuck = in_thread(ehr.drain)
    wait_until(ehr.told)
    with running() as other:
        reachable(other).rows("connected", 3)
        other.drain()
        assert (len(other.told()), stuck.is_alive()) == (3, True)
    stuck.join()
