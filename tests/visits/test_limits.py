"""Limits: who asks too often is told to wait, and nobody else is, whatever address they share."""

import json
import logging
import time
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.contrib.sessions.models import Session
from django.core.cache import cache
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from connector import limits
from connector.models import Connection
from portal import forward
from tests.portal.deciding import browser_of, waiting
from tests.visits import factories
from tests.visits.pressing import PATIENT, come_back, heading, leads_to, press
from tests.visits.test_events import item
from tests.visits.test_writeback.ehr import Ehr
from visits.models import Launch, Receipt

pytestmark = pytest.mark.django_db
WAIT = ("Please wait a minute", 429)
CLINIC = 500


@pytest.fixture(autouse=True)
def nothing_counted(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An empty cache, and a minute that does not end under a test."""
    cache.clear()
    now = time.time() // 60 * 60 + 20
    monkeypatch.setattr(time, "time", lambda: now)
    yield
    cache.clear()


def launched(ehr: Ehr, browser: Client, door: str = "provider") -> Any:
    """What the button opens."""
    address = reverse("launch", args=[ehr.connection.ref, door])
    return browser.get(address, {"iss": ehr.connection.base_url, "launch": "l1"})


def limited(settings: Settings, **counts: int) -> None:
    settings.RATE_LIMITS = settings.RATE_LIMITS | {name.replace("_", "-"): count for name, count in counts.items()}


def test_the_defaults_leave_a_clinic_more_room_than_it_needs(settings: Settings) -> None:
    assert settings.RATE_LIMITS["launch-new"] >= 2 * CLINIC
    assert settings.RATE_LIMITS["sign-in-new"] >= 2 * CLINIC


def test_a_browser_that_launches_without_end_rests_and_its_neighbour_does_not(ehr: Ehr, settings: Settings) -> None:
    limited(settings, launch=3)
    browser = Client()
    assert [launched(ehr, browser).status_code for _ in range(5)] == [302] * 4 + [429]  # the first brought no cookie
    assert launched(ehr, Client()).status_code == 302
    assert Launch.objects.count() == 5


def test_who_rests_reads_why_until_when_and_whom_to_call_in_the_ehrs_frame(
    ehr: Ehr, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    limited(settings, launch_new=1)
    launched(ehr, Client())
    with caplog.at_level(logging.WARNING):
        answers = [launched(ehr, Client(), "patient") for _ in range(3)]
    assert {heading(answer) for answer in answers} == {WAIT}
    assert {answer["Retry-After"] for answer in answers} == {"40"}
    assert "+1 555 0100" in answers[0].content.decode()
    assert ehr.server.url in answers[0]["Content-Security-Policy"]
    told = [record.__dict__["kind"] for record in caplog.records if record.message == "limit reached"]
    assert told == ["launch-new"]  # once a minute


def test_a_flood_from_the_same_address_costs_a_newcomer_one_press(ehr: Ehr, settings: Settings) -> None:
    limited(settings, launch_new=2)
    for _ in range(4):
        launched(ehr, Client())
    newcomer = Client()
    assert launched(ehr, newcomer, "patient").status_code == 429
    assert leads_to(come_back(ehr, newcomer, PATIENT, press(ehr, newcomer, PATIENT)), "visit")


def test_a_flood_at_one_connection_is_nothing_to_another(ehr: Ehr, settings: Settings) -> None:
    limited(settings, launch_new=1)
    assert [launched(ehr, Client()).status_code for _ in range(2)] == [302, 429]
    other = factories.connection(base_url=ehr.connection.base_url)
    address = reverse("launch", args=[other.ref, "provider"])
    assert heading(Client().get(address, {"iss": other.base_url, "launch": "l1"})) != WAIT


def test_while_the_cache_is_away_nobody_is_counted(ehr: Ehr, settings: Settings) -> None:
    limited(settings, launch_new=1)
    assert launched(ehr, Client()).status_code == 302
    settings.CACHES = {"default": settings.CACHES["default"] | {"LOCATION": "redis://127.0.0.1:1/0"}}
    assert [launched(ehr, Client()).status_code for _ in range(3)] == [302] * 3


def test_zero_is_no_limit(ehr: Ehr, settings: Settings) -> None:
    limited(settings, launch_new=0)
    assert {launched(ehr, Client()).status_code for _ in range(5)} == {302}


def start(browser: Client) -> Any:
    return browser.get(reverse("signin_start"))


def test_a_browser_that_signs_in_without_end_rests_and_its_neighbour_does_not(settings: Settings) -> None:
    limited(settings, sign_in=2)
    browser = Client()
    answers = [start(browser) for _ in range(4)]
    assert [answer.status_code for answer in answers] == [302, 302, 302, 429]  # the first brought no session
    assert (heading(answers[-1]), answers[-1]["Retry-After"]) == (WAIT, "40")
    assert start(Client()).status_code == 302


def test_a_flood_of_sign_ins_from_the_same_address_costs_a_newcomer_one_try(settings: Settings) -> None:
    limited(settings, sign_in_new=1)
    assert start(Client()).status_code == 302
    newcomer = Client()
    assert [start(newcomer).status_code for _ in range(2)] == [429, 302]


def test_a_session_that_is_not_ours_counts_as_none(settings: Settings) -> None:
    limited(settings, sign_in_new=1)
    start(Client())
    browser = Client()
    browser.cookies[settings.SESSION_COOKIE_NAME] = "a" * 32
    assert start(browser).status_code == 429
    assert not Session.objects.filter(pk="a" * 32).exists()


def test_an_approver_rests_from_the_ehrs_sign_in(ehr: Ehr, settings: Settings) -> None:
    limited(settings, sign_in=1)
    approver = factories.user(ehr.connection.organization.tid)
    waiting(ehr.connection, approver)
    browser, address = browser_of(approver), reverse("ehr_signin", args=[ehr.connection.ref])
    answers = [browser.get(address) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [302, 429]
    assert parse_qs(urlsplit(answers[0]["Location"]).query)["nonce"]


def test_a_forwarded_link_rests_and_another_does_not(settings: Settings) -> None:
    limited(settings, forward=1)
    organization = factories.organization()
    links = [urlsplit(forward.link(organization, name)).path for name in ("policy", "consent")]
    asked: list[Callable[[], Any]] = [lambda path=path: Client().get(path) for path in links]  # type: ignore[misc]
    assert [asked[0]().status_code, heading(asked[0]()), asked[1]().status_code] == [200, WAIT, 200]


@pytest.mark.parametrize(("name", "typed"), [("visits", {"session": "4711"}), ("configure_people", {"approver": "b"})])
def test_who_searches_without_end_rests_and_a_colleague_does_not(
    name: str, typed: dict[str, str], settings: Settings
) -> None:
    limited(settings, search=1)
    of: Connection = factories.connection()
    address = reverse(name, args=[of.ref] if name == "visits" else [])
    ada, ann = (browser_of(factories.administrator(of.organization)) for _ in range(2))
    assert [one.post(address, typed).status_code == 429 for one in (ada, ada, ann)] == [False, True, False]


def test_graph_is_asked_to_send_again_what_one_subscription_tells_too_often(settings: Settings) -> None:
    limited(settings, notification=2)
    loud, quiet = (factories.subscription(factories.visit()) for _ in range(2))

    def tell(*subscriptions: Any) -> Any:
        body = json.dumps({"value": [item(one) for one in subscriptions], "validationTokens": []})
        return Client().post(reverse("notifications"), body, content_type="application/json")

    assert [tell(loud).status_code for _ in range(2)] == [202, 202]
    answer = tell(loud, quiet)
    assert (answer.status_code, answer["Retry-After"]) == (429, "40")
    assert [Receipt.objects.filter(subscription=one).count() for one in (loud, quiet)] == [2, 1]
    assert tell(quiet).status_code == 202


@pytest.mark.parametrize(
    ("trusted", "forwarded", "address"),
    [
        (False, "203.0.113.9", "127.0.0.1"),
        (True, "", "127.0.0.1"),
        (True, "198.51.100.7", "198.51.100.7"),
        (True, "203.0.113.9, 198.51.100.7", "198.51.100.7"),
    ],
)
def test_an_address_is_what_our_own_proxy_saw(
    trusted: bool, forwarded: str, address: str, settings: Settings, rf: Any
) -> None:
    settings.TRUSTED_PROXY = trusted
    assert limits.address_of(rf.get("/", headers={"X-Forwarded-For": forwarded} if forwarded else {})) == address


def test_the_cache_tells_nobodys_address(settings: Settings) -> None:
    limits.wait("launch-new", "198.51.100.7")
    names = [key.decode() for key in cache._cache.get_client().scan_iter()]  # type: ignore[attr-defined]
    assert [name for name in names if "limit:launch-new" in name and "198.51.100.7" not in name]
