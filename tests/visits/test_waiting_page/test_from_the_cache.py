"""While nothing changes the page is answered from the cache, and the cache gives nothing away."""

from datetime import timedelta

import pytest
from django.core.cache import cache
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries, Settings

from tests.visits import factories
from tests.visits.test_waiting_page.happenings import (
    READY,
    WAITS,
    Committed,
    opened,
)
from tests.visits.waiting_pages import Phone
from visits.models import Participant, Visit

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("inside", [True, False], ids=["its inside", "the whole page"])
def test_a_refresh_asks_the_database_nothing(
    phone: Phone, inside: bool, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    phone.refresh()
    with django_assert_num_queries(0):
        answer = phone.refresh() if inside else phone.open(phone.path)
    assert answer.heading == WAITS


def test_in_a_group_one_page_reads_for_all(
    visit: Visit, phone: Phone, committed: Committed, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    others = [Phone() for _ in range(3)]
    for other in others:
        committed(lambda other=other: other.press(factories.participant(visit)))
    committed(lambda: opened(visit))
    phone.refresh()
    with django_assert_num_queries(0):
        assert {other.refresh().heading for other in others} == {READY}


def test_an_answer_that_changes_nothing_leaves_the_page_alone(visit: Visit, phone: Phone, committed: Committed) -> None:
    phone.refresh()
    assert phone.refresh().status == 204
    committed(lambda: opened(visit))
    assert (phone.refresh().status, phone.heading) == (200, READY)
    assert phone.refresh().status == 204


def test_without_a_cache_the_page_is_slower_and_right(
    visit: Visit, phone: Phone, committed: Committed, settings: Settings
) -> None:
    settings.CACHES = {"default": settings.CACHES["default"] | {"LOCATION": "redis://127.0.0.1:1/0"}}
    assert phone.refresh().heading == WAITS
    committed(lambda: opened(visit))
    assert phone.refresh().heading == READY


def test_the_cache_holds_no_handle_cookie_or_address(visit: Visit, phone: Phone, committed: Committed) -> None:
    committed(lambda: opened(visit))
    phone.refresh()
    client = cache._cache.get_client()  # type: ignore[attr-defined]
    kept = {key: client.get(key) or b"" for key in client.keys("*waiting:*")}
    assert len(kept) == 2
    [cookie] = phone.client.cookies.values()
    secrets = [phone.path.split("/")[2], cookie.value, "teams.microsoft.com", factories.CONFERENCE_ID.strip()]
    everything = b" ".join([*kept, *kept.values()])
    assert [secret for secret in secrets if secret.encode() in everything] == []


def test_the_seat_of_another_browser_is_not_given_away(phone: Phone) -> None:
    stranger, bare = Phone(), Phone(cookies=False)
    assert [one.open(phone.path).status for one in (stranger, bare)] == [410, 410]


def test_a_handle_ends_with_its_time_even_in_the_cache(phone: Phone) -> None:
    [key] = cache._cache.get_client().keys("*waiting:seat:*")  # type: ignore[attr-defined]
    name = key.decode().removeprefix(":1:")
    seat = cache.get(name)
    cache.set(name, type(seat)(**{**vars(seat), "until": timezone.now().timestamp() - 1}))
    Participant.objects.get().launches.update(handle_until=timezone.now() - timedelta(seconds=1))
    assert phone.open(phone.path).status == 410
