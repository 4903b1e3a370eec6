"""What attendance reports mend: the trail always, the EHR by a last disconnect at most, visits that were never live."""

from datetime import datetime

import pytest
from django.utils import timezone

from connector.models import Entry
from tests.servers import Reply
from tests.visits import factories
from tests.visits.test_ending.graph import NO_POLICY, Graph, record
from tests.visits.test_presence.telling import ago, connected, page, roster, told, trail_of
from visits import facts, presence, reconcile
from visits.models import Ending, Fact, Participant, Visit

pytestmark = pytest.mark.django_db


def lines(of: Participant | None, visit: Visit, *events: str) -> list[tuple[str, datetime, dict[str, str]]]:
    """What the trail says of somebody, or of people who are nobody in particular."""
    rows = Entry.objects.filter(visit=visit.pk, participant=of.pk if of else None).order_by("at", "id")
    found = [(row.event.partition("-")[2], row.at, row.detail) for row in rows]
    return [line for line in found if not events or line[0] in events]


def mine(visit: Visit, *stays: tuple[float, float]) -> dict[str, object]:
    """The organizer's record in a report."""
    assert visit.organizer
    return record(*stays, oid=visit.organizer.oid, tid=visit.organizer.tid)


def looked(visit: Visit) -> Visit:
    Visit.objects.filter(pk=visit.pk, look_at__isnull=False).update(look_at=timezone.now())
    reconcile.look()
    visit.refresh_from_db()
    return visit


def test_a_lost_tail_is_mended_by_the_report(
    visit: Visit, patient: Participant, clinician: Participant, graph: Graph
) -> None:
    page(patient, "sent", 41)
    connected(clinician, 40)
    roster(visit, "a", "lobby", 39.5)
    roster(visit, "a", "connected", 39)
    presence.refold(visit.pk)
    assert told(patient) == ["connected"]
    graph.report(mine(visit, (40, 20)), record((39, 25)), start=40, end=20)
    looked(visit)
    assert visit.ended_at == ago(20)
    assert told(patient) == ["connected", "disconnected"]
    reported = {"told": "report"}
    assert lines(patient, visit, "connected", "disconnected") == [
        ("connected", ago(39), {}),
        ("disconnected", ago(25), reported),
    ]
    assert lines(clinician, visit) == [("connected", ago(40), {}), ("disconnected", ago(20), reported)]
    assert not presence.state_of(visit).somebody_there
    assert Ending.objects.count() == 1


def test_a_report_with_nobody_in_it_takes_nothing_away_and_ends_nothing(
    visit: Visit, patient: Participant, clinician: Participant, graph: Graph
) -> None:
    page(patient, "sent", 41)
    connected(clinician, 40)
    roster(visit, "a", "connected", 39)
    presence.refold(visit.pk)
    before, there = lines(patient, visit) + lines(clinician, visit), presence.state_of(visit)
    graph.report(start=40, end=20)
    assert looked(visit).ended_at is None
    assert lines(patient, visit) + lines(clinician, visit) == before
    assert (told(patient), told(clinician)) == (["connected"], ["connected"])
    assert presence.state_of(visit) == there


def test_the_report_read_again_changes_nothing(visit: Visit, clinician: Participant, graph: Graph) -> None:
    connected(clinician, 40)
    graph.report(mine(visit, (40, 20)), start=40, end=20)
    looked(visit)
    before = [trail_of(visit), Fact.objects.count(), Visit.objects.values("ended_at").get()]
    assert visit.organizer
    assert reconcile.read(visit, visit.organizer, visit.unseal("meeting_id")) == 0
    assert [trail_of(visit), Fact.objects.count(), Visit.objects.values("ended_at").get()] == before


def test_the_newest_version_of_a_report_counts(visit: Visit, clinician: Participant, graph: Graph) -> None:
    graph.report(mine(visit, (40, 30)), start=40, end=30)
    looked(visit)
    graph.report(mine(visit, (40, 20)), start=40, end=20)
    assert visit.organizer
    assert reconcile.read(visit, visit.organizer, visit.unseal("meeting_id")) > 0
    state = presence.state_of(visit)
    assert [(one.presence, one.at) for one in state.changes] == [("connected", ago(40)), ("disconnected", ago(20))]


