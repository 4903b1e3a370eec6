"""Each fold writes the visit's row of the reports: there at once, mended by what comes late, and it outlives the
visit."""

from datetime import timedelta

import pytest
from django.db import transaction
from django.db.models import F
from django.utils import timezone

from tests.visits import factories
from tests.visits.test_presence.telling import ago, connected, page, reported, roster, told
from tests.visits.test_writeback.ehr import in_thread
from visits import meeting, presence, reports
from visits.forgetting import forget
from visits.models import Ending, Fact, Participant, Report, Visit, Writeback
from visits.writeback import send_again

pytestmark = pytest.mark.django_db
Told = Report.Told


def finish(state: Writeback.State, after: timedelta = timedelta(seconds=3)) -> None:
    """Whatever waits was answered, so long after it happened."""
    waiting = Writeback.objects.filter(state=Writeback.State.WAITING)
    waiting.update(state=state, finished_at=F("happened_at") + after)


def held(visit: Visit, patient: Participant, clinician: Participant) -> Report:
    """Ten minutes of a visit, after which everybody has left, long ago."""
    page(patient, "waiting", 30)
    page(patient, "sent", 28)
    roster(visit, "a", "lobby", 27)
    connected(clinician, 26)
    roster(visit, "a", "connected", 25)
    connected(clinician, 16, kind="disconnected")
    roster(visit, "a", "disconnected", 15)
    presence.refold(visit.pk)
    return Report.objects.get(visit=visit.pk)


def test_a_visit_that_took_place_is_a_row(visit: Visit, patient: Participant, clinician: Participant) -> None:
    Visit.objects.update(department="101")
    row = held(visit, patient, clinician)
    assert (row.organization, row.connection, row.department) == (
        visit.connection.organization,
        visit.connection,
        "101",
    )
    assert (row.at, row.began_at, row.met_at, row.left_at) == (ago(25), ago(30), ago(25), ago(15))
    assert (row.duration, row.waiting, row.lobby, row.attendants) == (600, 120, 120, 2)
    assert (row.outcome, row.told) == ("held", Told.WAITING)


def test_a_visit_is_in_the_reports_while_it_runs(visit: Visit, patient: Participant, clinician: Participant) -> None:
    page(patient, "waiting", 5)
    presence.refold(visit.pk)
    row = Report.objects.get()
    assert (row.outcome, row.at) == (Report.RUNNING, ago(5))
    assert (row.duration, row.waiting, row.lobby) == (0, 0, 0)  # so long nobody knows how long it was
    connected(clinician, 1)
    presence.refold(visit.pk)
    row.refresh_from_db()
    assert (row.outcome, row.attendants, row.met_at) == (Report.RUNNING, 1, None)


def test_one_sided_visits_are_rows_too(visit: Visit, patient: Participant, clinician: Participant) -> None:
    page(patient, "waiting", 30)
    page(patient, "gone", 20)
    presence.refold(visit.pk)
    assert Report.objects.get().outcome == "no-clinician"
    connected(clinician, 19)
    connected(clinician, 9, kind="disconnected")
    presence.refold(visit.pk)
    assert Report.objects.get().outcome == "missed"


def test_test_visits_and_visits_without_anybody_are_no_rows(visit: Visit, patient: Participant) -> None:
    presence.refold(visit.pk)
    Visit.objects.update(test=True)
    page(patient, "waiting", 5)
    presence.refold(visit.pk)
    assert not Report.objects.exists()


def test_a_late_fact_mends_the_row(visit: Visit, patient: Participant, clinician: Participant) -> None:
    before = held(visit, patient, clinician)
    roster(visit, "guest", "connected", 20)
    roster(visit, "guest", "disconnected", 12)
    presence.refold(visit.pk)
    after = Report.objects.get()
    assert (after.pk, after.attendants, after.left_at) == (before.pk, 3, ago(12))


def test_another_meeting_of_the_visit_is_another_row(
    visit: Visit, patient: Participant, clinician: Participant
) -> None:
    held(visit, patient, clinician)
    finish(Writeback.State.DELIVERED)
    reports.settle_due()
    Visit.objects.update(generation=2, ended_at=None)
    visit.refresh_from_db()
    patient.refresh_from_db()
    page(patient, "waiting", 5)
    presence.refold(visit.pk)
    first, second = Report.objects.order_by("generation")
    assert (first.outcome, first.told, second.outcome, second.told) == ("held", "delivered", "running", "waiting")
    finish(Writeback.State.DEAD)
    reports.settle_due()
    assert list(Report.objects.order_by("generation").values_list("told", flat=True)) == ["delivered", "dead"]


def test_a_meeting_that_was_replaced_runs_no_more(visit: Visit, patient: Participant, clinician: Participant) -> None:
    Visit.objects.update(organizer=clinician.user)
    page(patient, "waiting", 30)
    presence.refold(visit.pk)
    meeting.replace(visit)
    Ending.objects.update(ended_at=ago(10))
    presence.refold(visit.pk, 1)
    assert Report.objects.values_list("generation", "outcome", "waiting").get() == (1, "no-clinician", 1200)


