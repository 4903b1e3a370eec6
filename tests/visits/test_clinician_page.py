"""The visit page as a clinician gets it: what takes the focus keeps it, and how the patient came."""

from datetime import timedelta

import pytest
from bs4 import BeautifulSoup
from django.utils import timezone

from tests.visits import factories
from tests.visits.test_handles import launched, opened
from visits import facts
from visits.models import Fact, Participant, Visit

pytestmark = pytest.mark.django_db
FOCUSED = "a[href], button"


def page_of(who: Participant) -> BeautifulSoup:
    return BeautifulSoup(opened(launched(who)[1]).content, "html.parser")


@pytest.fixture
def visit() -> Visit:
    visit = factories.visit()
    visit.seal("join_url", "https://teams.example/l/meetup-join/1")
    visit.save()
    return visit


@pytest.mark.parametrize("is_linked", [True, False])
def test_whatever_takes_the_focus_has_an_id_by_which_a_refresh_gives_it_back(visit: Visit, is_linked: bool) -> None:
    who = factories.participant(visit, "provider")
    if not is_linked:
        who.user = None
        who.save()
    found = page_of(who).select(f"#state :is({FOCUSED})")
    ids = [str(one.get("id", "")) for one in found]
    assert len(ids) >= 2
    assert "" not in ids
    assert len(set(ids)) == len(ids)


@pytest.mark.parametrize(("kind", "words"), [("epic", "MyChart"), ("oracle", "the patient portal")])
def test_a_patient_came_through_the_portal_by_the_name_that_this_ehr_gives_it(
    visit: Visit, kind: str, words: str
) -> None:
    factories.approve(visit.connection, ehr_kind=kind)
    patient, now = factories.participant(visit), timezone.now()
    seen = [(Fact.Kind.WAITING, str(patient.id), 9, facts.PAGE), (Fact.Kind.SENT, str(patient.id), 8, facts.PAGE)]
    for fact, key, minutes, source in [*seen, (Fact.Kind.LOBBY, "seat", 7, "subscription:1")]:
        at = now - timedelta(minutes=minutes)
        facts.record(visit, kind=fact, participant_key=key, at=at, source=source, event_id=str(minutes))
    page = page_of(factories.participant(visit, "provider"))
    assert f"1 in the lobby, arrived through {words}" in " ".join(page.get_text(" ").split()).replace(" ,", ",")