def test_seconds_by_another_clock_are_no_second_line_of_the_trail(
    visit: Visit, clinician: Participant, graph: Graph
) -> None:
    connected(clinician, 40)
    connected(clinician, 20, kind="disconnected")
    presence.refold(visit.pk)
    before = trail_of(visit)
    graph.report(mine(visit, (40.2, 19.9)), start=40.2, end=19.9)
    assert visit.organizer
    for _ in range(2):
        reconcile.read(visit, visit.organizer, visit.unseal("meeting_id"))
        presence.refold(visit.pk)
    assert trail_of(visit) == before
    assert presence.state_of(visit).people[str(clinician.id)].since == ago(19.9)


def test_a_report_that_ends_in_the_future_is_none_yet(visit: Visit, clinician: Participant, graph: Graph) -> None:
    connected(clinician, 40)
    presence.refold(visit.pk)
    graph.report(mine(visit, (40, 20)), start=40, end=-60)
    looked(visit)
    assert presence.state_of(visit).in_call
    assert not Fact.objects.filter(source__startswith="report").exists()


def test_who_comes_after_what_the_report_tells_is_there(visit: Visit, clinician: Participant, graph: Graph) -> None:
    graph.report(mine(visit, (40, 20)), start=40, end=20)
    looked(visit)
    connected(clinician, 19.9)
    presence.refold(visit.pk)
    assert presence.state_of(visit).people[str(clinician.id)].presence == "connected"
    connected(clinician, 10, kind="disconnected")
    presence.refold(visit.pk)
    assert presence.state_of(visit).people[str(clinician.id)].presence == "disconnected"


def test_no_late_connect_reaches_the_ehr(visit: Visit, patient: Participant, graph: Graph) -> None:
    page(patient, "waiting", 45)
    presence.refold(visit.pk)
    page(patient, "sent", 41)
    presence.refold(visit.pk)
    graph.report(mine(visit, (40, 20)), record((39, 20)), start=40, end=20)
    looked(visit)
    assert told(patient) == ["waiting", "disconnected"]
    assert [line[0] for line in lines(patient, visit)] == ["waiting", "connected", "disconnected"]


def test_a_visit_whose_presence_was_never_live_ends_by_its_report(
    visit: Visit, patient: Participant, clinician: Participant, graph: Graph
) -> None:
    Visit.objects.update(presence_live=False)
    page(clinician, "sent", 42)
    page(patient, "sent", 41)
    looked(visit)
    assert visit.ended_at is None
    assert visit.look_at is not None
    assert 14 < (visit.look_at - timezone.now()).total_seconds() / 60 <= 15
    graph.report(mine(visit, (40, 20)), record((39, 25)), start=40, end=20)
    ended = looked(visit)
    assert (ended.ended_at, ended.look_at) == (ago(20), None)
    reported = {"told": "report"}
    assert lines(patient, visit) == [("connected", ago(39), reported), ("disconnected", ago(25), reported)]


def test_people_whom_the_report_cannot_tell_apart_stay_unattributed_and_end_too(visit: Visit, graph: Graph) -> None:
    Visit.objects.update(presence_live=False)
    patients = [factories.participant(visit) for _ in range(2)]
    for number, patient in enumerate(patients):
        page(patient, "waiting", 50)
        presence.refold(visit.pk)
        page(patient, "sent", 41 - number)
    graph.report(mine(visit, (40, 20)), record((39, 25)), record((38, 25)), start=40, end=20)
    looked(visit)
    assert visit.ended_at == ago(20)
    assert [told(patient) for patient in patients] == [["waiting", "disconnected"]] * 2
    assert len(lines(None, visit, "connected")) == 2 + 1  # and the organizer, who launched nothing here


