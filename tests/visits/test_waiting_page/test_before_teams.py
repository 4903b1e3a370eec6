"""What Teams will ask, which browser fits, how one gets in without cookies; and in a group, nothing of the others."""

from typing import Any

import pytest
from django.core.cache import cache
from django.utils import timezone

from tests.portal.steps import words
from tests.visits import factories
from tests.visits.test_waiting_page.happenings import (
    WAITS,
    opened,
)
from tests.visits.waiting_pages import APP, SAFARI, Phone
from visits import facts, presence, waiting
from visits.models import Fact, Participant, Visit

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("kind", "visitor_link", "asks"),
    [
        ("context", True, ["Your name.", "Your camera and microphone"]),
        ("conference", True, ["Your name. Type your first name only", "Your camera and microphone"]),
        ("context", False, ["To open or to install the Teams app", "Join as a guest", "Your name.", "Your camera"]),
    ],
)
def test_the_last_page_says_what_teams_will_ask(
    visit: Visit, pia: Participant, kind: str, visitor_link: bool, asks: list[str]
) -> None:
    visit.session_kind = kind
    visit.save()
    opened(visit, visitor_link=visitor_link)
    asked = [words(line) for line in Phone().press(pia).shown.select("#state ul li")]
    assert len(asked) == len(asks)
    assert all(part in line for part, line in zip(asks, asked, strict=True))


@pytest.mark.parametrize("visitor_link", [True, False])
def test_what_may_be_an_ipad_or_a_mac_hears_of_the_app_for_the_one(
    visit: Visit, pia: Participant, visitor_link: bool
) -> None:
    opened(visit, visitor_link=visitor_link)
    text = Phone(MACINTOSH).press(pia).text
    assert ("On an iPad: to open or to install the Teams app." in text) is not visitor_link
    assert "To open or to install" not in text


MACINTOSH = (
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) "
    "Version/17.4 Safari/605.1.15"
)
FIREFOX = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:125.0) Gecko/20100101 Firefox/125.0"


def test_another_browser_is_advised_and_nobody_is_kept_out(visit: Visit, pia: Participant) -> None:
    opened(visit)
    phone = Phone(FIREFOX).press(pia)
    assert "Teams works in: Chrome, Edge." in phone.text
    assert phone.leave
    assert phone.shown.select_one("a#go")


@pytest.mark.parametrize("agent", [SAFARI, "", "Something/1.0"], ids=["fitting", "silent", "unknown"])
def test_a_browser_that_fits_or_is_unknown_hears_nothing_of_browsers(
    visit: Visit, pia: Participant, agent: str
) -> None:
    opened(visit)
    phone = Phone(agent).press(pia)
    assert (phone.leave, "work in this browser" in phone.text) == ("", False)
    assert phone.shown.select_one("a#go")


def test_in_an_app_the_way_out_comes_first_and_the_way_on_stays(visit: Visit, pia: Participant) -> None:
    opened(visit)
    phone = Phone(APP).press(pia)
    assert [words(link) for link in phone.shown.select("#state a.button")] == [
        "Open in Safari",
        "Go on inside this app",
    ]


@pytest.mark.parametrize("agent", [SAFARI, APP, FIREFOX])
def test_nothing_on_the_way_into_the_visit_is_a_pop_up_that_could_be_blocked(
    visit: Visit, pia: Participant, agent: str
) -> None:
    opened(visit)
    page = Phone(agent).press(pia)
    assert page.shown.select("a#go[target=_top]")
    assert {str(link["href"]) for link in page.shown.select("a[target=_blank]")} <= {page.leave}  # and can be copied


def test_without_cookies_each_refresh_puts_the_next_address_into_the_browser(pia: Participant) -> None:
    phone = Phone(cookies=False).press(pia)
    for _ in range(2):
        before = phone.path
        phone.refresh()
        assert (phone.status, phone.heading) == (200, WAITS)
        assert phone.headers["HX-Replace-Url"] != before
        assert phone.open(phone.headers["HX-Replace-Url"]).heading == WAITS  # reloaded


@pytest.mark.parametrize("agent", [SAFARI, APP, FIREFOX])
def test_in_a_group_nobody_learns_anything_of_the_others(agent: str) -> None:
    """A page is the same, letter by letter, whoever else comes, waits, goes in, or leaves."""
    visit = factories.visit()
    visit.session_kind = "conference"
    visit.save()
    pia = factories.participant(visit)
    waiting.arrived(pia, event_id="1")
    opened(visit)
    phone = Phone(agent).press(pia)
    alone = plain(phone)
    others = [factories.participant(visit, role) for role in ("patient", "proxy", "patient")]
    for number, other in enumerate(others):
        waiting.arrived(other, event_id=f"other {number}")
        Phone().press(other)
        if number:
            waiting.sent(other)
            guest: dict[str, Any] = {
                "participant_key": f"guest {number}",
                "source": "subscription:1",
                "event_id": str(number),
            }
            facts.record(visit, kind=Fact.Kind.CONNECTED, at=timezone.now(), **guest)
            presence.refold(visit.pk)
        cache.clear()
        assert plain(phone.open(phone.path)) == alone


def plain(phone: Phone) -> str:
    """The page without what is new with each answer: the links into another browser, and what marks them."""
    for link in phone.shown.select("a#leave, .copy-row"):
        link.decompose()
    state = phone.shown.select_one("#state")
    assert state
    del state["hx-headers"]
    return str(phone.shown)
