"""A forwarded line: opened by anybody who has the link, opens nothing else, and ends."""

import html
import re
import time
from unittest.mock import patch
from urllib.parse import urlsplit

import pytest
from django.test import Client
from pytest_django import Settings

from connector.models import Check
from portal import forward
from tests.portal.microsoft import Microsoft
from tests.visits import factories

pytestmark = pytest.mark.django_db
OVER = "This link does not lead anywhere any more"
DAY = 24 * 3600


@pytest.fixture
def path(microsoft: Microsoft) -> str:
    return urlsplit(forward.link(microsoft.organization, "policy")).path


def read(client: Client, path: str) -> str:
    page = client.get(path)
    return f"{page.status_code} " + " ".join(html.unescape(re.sub(r"<[^>]+>", " ", page.content.decode())).split())


def test_a_link_tells_what_is_asked_by_whom_and_how_to_do_it(
    client: Client, path: str, microsoft: Microsoft, settings: Settings
) -> None:
    page = read(client, path)
    assert page.startswith("200 Application access policy")
    assert "Riverside Health asks you for this" in page
    assert "A Teams Administrator or a Global Administrator" in page
    assert f'-AppIds "{settings.ENTRA_CLIENT_ID}"' in page
    assert "Not tried yet." in page


def test_a_link_opens_nothing_else(client: Client, path: str, settings: Settings) -> None:
    client.get(path)
    assert settings.SESSION_COOKIE_NAME not in client.cookies
    assert client.get("/ready/").status_code == 302


def test_whoever_has_the_link_checks_again(client: Client, path: str, microsoft: Microsoft) -> None:
    assert client.post(path).status_code == 302
    assert Check.objects.get(name="policy").state == Check.State.OK
    assert "A throwaway meeting was made" in read(client, path)


def test_whoever_has_the_link_says_that_the_lines_were_run(client: Client, path: str, microsoft: Microsoft) -> None:
    microsoft.policy(False)
    client.post(path, {"granted": "1"})
    assert "it can take up to 48 hours" in read(client, path)
    assert Check.objects.get(name="policy").state == Check.State.WAITING


def test_microsoft_is_asked_no_oftener_than_every_quarter_of_a_minute(
    client: Client, path: str, microsoft: Microsoft
) -> None:
    client.post(path)
    asked = len(microsoft.server.requests)
    client.post(path)
    assert len(microsoft.server.requests) == asked
    assert "This was checked a moment ago." in read(client, path)


def test_a_check_needs_the_pages_own_form(path: str) -> None:
    assert Client(enforce_csrf_checks=True).post(path).status_code == 403
    assert not Check.objects.filter(name="policy").exclude(tried_at=None).exists()


@pytest.mark.parametrize("method", ["get", "post"])
def test_a_forged_link_leads_nowhere(method: str, client: Client, path: str) -> None:
    page = getattr(client, method)(path[:-3] + "xx/")
    assert page.status_code == 410
    assert OVER in page.content.decode()


def test_a_link_works_for_seven_days(client: Client, microsoft: Microsoft) -> None:
    now = time.time()
    with patch("django.core.signing.time.time", lambda: now - 6.9 * DAY):
        young = urlsplit(forward.link(microsoft.organization, "policy")).path
    with patch("django.core.signing.time.time", lambda: now - 7.1 * DAY):
        old = urlsplit(forward.link(microsoft.organization, "policy")).path
    assert client.get(young).status_code == 200
    assert client.get(old).status_code == 410


def test_a_link_to_a_connection_of_somebody_else_leads_nowhere(client: Client, microsoft: Microsoft) -> None:
    other = factories.connection(target=False)
    wrong = urlsplit(forward.link(microsoft.organization, "keys", other.ref)).path
    assert client.get(wrong).status_code == 410


def test_a_link_about_keys_names_the_jwks_url(client: Client, microsoft: Microsoft) -> None:
    connection = factories.connection(microsoft.organization, target=False)
    page = read(client, urlsplit(forward.link(microsoft.organization, "keys", connection.ref)).path)
    assert "/jwks/testing.json" in page


@pytest.mark.parametrize("line", ["consent", "licence", "anonymous", "region", "administrators", "helplines", "mail"])
def test_every_line_can_be_forwarded(line: str, client: Client, microsoft: Microsoft) -> None:
    path = urlsplit(forward.link(microsoft.organization, line)).path
    page = read(client, path)
    assert page.startswith("200 ")
    assert "Ada Lindqvist" not in page
    assert client.post(path).status_code == 302


def test_a_product_that_is_no_longer_asked_for_has_no_link(
    client: Client, microsoft: Microsoft, settings: Settings
) -> None:
    settings.LICENCE_SKUS = frozenset({"health"})
    path = urlsplit(forward.link(microsoft.organization, "product")).path
    assert "health" in read(client, path)
    settings.LICENCE_SKUS = frozenset()
    assert client.get(path).status_code == 410