def test_who_was_sent_just_before_a_call_ended_may_still_be_on_his_way_into_the_next(
    visit: Visit, patient: Participant, graph: Graph
) -> None:
    Visit.objects.update(presence_live=False)
    page(patient, "sent", 21)
    graph.report(mine(visit, (40, 20)), start=40, end=20)
    assert looked(visit).ended_at is None


@pytest.mark.parametrize("answer", [Reply(NO_POLICY, 403), Reply({"value": []}), Reply(status=503)])
@pytest.mark.parametrize(
    ("live", "hours", "over"), [(False, 11, False), (False, 13, True), (True, 29, False), (True, 31, True)]
)
def test_where_no_report_ever_comes_a_visit_ends_when_nothing_more_is_to_be_expected(
    visit: Visit, clinician: Participant, graph: Graph, answer: Reply, live: bool, hours: int, over: bool
) -> None:
    """Without presence half a day after it was opened; with somebody in the call when Teams itself would end it."""
    graph.answer(answer)
    Visit.objects.update(presence_live=live, opened_at=ago(hours * 60 + 1))
    if live:
        connected(clinician, hours * 60)
    presence.refold(visit.pk)
    looked(visit)
    assert Fact.objects.filter(source=facts.LIMIT).exists() is over
    Fact.objects.filter(source=facts.LIMIT).update(at=ago(6))
    Visit.objects.exclude(due_at=None).update(due_at=ago(1))
    presence.sweep()
    visit.refresh_from_db()
    assert (visit.ended_at is not None) is over
    assert presence.state_of(visit).somebody_there is (live and not over)


@pytest.mark.parametrize(("minutes", "over"), [(50, False), (70, True)])
def test_nobody_is_said_to_wait_in_a_lobby_for_longer_than_teams_lets_him(
    visit: Visit, patient: Participant, clinician: Participant, graph: Graph, minutes: int, over: bool
) -> None:
    page(patient, "sent", 80)
    connected(clinician, 79)
    roster(visit, "a", "lobby", minutes + 1)
    presence.refold(visit.pk)
    connected(clinician, minutes, kind="disconnected")
    roster(visit, "call", "call-ended", minutes)
    presence.refold(visit.pk)
    looked(visit)
    assert presence.state_of(visit).somebody_there is not over
    assert told(patient) == (["waiting", "disconnected"] if over else ["waiting"])


def test_a_visit_is_not_given_up_while_somebody_waits_for_it(visit: Visit, patient: Participant, graph: Graph) -> None:
    Visit.objects.update(presence_live=False, opened_at=ago(60 * 40))
    page(patient, "waiting", 60 * 39)
    presence.refold(visit.pk)
    looked(visit)
    assert not Fact.objects.filter(source=facts.LIMIT).exists()


def test_a_report_of_another_meeting_mends_its_trail_alone(visit: Visit, clinician: Participant, graph: Graph) -> None:
    connected(clinician, 50)
    presence.refold(visit.pk)
    organizer, meeting_id = visit.organizer, visit.unseal("meeting_id")
    Visit.objects.update(generation=2)
    graph.report(mine(visit, (50, 40)), start=50, end=40)
    assert organizer
    reconcile.read(visit, organizer, meeting_id)
    assert ("disconnected", ago(40), {"told": "report"}) in lines(clinician, visit)
    visit.refresh_from_db()
    assert visit.ended_at is None
    assert presence.state_of(visit).changes == ()


def test_an_account_of_another_organization_in_a_report_is_no_patient(
    visit: Visit, patient: Participant, graph: Graph
) -> None:
    Visit.objects.update(presence_live=False)
    page(patient, "sent", 41)
    elsewhere = factories.user()
    graph.report(mine(visit, (40, 20)), record((39, 20), oid=elsewhere.oid, tid=elsewhere.tid), start=40, end=20)
    looked(visit)
    assert lines(patient, visit, "connected") == []
    assert [one.foreign for one in presence.state_of(visit).unattributed] == [False, True]


def test_a_visit_that_is_looked_at_by_somebody_else_is_left_to_him(visit: Visit, graph: Graph) -> None:
    reconcile.look()
    assert reconcile.look() == 0
    assert len(graph.calls()) == 1
