"""Late facts of an earlier meeting: they mend the trail, and nothing of the meeting that runs now."""

import pytest

from tests.visits.test_presence.telling import ago, connected, page, roster, told, trail_of
from visits import presence
from visits.models import Participant, Visit

pytestmark = pytest.mark.django_db


@pytest.fixture
def second_meeting(visit: Visit, patient: Participant, clinician: Participant) -> Visit:
    """A visit whose first meeting is over, and in whose second one the patient waits."""
    page(patient, "sent", 60)
    roster(visit, "a", "connected", 59)
    connected(clinician, 58)
    presence.refold(visit.pk)
    Visit.objects.update(generation=2)
    visit.generation = 2
    page(patient, "waiting", 9)
    presence.refold(visit.pk)
    return visit


def first_meetings(of: Participant) -> Participant:
    """The participant as a worker has him that still works on the first meeting."""
    earlier = Participant.objects.select_related("visit__connection", "user").get(pk=of.pk)
    earlier.visit.generation = 1
    return earlier


def test_a_late_fact_of_an_earlier_meeting_mends_the_trail_with_its_true_time(
    second_meeting: Visit, patient: Participant, clinician: Participant
) -> None:
    before = trail_of(second_meeting)
    roster(first_meetings(patient).visit, "a", "disconnected", 40)
    connected(first_meetings(clinician), 39, kind="disconnected")
    for _ in range(2):
        presence.refold(second_meeting.pk, generation=1)
    added = [("participant-disconnected", ago(40)), ("participant-disconnected", ago(39))]
    assert sorted(trail_of(second_meeting)) == sorted(before + added)


def test_a_late_fact_of_an_earlier_meeting_changes_nothing_of_the_present_one(
    second_meeting: Visit, patient: Participant, clinician: Participant
) -> None:
    def present() -> list[object]:
        return [told(patient), told(clinician), Visit.objects.values().get(), presence.state_of(second_meeting)]

    before = present()
    assert told(patient) == ["connected", "waiting"]
    roster(first_meetings(patient).visit, "a", "disconnected", 40)
    presence.refold(second_meeting.pk, generation=1)
    assert present() == before
    presence.refold(second_meeting.pk)
    assert present() == before


def test_the_end_of_an_earlier_meeting_is_told_at_once_for_whoever_was_in_it(
    second_meeting: Visit, patient: Participant
) -> None:
    roster(first_meetings(patient).visit, "call", "call-ended", 30)
    presence.refold(second_meeting.pk, generation=1)
    lines = [("participant-disconnected", ago(30))] * 2
    assert [line for line in trail_of(second_meeting) if line[0] == "participant-disconnected"] == lines