def test_an_earlier_meeting_is_judged_by_its_own_presence_and_not_by_that_of_the_next(
    visit: Visit, patient: Participant, clinician: Participant
) -> None:
    page(clinician, "sent", 60)
    page(clinician, "gone", 50)
    presence.refold(visit.pk)
    Visit.objects.update(ended_at=ago(49))
    meeting.reopen(visit)
    late = Visit.objects.get()
    late.generation = 1
    roster(late, "call", "call-ended", 45)
    presence.refold(visit.pk, 1)
    assert not Visit.objects.get().presence_live
    assert Report.objects.get(generation=1).outcome == "nobody"


def test_a_lobby_time_that_no_notification_told_is_marked_as_lost(
    visit: Visit, patient: Participant, clinician: Participant
) -> None:
    page(patient, "sent", 28)
    connected(clinician, 26)
    for kind, minutes in (("connected", 25), ("disconnected", 15)):
        reported(visit, "stay", kind, minutes)
    connected(clinician, 14, kind="disconnected")
    presence.refold(visit.pk)
    assert Report.objects.values_list("outcome", "duration", "lobby").get() == ("held", 660, None)


def test_late_facts_of_an_earlier_meeting_mend_its_own_row(
    visit: Visit, patient: Participant, clinician: Participant
) -> None:
    held(visit, patient, clinician)
    Visit.objects.update(generation=2, ended_at=None)
    roster(visit, "guest", "connected", 20)  # told with the generation that it had when it was read
    presence.refold(visit.pk, 1)
    assert Report.objects.get().attendants == 3
    assert Report.objects.get().outcome == "held"


@pytest.mark.parametrize(
    ("state", "row"),
    [(Writeback.State.DELIVERED, ("delivered", 3)), (Writeback.State.DEAD, ("dead", None))],
)
def test_what_the_ehr_was_told_is_in_the_row_once_it_is_final(
    state: Writeback.State,
    row: tuple[str, int | None],
    visit: Visit,
    patient: Participant,
    clinician: Participant,
) -> None:
    held(visit, patient, clinician)
    reports.settle_due()
    assert Report.objects.get().told == "waiting"
    finish(state)
    reports.settle_due()
    assert Report.objects.values_list("told", "told_after").get() == row


def test_what_is_sent_again_waits_again(visit: Visit, patient: Participant, clinician: Participant) -> None:
    held(visit, patient, clinician)
    assert told(patient) == ["disconnected"]
    finish(Writeback.State.DEAD)
    reports.settle_due()
    send_again(Writeback.objects.get())
    reports.settle_due()
    assert Report.objects.get().told == "waiting"
    finish(Writeback.State.DELIVERED)
    reports.settle_due()
    assert Report.objects.get().told == "delivered"


def test_what_is_sent_again_and_delivered_before_anybody_looks_is_delivered(
    visit: Visit, patient: Participant, clinician: Participant
) -> None:
    held(visit, patient, clinician)
    finish(Writeback.State.DEAD)
    reports.settle_due()
    assert Report.objects.get().told == "dead"
    send_again(Writeback.objects.get())
    finish(Writeback.State.DELIVERED)
    reports.settle_due()
    assert Report.objects.get().told == "delivered"


@pytest.mark.django_db(transaction=True)
def test_a_visit_that_somebody_works_on_is_settled_later(
    visit: Visit, patient: Participant, clinician: Participant
) -> None:
    held(visit, patient, clinician)
    finish(Writeback.State.DELIVERED)
    with transaction.atomic():
        presence.locked(visit.pk)
        in_thread(reports.settle_due).join()
    assert Report.objects.get().told == "waiting"
    reports.settle_due()
    assert Report.objects.get().told == "delivered"


def test_a_row_outlives_its_visit_with_the_last_that_is_known(
    visit: Visit, patient: Participant, clinician: Participant
) -> None:
    held(visit, patient, clinician)
    finish(Writeback.State.DELIVERED)
    long_ago = timezone.now() - timedelta(days=60)
    Visit.objects.update(ended_at=long_ago)
    Fact.objects.update(recorded_at=long_ago)
    assert forget() == 1
    row = Report.objects.get()
    assert (row.visit, row.outcome, row.told) == (visit.pk, "held", "delivered")
    reports.settle_due()
    assert Report.objects.get().told == "delivered"


def test_a_row_holds_no_id_of_the_ehr_and_no_name(visit: Visit, patient: Participant, clinician: Participant) -> None:
    row = held(visit, patient, clinician)
    kept = " ".join(str(getattr(row, field.attname)) for field in Report._meta.fields)
    for secret in (factories.CONFERENCE_ID, factories.EXTERNAL_ID, str(patient.pk), str(clinician.pk)):
        assert secret.strip() not in kept
