"""How long a clinician's page lives: while it asks, 15 minutes beyond, and until another EHR user has the browser."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.core import signing
from django.db import connection as database
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from connector.models import Connection, User
from tests.visits import factories
from visits import browsers, handles
from visits.models import Browser, EhrUserLink, Launch, Participant, Visit

pytestmark = pytest.mark.django_db
BROWSER = "browser-1"


def board(connection: Connection, ehr_user_hash: str, browser: str = BROWSER) -> tuple[Launch, str]:
    """A board's launch, and its handle; without a hash the EHR named nobody."""
    row = Launch(connection=connection, door="board", department="CARD", ehr_user_hash=ehr_user_hash)
    row.browser_hash, row.redeemed_at = browsers.hash_of(browser), timezone.now()
    row.state_hash = browsers.hash_of(str(row.id))
    row.save(force_insert=True)
    return row, handles.issue(row)


def launched(who: Participant, browser: str = BROWSER) -> tuple[Launch, str]:
    """(a launch that has reached its page, its handle); `browser` empty: one that keeps no cookie."""
    row = Launch(connection=who.visit.connection, door="provider" if who.is_staff else "patient", participant=who)
    row.browser_hash = browsers.hash_of(browser) if browser else ""
    row.state_hash, row.redeemed_at = browsers.hash_of(str(row.id)), timezone.now()
    row.save(force_insert=True)
    return row, handles.issue(row)


def opened(handle: str, browser: str = BROWSER, page: str = "visit") -> Any:
    client = Client()
    if browser:
        client.cookies[browsers.COOKIE] = signing.dumps(browser, salt=browsers.SALT)
    return client.get(reverse(page, args=[handle]))


def until(row: Launch) -> datetime:
    row.refresh_from_db()
    assert row.handle_until
    return row.handle_until


def silent_for(row: Launch, minutes: float) -> None:
    """The page asked last this long ago."""
    row.handle_until = until(row) - timedelta(minutes=minutes)
    row.save(update_fields=["handle_until"])


def clinician(visit: Visit | None = None) -> Participant:
    return factories.participant(visit or factories.visit(), "provider")


def test_a_page_that_asks_is_not_idle() -> None:
    row, handle = launched(clinician())
    for _ in range(3):
        silent_for(row, 14)
        assert opened(handle).status_code == 200
    assert until(row) > timezone.now() + timedelta(minutes=14)


def test_a_page_that_stopped_asking_ends_after_a_quarter_of_an_hour() -> None:
    row, handle = launched(clinician())
    silent_for(row, 15.1)
    assert opened(handle).status_code == 410


def test_asking_every_three_seconds_is_written_down_once_a_minute() -> None:
    row, handle = launched(clinician())
    before = until(row)
    with CaptureQueriesContext(database) as asked:
        assert opened(handle).status_code == 200
    assert [query["sql"] for query in asked if query["sql"].startswith("UPDATE")] == []
    assert until(row) == before
    silent_for(row, 1.1)
    assert opened(handle).status_code == 200
    assert until(row) > before


@pytest.mark.parametrize(("minutes", "status"), [(14, 200), (16, 410)])
def test_a_page_ends_a_quarter_of_an_hour_after_its_visit_though_it_goes_on_asking(minutes: int, status: int) -> None:
    visit = factories.visit()
    _, handle = launched(clinician(visit))
    Visit.objects.filter(pk=visit.pk).update(ended_at=timezone.now() - timedelta(minutes=minutes))
    assert opened(handle).status_code == status


def test_a_patients_page_of_an_ended_visit_still_says_that_it_has_ended() -> None:
    visit = factories.visit()
    row, handle = launched(factories.participant(visit))
    Visit.objects.filter(pk=visit.pk).update(ended_at=timezone.now() - timedelta(hours=2))
    silent_for(row, 60)
    assert opened(handle).status_code == 200


def test_without_a_cookie_a_clinicians_page_lives_for_a_minute_and_no_quarter_of_an_hour() -> None:
    row, handle = launched(clinician(), browser="")
    assert until(row) <= timezone.now() + timedelta(seconds=60)
    assert opened(handle, browser="").status_code == 200


@pytest.mark.parametrize(
    ("role", "name"),
    [("provider", "visit"), ("patient", "visit"), ("patient", "device_check"), ("turned away", "visit")],
)
def test_without_a_cookie_every_page_can_be_reloaded_after_its_refresh(role: str, name: str) -> None:
    visit = factories.visit(factories.connection())
    who = factories.participant(visit, "patient" if role == "turned away" else role)
    if role == "turned away":
        Participant.objects.filter(pk=who.pk).update(timing="late")
    for browser in ("", BROWSER):
        path = reverse(name, args=[launched(who, browser)[1]])
        client = Client()
        if browser:
            client.cookies[browsers.COOKIE] = signing.dumps(browser, salt=browsers.SALT)
        told = client.get(path, headers={"HX-Request": "true"}).headers.get("HX-Replace-Url")
        assert (told is None) is bool(browser)
        assert client.get(told or path).status_code == 200
        assert told != path


def test_a_launch_by_another_ehr_user_ends_the_pages_and_the_list_of_the_one_before() -> None:
    mine = clinician()
    pages = [launched(mine)[1], launched(mine)[1]]  # two of his own go on side by side
    Browser.objects.create(
        id_hash=browsers.hash_of(BROWSER), user=mine.user, list_until=timezone.now() + timedelta(minutes=15)
    )
    assert [opened(page).status_code for page in pages] == [200, 200]
    _, theirs = launched(clinician(mine.visit))
    assert [opened(page).status_code for page in (*pages, theirs)] == [410, 410, 200]
    assert Browser.objects.get().list_until is None


