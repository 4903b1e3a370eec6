"""The first visit, by four people through four systems, in Chromium, with every process of the house running."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from sandbox.launcher.house import House
from tests.stories import people

Person = Callable[..., Page]
SECONDS_TO_THE_CHART = 30_000


def given_an_approved_connection(house: House, person: Person, javascript: bool = True) -> None:
    ada, ben, epic = (person(javascript=javascript) for _ in range(3))
    link = people.configure(ada, house.urls)
    people.approve(ben, epic, house.urls, link)


@pytest.mark.parametrize("javascript", [True, False], ids=["with JavaScript", "without JavaScript"])
def test_a_first_visit_reaches_the_chart(house: House, person: Person, javascript: bool) -> None:
    given_an_approved_connection(house, person, javascript)

    # The patient comes first, and the schedule shows her before the clinician has pressed anything.
    schedule = person(javascript=javascript)
    people.open_hyperspace(schedule, house.urls)
    mychart = person("phone", javascript=javascript)
    people.open_mychart(mychart, house.urls)
    waiting = people.begin_visit(mychart)
    expect(waiting.get_by_role("heading", name="You are in the right place")).to_be_visible()
    status = people.status_of(schedule)
    expect(status).to_contain_text("Waiting", timeout=SECONDS_TO_THE_CHART)

    # The clinician signs in once and is in Teams.
    call = people.begin_visit(schedule)
    people.confirm_link(call)
    people.join_as_member(call)
    expect(call.locator(".tiles")).to_contain_text("Carla Mendes")
    expect(status).to_contain_text("Connected", timeout=SECONDS_TO_THE_CHART)

    # The patient goes in with one press, waits in the lobby and is admitted.
    expect(waiting.get_by_role("heading", name="Your visit is ready")).to_be_visible(timeout=15_000)
    waiting.get_by_role("link", name="Go to your visit").click()
    people.join_as_guest(waiting, "Pia")
    people.admit(call, "Pia")
    expect(waiting.locator(".tiles")).to_contain_text("Pia (you)")
    expect(status.locator(".presence.connected")).to_have_count(2, timeout=SECONDS_TO_THE_CHART)

    # Both leave, and the schedule shows it.
    people.leave(waiting)
    people.leave(call)
    expect(status.locator(".presence.disconnected")).to_have_count(2, timeout=SECONDS_TO_THE_CHART)
