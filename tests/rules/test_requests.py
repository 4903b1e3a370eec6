"""What a request may not bring about, at whichever address: from another host, from another site, or to another."""

from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from bs4 import BeautifulSoup
from django.contrib.sessions.models import Session
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import Settings

from connector.tasks import forget_sessions
from portal import forward
from tests.portal.deciding import BACKEND, browser_of
from tests.rules.test_headers import attributes, cookies
from tests.rules.test_people import Owned
from tests.rules.test_routes import CLOSED, ROUTES
from tests.visits import factories

pytestmark = pytest.mark.django_db
# Who posts here brings a secret in the address or the body that no other site's page knows, or changes nothing.
WITHOUT_CSRF_TOKEN = {
    "board_noticed",
    "device_sample",
    "handover",
    "launch",
    "lifecycle",
    "notifications",
    "unlink",
}
ELSEWHERE = (
    "https://evil.example/",
    "//evil.example/",
    "///evil.example/",
    "/\\evil.example/",
    "\\\\evil.example/",
    "https:evil.example",
    "http:///evil.example/",
    "javascript:alert(1)",
    "data:text/html,x",
    "\t//evil.example/",
    " //evil.example/",
    "/\t/evil.example/",
    "https://127.0.0.1@evil.example/",
)
HOSTS = ("evil.example", "testserver.evil.example", "testserver@evil.example", "[::1", "", "x y")


@pytest.mark.parametrize("host", HOSTS)
@pytest.mark.parametrize("path", ["/signin/", "/configure/", "/health/live", "/launch/x/patient/"])
def test_a_request_for_another_host_is_answered_with_nothing(host: str, path: str, client: Client) -> None:
    answer = client.get(path, headers={"Host": host})
    assert answer.status_code == 400
    assert "evil.example" not in answer.content.decode()


def test_what_a_client_says_of_a_proxy_counts_for_nothing(client: Client) -> None:
    said = {"X-Forwarded-Host": "evil.example", "Forwarded": "host=evil.example", "X-Forwarded-Proto": "https"}
    answer = client.get("/signin/", headers=said)
    assert answer.status_code == 200
    assert "evil.example" not in answer.content.decode()
    assert not answer.wsgi_request.is_secure()


def test_addresses_that_others_are_given_are_the_settings_and_not_the_requests(
    client: Client, settings: Settings
) -> None:
    settings.PUBLIC_URL = "https://connector.hospital.example"
    asked = parse_qs(urlsplit(client.get(reverse("signin_start"))["Location"]).query)
    assert asked["redirect_uri"] == ["https://connector.hospital.example/signin/microsoft/callback/"]
    assert forward.link(factories.organization(), "policy").startswith("https://connector.hospital.example/forward/")


@pytest.mark.parametrize("wanted", ELSEWHERE)
def test_no_sign_in_leads_to_another_site(wanted: str, client: Client) -> None:
    page = BeautifulSoup(client.get(reverse("signin"), {"next": wanted}).content, "html.parser")
    (leave,) = [str(link["href"]) for link in page.find_all("a") if "/start/" in str(link.get("href"))]
    assert parse_qs(urlsplit(leave).query)["next"] == [reverse("portal")]
    kept = client.get(reverse("signin_start"), {"next": wanted}).wsgi_request.session
    assert "evil" not in str(dict(kept.items()))


def test_every_form_of_the_portal_needs_its_token() -> None:
    theirs = Owned()
    client = Client(enforce_csrf_checks=True)
    client.force_login(theirs.user, BACKEND)
    answers = {name: client.post(theirs.address(name), {}).status_code for name in CLOSED}
    taken = sorted(name for name, status in answers.items() if status != 403)
    trusted = browser_of(theirs.user)
    # What is left takes no forms at all.
    assert {name: trusted.post(theirs.address(name), {}).status_code for name in taken} == dict.fromkeys(taken, 405)


def test_the_addresses_that_need_none_are_exactly_these() -> None:
    exempt = {name for name, route in ROUTES.items() if getattr(route.callback, "csrf_exempt", False)}
    assert exempt == WITHOUT_CSRF_TOKEN


@pytest.mark.parametrize("headers", [{}, {"Origin": "https://evil.example"}, {"Referer": "https://evil.example/"}])
def test_another_sites_form_does_nothing_with_the_right_cookie(headers: dict[str, str]) -> None:
    theirs = Owned()
    client = Client(enforce_csrf_checks=True)
    client.force_login(theirs.user, BACKEND)
    answer: Any = client.post(theirs.address("act"), {"action": "withdraw", "reason": "x"}, headers=headers)
    assert answer.status_code == 403
    assert not theirs.connection.decisions.exists()


def test_a_notice_travels_in_a_cookie_that_no_other_host_can_set() -> None:
    assert cookies()["notices"] == "__Host-notices"
    theirs = Owned()
    browser = browser_of(theirs.user)
    browser.post(theirs.address("downtime_end"))
    held = {name: morsel.OutputString() for name, morsel in browser.cookies.items()}
    assert "messages" not in held
    assert attributes(held["notices"]) == {"notices", "Path=/", "HttpOnly", "SameSite=Lax"}


def test_sessions_that_are_over_are_forgotten(client: Client) -> None:
    for _ in range(2):
        Client().get(reverse("signin_start"))
    over = Session.objects.first()
    Session.objects.filter(pk=over.pk).update(expire_date=timezone.now() - timedelta(seconds=1))  # type: ignore[union-attr]
    forget_sessions()
    assert list(Session.objects.values_list("pk", flat=True)) != []
    assert not Session.objects.filter(pk=over.pk).exists()  # type: ignore[union-attr]
