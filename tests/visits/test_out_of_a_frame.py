"""Patients leave the EHR's frame as clinicians do: by a ticket, since a frame's cookie does not reach the top level."""

import time
from typing import Any
from unittest.mock import patch
from uuid import UUID

import pytest
from django.core import signing
from django.core.cache import cache
from django.db.models import F
from django.test import Client
from django.utils import timezone

from tests.visits import factories
from tests.visits.test_waiting_page.happenings import READY, opened
from tests.visits.waiting_pages import Phone
from visits import tickets
from visits.models import Fact, Launch, Participant, Visit

pytestmark = pytest.mark.django_db
TEAMS = "https://visit.teams.microsoft.com/1"
AGAIN = "Please press the button again"


@pytest.fixture
def pia() -> Participant:
    return factories.participant(factories.visit())


def ready(visit: Visit, **browser: Any) -> Phone:
    """The page of the visit's patient, whose meeting is open."""
    opened(visit)
    phone = Phone(**browser).press(Participant.objects.get(visit=visit))
    assert phone.heading == READY
    return phone


def door(phone: Phone) -> str:
    """Where the one press leads that leaves the frame."""
    [go] = phone.shown.select("a#go[target=_top]")
    return str(go["href"])


def at_the_top(address: str) -> Any:
    """The address in the window around the frame, which has no cookie of the frame's."""
    return Client().get(address)


@pytest.mark.parametrize("shown_in", ["iframe", ""], ids=["framed", "a browser that does not say"])
@pytest.mark.parametrize("cookies", [True, False], ids=["with our cookie", "without cookies"])
def test_one_press_leads_to_teams_whether_or_not_the_cookie_comes_along(
    pia: Participant, shown_in: str, cookies: bool
) -> None:
    phone = ready(pia.visit, shown_in=shown_in, cookies=cookies)
    for _ in range(2):
        answer = at_the_top(door(phone))
        assert (answer.status_code, answer.headers.get("Location")) == (302, TEAMS)
        phone.refresh()
    assert Fact.objects.filter(kind="sent", participant_key=str(pia.pk)).count() == 2


def test_a_page_that_nothing_frames_gives_no_ticket_away(pia: Participant) -> None:
    phone = ready(pia.visit)
    for _ in range(2):
        assert door(phone).endswith("/join/")
        phone.refresh()


def test_the_launch_remembers_its_frame_when_the_cache_has_forgotten(pia: Participant) -> None:
    phone = ready(pia.visit, shown_in="iframe")
    cache.clear()
    Visit.objects.update(starts_at=F("created_at"))  # so that the refresh brings another inside
    assert phone.refresh().status == 200
    assert door(phone).startswith("/beside/")


def test_a_page_that_stays_open_has_a_fresh_ticket_before_the_old_one_runs_out(pia: Participant) -> None:
    phone, began = ready(pia.visit, shown_in="iframe"), time.time()
    ages = []
    for now in range(int(began), int(began) + 240, 3):
        with patch("time.time", lambda now=now: now):
            phone.refresh()
        signed = door(phone).split("/")[2]
        ages.append(now - signing.b62_decode(signed.split(":")[1]))
    assert max(ages) <= tickets.SECONDS / 2
    assert max(ages) > tickets.SECONDS / 4, "whoever has the page read out hears it at each refresh"


def test_a_ticket_that_has_run_out_says_what_to_do_and_whom_to_call(pia: Participant) -> None:
    began = time.time()
    with patch("time.time", lambda: began - tickets.SECONDS - 1):
        old = tickets.way_out(launched(pia))
    late = Phone().open(old)
    assert (late.heading, late.status) == (AGAIN, 410)
    assert late.shown.select_one("html.patient")
    assert "+1 555 0100" in late.text


def test_a_ticket_leads_nowhere_once_the_meeting_is_over(pia: Participant) -> None:
    ticket = door(ready(pia.visit, shown_in="iframe"))
    Visit.objects.update(ended_at=timezone.now())
    assert Phone().open(ticket).heading == AGAIN


def launched(pia: Participant) -> UUID:
    Phone().press(pia)
    return Launch.objects.get().pk
