"""Out of an app's web view: one link, once, within two minutes, into a browser that then has a page of its own."""

import time
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

import pytest
from django.core import signing
from django.db import connections
from django.urls import reverse

from connector.models import Entry
from tests.visits import factories
from tests.visits.waiting_pages import APP, Phone
from visits import handover
from visits.models import Launch, Participant

pytestmark = pytest.mark.django_db(transaction=True)
WAITS, AGAIN = "You are in the right place", "Please press the button again"
ASKS = "Go on with your visit here"


@pytest.fixture
def pia() -> Participant:
    return factories.participant(factories.visit())


@pytest.fixture
def app(pia: Participant) -> Phone:
    """Pia's page inside the portal's app."""
    return Phone(APP).press(pia)


def link(app: Phone) -> str:
    assert app.leave
    return urlsplit(app.leave).path


@pytest.mark.parametrize("cookies", [True, False], ids=["with cookies", "without cookies"])
def test_a_fresh_browser_goes_on_with_the_same_visit(app: Phone, pia: Participant, cookies: bool) -> None:
    safari = Phone(cookies=cookies).open(link(app))
    assert (safari.heading, safari.status) == (ASKS, 200)
    assert "+1 555 0100" in safari.text
    assert safari.send().heading == WAITS
    assert safari.refresh().heading == WAITS
    first, second = Launch.objects.order_by("created_at")
    assert second.participant == first.participant == pia
    assert (second.door, bool(second.browser_hash)) == (first.door, cookies)
    assert second.browser_hash != first.browser_hash
    assert Entry.objects.get(event="handed-over").participant == pia.pk
    assert app.refresh().heading == WAITS  # the page in the app is as good as before


def test_the_senders_page_says_that_it_was_used_and_offers_no_other(app: Phone) -> None:
    assert "was opened in another browser" not in app.refresh().text
    Phone().open(link(app)).send()
    assert "This visit was opened in another browser" in app.refresh().text
    assert app.leave == ""


def test_opening_it_spends_nothing(app: Phone) -> None:
    """Messengers and mail scanners look at what they are given."""
    for _ in range(3):
        assert Phone("Preview/1.0", cookies=False).open(link(app)).heading == ASKS
    assert Launch.objects.filter(handed_over_at=None).count() == 1
    assert Phone().open(link(app)).send().heading == WAITS


def test_it_works_once(app: Phone) -> None:
    late, early = Phone().open(link(app)), Phone().open(link(app))
    early.send()
    for told in (late.send(), Phone().open(link(app))):
        assert (told.heading, told.status) == (AGAIN, 410)
        assert "+1 555 0100" in told.text
        assert "Riverside Health" in told.text
    assert Launch.objects.count() == 2


def test_pressed_by_two_at_once_it_works_for_one(app: Phone) -> None:
    both = [Phone().open(link(app)) for _ in range(2)]

    def press(phone: Phone) -> str:
        phone.send()
        connections.close_all()
        return phone.heading

    with ThreadPoolExecutor(2) as threads:
        assert sorted(threads.map(press, both)) == sorted([AGAIN, WAITS])


def test_after_two_minutes_it_is_over(app: Phone) -> None:
    row = Launch.objects.get()
    old = signing.TimestampSigner(salt=handover.SALT)
    old.timestamp = lambda: signing.b62_encode(int(time.time()) - handover.SECONDS - 1)  # type: ignore[method-assign]
    path = reverse("handover", args=[old.sign_object(str(row.pk))])
    late = Phone().open(path)
    assert late.heading == AGAIN
    assert "+1 555 0100" in late.text
    assert Phone().open(link(app)).heading == ASKS


@pytest.mark.parametrize("token", ["guessed", "a:b:c", "Q2hhbmNl" * 4])
def test_a_link_that_nobody_gave_out_leads_nowhere(app: Phone, token: str) -> None:
    told = Phone().open(reverse("handover", args=[token]))
    assert (told.heading, told.status) == (AGAIN, 410)
    assert told.shown.select_one("html.patient")


def test_a_page_always_holds_a_link_that_is_good_for_a_minute_at_least(app: Phone, pia: Participant) -> None:
    """What the page shows already is not sent again, but for a link that gets old."""
    signed = link(app).split("/")[3]
    assert signing.loads(signed, salt=handover.SALT, max_age=handover.SECONDS - 60) == str(Launch.objects.get().pk)
    began = time.time() // 60
    app.open(app.path)
    status = app.refresh().status
    assert status == 204 or time.time() // 60 > began


def test_whoever_opens_a_forwarded_link_first_gets_to_the_lobby_and_no_further(app: Phone, pia: Participant) -> None:
    visit = pia.visit
    visit.seal("join_url", "https://teams.microsoft.com/meet/1")
    visit.seal("visitor_url", "https://visit.teams.microsoft.com/visitor")
    visit.save()
    stranger = Phone().open(link(app)).send()
    own = stranger.path
    sent = stranger.client.get(f"{own}join/")
    assert sent.headers["Location"] == "https://visit.teams.microsoft.com/visitor"  # the lobby holds visitors
    others = [reverse("portal"), app.path, f"{own}link/"]
    assert [stranger.client.get(path).status_code for path in others] == [302, 410, 405]
    assert factories.EXTERNAL_ID.strip() not in stranger.text


def test_still_inside_the_app_it_says_how_to_get_out(app: Phone) -> None:
    inside = Phone(APP).open(link(app))
    assert "paste it into Safari" in inside.text
    assert inside.leave.endswith(link(app))
    assert inside.send().heading == WAITS  # and locks nobody out


def test_the_link_of_a_visit_that_is_forgotten_leads_nowhere(app: Phone, pia: Participant) -> None:
    path = link(app)
    pia.visit.delete()
    assert Phone().open(path).heading == AGAIN
