"""The page says how the visit is, in plain words, and each change is there at the next refresh."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from portal.actors import Actor
from portal.configure import details
from tests.portal.steps import words
from tests.visits import factories
from tests.visits.test_waiting_page.happenings import (
    READY,
    WAITS,
    Committed,
    at_page,
    in_call,
    met,
    opened,
    opened_and_left,
    over,
)
from tests.visits.waiting_pages import Phone
from visits import facts, meeting, presence, waiting
from visits.models import Fact, Participant, Visit, Writeback

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("state", "says"),
    [
        ("waiting", "We are letting the clinic know that you are here."),
        ("delivered", "The clinic can see that you are here."),
        ("dead", "We could not let the clinic know that you are here."),
    ],
)
def test_whether_the_clinic_knows_is_said_as_it_is(pia: Participant, state: str, says: str) -> None:
    waiting.arrived(pia, event_id="1")
    Writeback.objects.update(state=state)
    phone = Phone().press(pia)
    assert phone.heading == WAITS
    assert says in phone.text
    assert "has not started the visit yet" in phone.text


def test_nothing_is_said_of_an_ehr_that_is_not_told(visit: Visit) -> None:
    unnamed = factories.participant(visit, external_id="")
    phone = Phone().press(unnamed)
    assert phone.heading == WAITS
    assert "the clinic know" not in phone.text
    assert "The clinic can" not in phone.text


# What happens next to a visit with an open meeting -> what the page says at its next refresh.
NEXT: dict[str, tuple[Callable[[Visit, Participant, Participant], object], str]] = {
    "the clinician comes": (lambda visit, carla, pia: in_call(carla, "connected"), "Your clinician is there."),
    "and leaves": (lambda visit, carla, pia: met(carla), "Your clinician has left"),
    "she is sent to Teams": (lambda visit, carla, pia: waiting.sent(pia), "Go back to your visit"),
    "the clinic gets a name": (
        lambda visit, carla, pia: details.change(visit.connection, actor_of(visit), label="Cardiology, Main Street"),
        "Cardiology, Main Street",
    ),
    "the help line changes": (
        lambda visit, carla, pia: details.change(visit.connection, actor_of(visit), help_line="+1 555 0199"),
        "+1 555 0199",
    ),
}


def actor_of(visit: Visit) -> Actor:
    return Actor(factories.administrator(visit.connection.organization), "Ada Lindqvist")


@pytest.mark.parametrize("change", NEXT)
def test_the_next_refresh_knows_when(
    visit: Visit, carla: Participant, pia: Participant, phone: Phone, committed: Committed, change: str
) -> None:
    committed(lambda: opened(visit))
    act, says = NEXT[change]
    assert phone.refresh().heading == READY
    assert says not in phone.text
    committed(lambda: act(visit, carla, pia))
    assert says in phone.refresh().text


def test_a_clinician_who_left_before_anybody_met_him_is_not_said_to_have_left(
    visit: Visit, carla: Participant, pia: Participant, phone: Phone, committed: Committed
) -> None:
    committed(lambda: opened(visit), lambda: opened_and_left(carla))
    assert phone.refresh().heading == READY
    assert "You can go in now." in phone.text
    physician = factories.participant(visit, "provider")
    committed(lambda: in_call(physician, "connected"))
    assert "Your clinician is there." in phone.refresh().text
    committed(lambda: in_call(physician, "disconnected", -0.1))
    assert phone.refresh().heading == "Your clinician has left"


def test_whose_account_is_taken_back_is_not_there_any_more(
    visit: Visit, pia: Participant, phone: Phone, committed: Committed
) -> None:
    carla = factories.participant(visit, "provider", external_id="")  # of whom the EHR is told nothing
    committed(lambda: opened(visit), lambda: in_call(carla, "connected"))
    assert "Your clinician is there." in phone.refresh().text
    page = Phone().press(carla, "provider")
    committed(lambda: page.client.post(f"{page.path}unlink/"))
    carla.refresh_from_db()
    assert carla.user is None
    assert "You can go in now." in phone.refresh().text


def test_the_next_refresh_knows_when_all_is_over(
    visit: Visit, carla: Participant, pia: Participant, phone: Phone, committed: Committed
) -> None:
    committed(lambda: opened(visit))
    assert phone.refresh().heading == READY
    Fact.objects.update(at=timezone.now() - timedelta(minutes=50))
    committed(lambda: at_page(pia, "sent", 40), lambda: at_page(pia, "gone", 35), lambda: over(visit, carla))
    assert phone.refresh().heading == "Your visit has ended"
    assert phone.shown.select_one("a#go") is None


def test_a_new_meeting_of_the_session_brings_an_ended_page_back(
    visit: Visit, carla: Participant, pia: Participant, committed: Committed
) -> None:
    at_page(pia, "sent", 40)
    at_page(pia, "gone", 35)
    over(visit, carla)
    phone = Phone().press(pia)
    assert phone.heading == "Your visit has ended"
    assert pia.visit.facts.filter(kind=Fact.Kind.WAITING).count() == 0  # who looks at an ended visit does not wait
    visit.refresh_from_db()
    committed(lambda: meeting.reopen(visit))
    committed(phone.refresh)
    assert phone.heading == WAITS
    assert Fact.objects.get(generation=visit.generation).kind == Fact.Kind.WAITING


def test_whoever_was_taken_for_gone_waits_again_once_the_page_asks(
    pia: Participant, phone: Phone, committed: Committed
) -> None:
    committed(lambda: at_page(pia, "gone", -0.01), lambda: presence.refold(pia.visit_id))
    assert facts.newest_of_pages(pia.visit) == {str(pia.pk): "gone"}
    Fact.objects.update(at=timezone.now() - timedelta(minutes=1))
    committed(phone.refresh)
    assert facts.newest_of_pages(pia.visit) == {str(pia.pk): "waiting"}


def test_a_proxy_sees_time_and_clinic_of_each_of_two_visits() -> None:
    phones = []
    for hour, label in ((15, "Cardiology"), (16, "Eye clinic")):
        visit = factories.visit(factories.connection(), session=str(hour))
        Visit.objects.filter(pk=visit.pk).update(starts_at=datetime(2026, 11, 26, hour, 30, tzinfo=UTC))
        type(visit.connection).objects.filter(pk=visit.connection_id).update(label=label)
        phones.append(Phone().press(factories.participant(visit, "proxy")))
    lines = [words(phone.shown.select_one(".visit-line")) for phone in phones]
    assert lines == ["Nov. 26, 2026, 15:30 UTC · Cardiology", "Nov. 26, 2026, 16:30 UTC · Eye clinic"]


def test_what_nobody_knows_of_time_and_clinic_is_not_shown(phone: Phone) -> None:
    assert phone.shown.select_one(".visit-line") is None
