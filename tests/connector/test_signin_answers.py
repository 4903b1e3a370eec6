"""What Entra answers a sign-in with may be no JSON that Python reads: the page says that Microsoft does not answer."""

from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from tests.servers import Reply, Server

pytestmark = pytest.mark.django_db


JSON = {"Content-Type": "application/json"}


def came_back(client: Client, server: Server, settings: Settings, told: Reply) -> Any:
    """The page of somebody for whose code Entra tells us this."""
    settings.ENTRA_AUTHORITY = server.url
    server.answer("/organizations/oauth2/v2.0/token", told)
    state = parse_qs(urlsplit(client.get(reverse("signin_start"))["Location"]).query)["state"][0]
    return client.get(reverse("microsoft_callback"), {"code": "c", "state": state})


@pytest.mark.parametrize(
    "body",
    [b'{"expires_in": ' + b"9" * 5000 + b"}", b"[" * 100_000, b"{", b"5", b'["access_token"]', b'"access_token"'],
)
def test_an_answer_that_cannot_be_read_is_none(client: Client, server: Server, settings: Settings, body: bytes) -> None:
    answer = came_back(client, server, settings, Reply(body, headers=JSON))
    assert answer.status_code == 503
    assert b"Microsoft sign-in is not answering" in answer.content


@pytest.mark.parametrize("life", [{"value": "3600"}, [3600], "soon", -1e300, 10**30, None])
def test_how_long_a_token_lives_is_nothing_to_us(
    client: Client, server: Server, settings: Settings, life: object
) -> None:
    """Nobody keeps the access token: only what the id_token says counts, and here it says nothing."""
    told = {"access_token": "a", "expires_in": life, "id_token": "none"}
    answer = came_back(client, server, settings, Reply(told))
    assert answer.status_code == 403
    assert b"Microsoft sign-in did not work" in answer.content