@pytest.mark.parametrize(
    ("whose", "left"), [("mine", (200, True)), ("somebody else's", (410, False)), ("nobody's", (410, False))]
)
def test_a_board_ends_the_pages_and_the_list_of_everybody_but_its_own_user(whose: str, left: tuple[int, bool]) -> None:
    mine = clinician()
    connection, user = mine.visit.connection, mine.user
    assert user
    link = {"ehr_user_hash": mine.ehr_user_hash, "hash_kid": mine.hash_kid, "user": user}
    EhrUserLink.objects.create(connection=connection, **link)
    page, patients = launched(mine)[1], launched(factories.participant(mine.visit))[1]
    list_until = timezone.now() + timedelta(minutes=15)
    Browser.objects.create(id_hash=browsers.hash_of(BROWSER), user=user, list_until=list_until)
    _, elsewhere = launched(mine, "browser-2")
    hashed = {"mine": mine.ehr_user_hash, "somebody else's": "other", "nobody's": ""}[whose]
    row, _ = board(connection, hashed)
    assert (opened(page).status_code, Browser.objects.get().list_until is not None) == left
    assert [opened(patients).status_code, opened(elsewhere, "browser-2").status_code] == [200, 200]
    assert until(row) > timezone.now()  # not itself


def test_a_board_ends_those_of_others_in_the_same_browser() -> None:
    connection = factories.connection()
    boards = [board(connection, hashed)[0] for hashed in ("first", "second", "", "")]
    # Of nobody in particular there may be two side by side: nothing tells them apart.
    assert [until(row) > timezone.now() for row in boards] == [False, False, True, True]


def test_ones_own_launch_in_another_visit_ends_neither_page_nor_list() -> None:
    mine, other = clinician(), factories.visit()
    other.connection, again = mine.visit.connection, clinician(other)
    other.save()
    again.ehr_user_hash, again.user = mine.ehr_user_hash, mine.user
    again.save()
    _, page = launched(mine)
    lists = Browser.objects.create(
        id_hash=browsers.hash_of(BROWSER), user=mine.user, list_until=timezone.now() + timedelta(minutes=15)
    )
    again.visit.refresh_from_db()
    launched(again)
    lists.refresh_from_db()
    assert opened(page).status_code == 200
    assert lists.list_until


@pytest.mark.parametrize("browser", ["browser-2", ""])
def test_a_launch_elsewhere_ends_nothing_here(browser: str) -> None:
    _, page = launched(clinician())
    launched(clinician(), browser)
    assert opened(page).status_code == 200


def test_a_patients_launch_in_the_same_browser_ends_no_clinicians_page() -> None:
    visit = factories.visit()
    _, page = launched(clinician(visit))
    launched(factories.participant(visit))
    assert opened(page).status_code == 200


def test_a_page_that_was_ended_while_it_asked_stays_ended() -> None:
    row, handle = launched(clinician())
    silent_for(row, 2)
    held = handles.behind(handle)  # read before the other's launch, prolonged after it
    launched(clinician())
    assert held
    handles._prolong(held)
    assert opened(handle).status_code == 410


def test_both_sides_of_a_test_visit_stay_open_in_one_browser() -> None:
    analyst: User = factories.user()
    tests = [factories.visit(session=f" {number}") for number in range(2)]
    Visit.objects.update(test=True)
    pages = []
    for visit in tests:
        visit.refresh_from_db()
        pages.append(launched(factories.participant(visit, "provider", linked=analyst))[1])
    assert [opened(page).status_code for page in pages] == [200, 200]


def over(row: Launch, hours: float) -> None:
    """The visit was launched and ended this long ago, and its page has been silent since."""
    then = timezone.now() - timedelta(hours=hours)
    assert row.participant
    Visit.objects.filter(pk=row.participant.visit_id).update(ended_at=then)
    Launch.objects.filter(pk=row.pk).update(redeemed_at=then, handle_until=then)


@pytest.mark.parametrize(("hours", "status"), [(0.1, 200), (1, 200), (11.9, 200), (12.1, 410)])
def test_the_timeline_of_ones_own_visit_can_be_read_for_half_a_day(hours: float, status: int) -> None:
    row, handle = launched(clinician())
    over(row, hours)
    assert opened(handle, page="timeline").status_code == status
    assert opened(handle).status_code == opened(handle, page="join").status_code == 410, "nothing else can"


@pytest.mark.parametrize("browser", ["browser-2", ""])
def test_in_another_browser_it_cannot(browser: str) -> None:
    row, handle = launched(clinician())
    over(row, 1)
    assert opened(handle, browser, "timeline").status_code == 410


def test_nor_when_the_launch_kept_no_cookie() -> None:
    row, handle = launched(clinician(), browser="")
    over(row, 1)
    assert opened(handle, "", "timeline").status_code == 410


def test_nor_once_another_ehr_user_has_the_browser_though_the_page_was_long_silent() -> None:
    row, handle = launched(clinician())
    over(row, 1)
    _, theirs = launched(clinician())
    assert opened(handle, page="timeline").status_code == 410
    assert opened(theirs).status_code == 200


def test_nor_while_the_visit_goes_on_and_the_page_fell_silent() -> None:
    row, handle = launched(clinician())
    silent_for(row, 16)
    assert opened(handle, page="timeline").status_code == 410


def test_nor_by_a_patient() -> None:
    row, handle = launched(factories.participant(factories.visit()))
    over(row, 1)
    assert opened(handle, page="timeline").status_code == 410
