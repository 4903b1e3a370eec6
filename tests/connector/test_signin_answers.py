"""What Entra answers a sign-in with may be no JSON that Python reads: the page says that Microsoft does not answer."""

from urllib.parse import parse_qs, urlsplit

import pytest
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from tests.servers import Reply, Server

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("body", [b'{"expires_in": ' + b"9" * 5000 + b"}", b"[" * 100_000, b"{"])
def test_an_answer_that_cannot_be_read_is_none(client: Client, server: Server, settings: Settings, body: bytes) -> None:
    settings.ENTRA_AUTHORITY = server.url
    server.answer("/organizations/oauth2/v2.0/token", Reply(body, headers={"Content-Type": "application/json"}))
    state = parse_qs(urlsplit(client.get(reverse("signin_start"))["Location"]).query)["state"][0]
    answer = client.get(reverse("microsoft_callback"), {"code": "c", "state": state})
    assert answer.status_code == 503
    assert b"Microsoft sign-in is not answering" in answer.content
