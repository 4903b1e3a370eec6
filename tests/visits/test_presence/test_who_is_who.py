"""Whose presence it is: patients who learn nothing of each other, staff who come as patients, other organizations."""

import pytest

from tests.visits import factories
from tests.visits.test_presence.telling import ago, page, roster, told, trail_of
from visits import facts, presence, summary
from visits.models import Fact, Participant, Visit

pytestmark = pytest.mark.django_db


def foreign(visit: Visit, key: str, kind: str, minutes: float) -> None:
    """Somebody with the work account of another organization."""
    facts.record(
        visit,
        kind=Fact.Kind(kind),
        participant_key=key,
        at=ago(minutes),
        source="subscription:1",
        event_id=f"{key} {minutes}",
        foreign=True,
    )


def shown(viewer: Participant) -> list[tuple[str, str]]:
    return [(str(person.who), str(person.word)) for person in summary.of(viewer).people]


def test_three_patients_of_a_group_are_each_told_as_waiting_and_none_as_connected(visit: Visit) -> None:
    patients = [factories.participant(visit) for _ in range(3)]
    for number, one in enumerate(patients):
        page(one, "waiting", 20 - number)
        presence.refold(visit.pk)
    assert [told(one) for one in patients] == [["waiting"]] * 3
    for number, one in enumerate(patients):
        page(one, "sent", 15 - number)
    for number, key in enumerate("abc"):
        roster(visit, key, "lobby", 10 - number)
        roster(visit, key, "connected", 7 - number)
        presence.refold(visit.pk)
    assert [told(one) for one in patients] == [["waiting"]] * 3
    state = presence.state_of(visit)
    assert {state.people[str(one.id)].presence for one in patients} == {"sent"}
    assert [one.presence for one in state.unattributed] == ["connected"] * 3
    participants = [line for line in trail_of(visit) if line[0].startswith("participant-")]
    assert participants == [("participant-waiting", ago(minutes)) for minutes in (20, 19, 18)]


def test_the_patients_of_a_group_are_taken_back_when_the_call_is_over(visit: Visit) -> None:
    patients = [factories.participant(visit) for _ in range(3)]
    for one in patients:
        page(one, "waiting", 20)
        presence.refold(visit.pk)
        page(one, "sent", 15)
    for key in "abc":
        roster(visit, key, "connected", 12)
        roster(visit, key, "disconnected", 6)
    presence.refold(visit.pk)
    assert presence.sweep_waiting() == 3
    assert [told(one) for one in patients] == [["waiting", "disconnected"]] * 3


def test_a_clinician_elsewhere_who_is_the_patient_here_has_no_presence_by_his_account(
    visit: Visit, patient: Participant
) -> None:
    elsewhere = factories.participant(factories.visit(visit.connection, session="other"), "provider")
    assert elsewhere.user
    page(patient, "sent", 8)
    roster(visit, "work", "connected", 5, oid=str(elsewhere.user.oid))
    presence.refold(visit.pk)
    state = presence.state_of(visit)
    assert state.people[str(patient.id)].presence == "sent"
    assert [(one.presence, one.colleague) for one in state.unattributed] == [("connected", True)]
    assert (told(patient), told(elsewhere)) == ([], [])


@pytest.mark.parametrize("known", [True, False], ids=["his account is known on both sides", "on one side only"])
def test_who_is_clinician_and_patient_of_one_visit_is_never_the_patient_by_his_account(
    visit: Visit, known: bool
) -> None:
    account = factories.user(visit.connection.organization.tid)
    clinician = factories.participant(visit, "provider", linked=account)
    patient = factories.participant(visit, linked=account if known else None)
    page(patient, "sent", 8)
    roster(visit, "work", "connected", 5, oid=str(account.oid))
    presence.refold(visit.pk)
    state = presence.state_of(visit)
    assert told(patient) == []
    assert state.people[str(patient.id)].presence == "sent"
    # With both sides known to be one person, it cannot be said in which of them he is there.
    assert (state.people[str(clinician.id)].presence == "connected") is not known
    assert told(clinician) == ([] if known else ["connected"])


def test_staff_who_join_as_a_visitor_are_the_patient_and_nothing_else(visit: Visit) -> None:
    account = factories.user(visit.connection.organization.tid)
    factories.participant(factories.visit(visit.connection, session="other"), "provider", linked=account)
    patient = factories.participant(visit, linked=account)
    page(patient, "sent", 8)
    roster(visit, "a", "lobby", 7)
    presence.refold(visit.pk)
    assert presence.state_of(visit).people[str(patient.id)].presence == "lobby"
    assert told(patient) == ["waiting"]


def test_an_account_of_another_organization_in_the_lobby_is_shown_as_such_and_never_as_the_patient(
    visit: Visit, patient: Participant, clinician: Participant
) -> None:
    page(patient, "sent", 8)
    foreign(visit, "x", "lobby", 5)
    presence.refold(visit.pk)
    assert told(patient) == []
    assert shown(clinician) == [
        ("Somebody with an account of another or unknown organization", "In the Teams lobby"),
        ("Patient", "On the way to Teams"),
        ("You", "Not here yet"),
    ]
    roster(visit, "a", "lobby", 4)
    presence.refold(visit.pk)
    assert told(patient) == ["waiting"]


def test_a_clinician_of_another_organization_does_not_keep_a_patient_from_being_taken_back(
    visit: Visit, patient: Participant
) -> None:
    page(patient, "sent", 8)
    presence.refold(visit.pk)
    foreign(visit, "x", "lobby", 5)
    presence.refold(visit.pk)
    assert presence.sweep_waiting() == 1


def test_a_colleague_nobody_launched_is_shown_as_one(visit: Visit, clinician: Participant) -> None:
    roster(visit, "work", "connected", 5, oid="abcdef00-0000-4000-8000-000000000000")
    assert shown(clinician)[0] == ("Colleague who joined in Teams", "In the visit")
