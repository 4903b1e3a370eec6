"""The way back from consent, repeated: good once, asked about seldom, and nothing is written twice."""

from urllib.parse import parse_qs, urlsplit

import pytest
from django.core.cache import cache
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import Settings

from connector.models import Check, Entry
from tests.portal.deciding import browser_of
from tests.portal.microsoft import DENIED, Microsoft
from tests.servers import Reply

pytestmark = pytest.mark.django_db
WORKS, EXPIRED, RESTS, UNSEEN = 200, 400, 429, 503


def left(client: Client, microsoft: Microsoft) -> str:
    """The state that somebody leaves for Microsoft with."""
    answer = client.get(reverse("consent_start_tenant", args=[microsoft.organization.tid]))
    return parse_qs(urlsplit(answer.headers["Location"]).query)["state"][0]


def back(client: Client, state: str) -> int:
    return client.get(reverse("consent_callback"), {"state": state, "admin_consent": "True"}).status_code


def a_while_later(microsoft: Microsoft) -> None:
    """The rest between two tries is over."""
    cache.delete(f"ready:consent:{microsoft.organization.tid}")


def asked(microsoft: Microsoft) -> list[str]:
    return [request.path.rpartition("/")[2] for request in microsoft.server.requests]


def test_a_way_back_is_good_once(client: Client, microsoft: Microsoft) -> None:
    state = left(client, microsoft)
    assert [back(client, state) for _ in range(3)] == [WORKS, EXPIRED, EXPIRED]
    assert asked(microsoft) == ["token", "organization"]


def test_new_ways_back_rest_and_another_tenants_do_not(
    client: Client, microsoft: Microsoft, settings: Settings
) -> None:
    assert [back(client, left(client, microsoft)) for _ in range(3)] == [WORKS, RESTS, RESTS]
    assert asked(microsoft) == ["token", "organization"]
    other = Microsoft(microsoft.server, settings)
    assert back(client, left(client, other)) == WORKS


def test_what_was_proved_is_not_written_again_and_its_token_stays(client: Client, microsoft: Microsoft) -> None:
    for _ in range(3):
        assert back(client, left(client, microsoft)) == WORKS
        a_while_later(microsoft)
    assert asked(microsoft) == ["token", *["organization"] * 3]
    assert microsoft.organization.changes.count() == 1
    assert Entry.objects.filter(event="consent-proved").count() == 1


def test_a_token_of_before_the_consent_is_not_what_it_is_judged_by(client: Client, microsoft: Microsoft) -> None:
    microsoft.answer("organization", DENIED, 403)
    assert back(client, left(client, microsoft)) == UNSEEN
    a_while_later(microsoft)
    microsoft.server.answer("/v1.0/organization", Reply(DENIED, 403), Reply({"value": [{"displayName": "Riverside"}]}))
    assert back(client, left(client, microsoft)) == WORKS


def test_consent_that_was_lost_and_given_again_is_written(client: Client, microsoft: Microsoft) -> None:
    organization = microsoft.organization
    type(organization).objects.update(consented_at=timezone.now(), name="Riverside")
    Check.objects.create(organization=organization, name="consent", state=Check.State.OPEN, code="needs-consent")
    assert back(client, left(client, microsoft)) == WORKS
    assert organization.checks.get(name="consent").state == Check.State.OK


def test_an_administrator_gets_a_token_that_knows_what_he_has_just_allowed(microsoft: Microsoft) -> None:
    browser = browser_of(microsoft.administrator.user)
    for _ in range(2):
        assert browser.post(reverse("consent")).status_code == 302
    assert asked(microsoft).count("token") == 2
