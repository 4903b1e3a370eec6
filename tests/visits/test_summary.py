"""What the visit page says first: who waits, since when, and whether it can be who was sent."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from bs4 import BeautifulSoup
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from tests.portal.steps import words
from tests.visits import factories
from visits import browsers, facts, handles, presence, summary
from visits.models import Fact, Launch, Participant, Visit, Writeback
from visits.outcome import Stage
from visits.summary import Waits

pytestmark = pytest.mark.django_db
START = timezone.now().replace(microsecond=0) - timedelta(minutes=30)
COLLEAGUE = "5a5a5a5a-0000-4000-8000-00000000c011"


def minute(number: float) -> datetime:
    return START + timedelta(minutes=number)


def page(who: Participant, **kinds: float) -> None:
    """What our own pages saw: `waiting=2` at minute 2."""
    for kind, at in kinds.items():
        _fact(who.visit, kind, str(who.id), at, facts.PAGE)


def roster(visit: Visit, seat: str, oid: str = "", **kinds: float) -> None:
    """What Graph told of a seat in the call."""
    for kind, at in kinds.items():
        _fact(visit, kind, seat, at, "subscription:1", oid)


def _fact(visit: Visit, kind: str, key: str, at: float, source: str, oid: str = "", *, foreign: bool = False) -> None:
    assert facts.record(
        visit,
        kind=Fact.Kind(kind),
        participant_key=key,
        at=minute(at),
        source=source,
        event_id=f"{key} {kind} {at}",
        oid=oid,
        foreign=foreign,
    )


@pytest.fixture
def visit() -> Visit:
    return factories.visit()


@pytest.fixture
def clinician(visit: Visit) -> Participant:
    return factories.participant(visit, "provider")


def oid_of(person: Participant) -> str:
    assert person.user
    return str(person.user.oid)


def waits(who: Participant) -> Waits:
    return summary.of(who).waits


def shown(who: Participant) -> list[tuple[str, str]]:
    return [(str(person.who), str(person.word)) for person in summary.of(who).people]


def test_nobody_waits_in_a_visit_that_nobody_came_to(clinician: Participant) -> None:
    assert waits(clinician) == Waits(0, None, None, False, 0, None)


def test_a_patient_on_the_waiting_page_waits_since_he_came(visit: Visit, clinician: Participant) -> None:
    page(factories.participant(visit), waiting=2)
    assert waits(clinician) == Waits(0, None, None, False, 1, minute(2))


def test_the_one_in_the_lobby_arrived_when_he_came_to_the_waiting_page(visit: Visit, clinician: Participant) -> None:
    page(factories.participant(visit), waiting=2, sent=5)
    roster(visit, "a", lobby=6)
    assert waits(clinician) == Waits(1, minute(6), minute(2), False, 0, None)


def test_more_in_the_lobby_than_were_sent_are_warned_of(visit: Visit, clinician: Participant) -> None:
    page(factories.participant(visit), waiting=2, sent=5)
    roster(visit, "a", lobby=6)
    roster(visit, "b", lobby=7)
    told = waits(clinician)
    assert (told.lobby, told.lobby_since, told.unsent) == (2, minute(6), True)


def test_who_knocks_when_the_patient_is_in_was_not_sent(visit: Visit, clinician: Participant) -> None:
    page(factories.participant(visit), waiting=2, sent=5)
    roster(visit, "a", lobby=6, connected=7)
    roster(visit, "b", lobby=8)
    assert (waits(clinician).lobby, waits(clinician).arrived, waits(clinician).unsent) == (1, None, True)


def test_as_many_as_were_sent_are_not_warned_of(visit: Visit, clinician: Participant) -> None:
    for number in range(3):
        page(factories.participant(visit), waiting=number, sent=4)
    for seat in "abc":
        roster(visit, seat, lobby=6)
    told = waits(clinician)
    assert (told.lobby, told.arrived, told.unsent) == (3, None, False)  # nobody knows who of them it is


def test_a_colleague_in_the_lobby_waits_and_is_no_reason_to_doubt(visit: Visit, clinician: Participant) -> None:
    roster(visit, "c", COLLEAGUE, lobby=6)
    assert (waits(clinician).lobby, waits(clinician).unsent) == (1, False)


def test_people_are_named_by_their_part_and_who_waits_comes_first(visit: Visit, clinician: Participant) -> None:
    nurse, patient = factories.participant(visit, "provider"), factories.participant(visit)
    factories.participant(visit, "proxy")
    page(patient, waiting=1, sent=2)
    roster(visit, "n", oid_of(nurse), connected=1, disconnected=4)
    roster(visit, "c", COLLEAGUE, connected=1)
    roster(visit, "a", lobby=3)
    assert shown(clinician) == [
        ("Patient", "In the Teams lobby"),
        ("Colleague who joined in Teams", "In the visit"),
        ("For the patient", "Not here yet"),
        ("You", "Not here yet"),
        ("Clinician", "Has left"),
    ]
    assert ("You", "Has left") in shown(nurse)


def test_who_has_an_account_from_elsewhere_is_shown_as_such_and_as_no_patient_of_ours(
    visit: Visit, clinician: Participant
) -> None:
    page(factories.participant(visit), waiting=2, sent=3)
    _fact(visit, "lobby", "x", 4, "subscription:1", foreign=True)
    assert shown(clinician) == [
        ("Somebody with an account of another or unknown organization", "In the Teams lobby"),
        ("Patient", "On the way to Teams"),
        ("You", "Not here yet"),
    ]


def test_the_page_gives_when_the_patients_side_arrived_and_not_the_clinicians(
    visit: Visit, clinician: Participant
) -> None:
    page(factories.participant(visit), waiting=2, sent=5)
    arrived: dict[str, Any] = {str(person.who): person.arrived for person in summary.of(clinician).people}
    assert arrived == {"Patient": minute(2), "You": None}


def test_a_colleague_in_the_place_of_the_linked_clinician_is_asked_about_and_tells_the_ehr_nothing(
    visit: Visit, clinician: Participant
) -> None:
    roster(visit, "c", COLLEAGUE, connected=3)
    assert not summary.of(clinician).colleague_instead  # he was not sent: somebody else is there, no more
    page(clinician, sent=4)
    clinician.sent_at = minute(4)
    clinician.save()
    assert summary.of(clinician).colleague_instead
    visit.refresh_from_db()
    presence.refold(visit.pk)
    assert presence.sweep_waiting() == 1  # he never came, and is expected again: the colleague is there all the same
    assert presence.state_of(visit).people[str(clinician.id)].presence == "expected"
    assert summary.of(clinician).colleague_instead
    assert not Writeback.objects.filter(presence="connected").exists()
    roster(visit, "k", oid_of(clinician), connected=5)
    assert not summary.of(clinician).colleague_instead
    presence.refold(visit.pk)
    assert [row.participant for row in Writeback.objects.filter(presence="connected")] == [clinician]


def test_that_everybody_admits_is_said_where_the_meeting_holds_it(visit: Visit, clinician: Participant) -> None:
    assert not summary.of(clinician).all_admit
    visit.lobby = "organization"
    visit.save()
    clinician.visit.refresh_from_db()
    assert summary.of(clinician).all_admit


def said(client: Client, who: Participant) -> str:
    """What the page of another clinician says, who was not there."""
    row = Launch(connection=who.visit.connection, door="provider", participant=who, redeemed_at=timezone.now())
    row.state_hash = browsers.hash_of(str(row.id))
    row.save(force_insert=True)
    return words(BeautifulSoup(client.get(reverse("visit", args=[handles.issue(row)])).content, "html.parser").main)


def test_a_second_clinician_reads_that_no_clinician_is_there_and_that_one_has_left(
    client: Client, visit: Visit, clinician: Participant
) -> None:
    second, patient = factories.participant(visit, "provider"), factories.participant(visit)
    alone, left = "A patient waits, and no clinician is in the call.", "The clinician has left, others are still here"
    page(patient, sent=2)
    roster(visit, "a", connected=3)
    assert summary.of(second).stage == Stage.PATIENT_WAITING
    assert alone in said(client, second)
    roster(visit, "c", oid_of(clinician), connected=4)
    assert summary.of(second).stage == Stage.IN_PROGRESS
    assert not [text for text in (alone, left) if text in said(client, second)]
    roster(visit, "c", oid_of(clinician), disconnected=5)
    assert summary.of(second).stage == Stage.CLINICIAN_LEFT
    assert left in said(client, second)


def test_where_live_presence_is_off_no_clinician_is_said_to_be_missing(client: Client, clinician: Participant) -> None:
    visit = clinician.visit
    page(factories.participant(visit), sent=2)
    visit.seal("join_url", "https://teams.example/l/1")
    visit.presence_live = False
    visit.save()
    text = said(client, clinician)
    assert "Live presence is off" in text
    assert "no clinician is in the call" not in text


def test_where_only_the_plain_link_exists_a_patient_who_works_here_may_pass_the_lobby(
    visit: Visit, clinician: Participant
) -> None:
    def warned() -> bool:
        return any(
            "works here" in str(text) and "may pass the lobby" in str(text) for text in summary.of(clinician).off
        )

    clinician.visit.seal("join_url", "https://teams.example/l/meetup-join/1")
    assert warned()
    clinician.visit.seal("visitor_url", "https://visit.teams.example/1")
    assert not warned()
