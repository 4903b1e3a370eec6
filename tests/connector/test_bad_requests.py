"""Requests that cannot be read are refused as such: none is an error of ours."""

import io
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from connector.wsgi import application
from tests.visits import factories

pytestmark = pytest.mark.django_db
FORM = "application/x-www-form-urlencoded"


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"iss=x&launch=y", "multipart/form-data"),
        (b"iss=x&launch=y", "multipart/form-data; boundary=" + "b" * 300),
        (b"--b\r\nContent-Disposition: form-data", "multipart/form-data; boundary=\xff"),
        (b"iss=x&launch=y", f"{FORM}; charset=latin-1"),
        (b"&".join(b"a=1" for _ in range(1001)), FORM),
        (b"launch=" + b"y" * 2_700_000, FORM),
    ],
    ids=["no boundary", "a boundary too long", "a boundary of none", "another charset", "too many fields", "too long"],
)
def test_a_form_that_cannot_be_read_is_a_bad_request(client: Client, body: bytes, kind: str) -> None:
    address = reverse("launch", args=[factories.connection().ref, "patient"])
    answer = client.post(address, body, content_type=kind)
    assert answer.status_code in {400, 413}
    assert b"went wrong on our side" not in answer.content


@pytest.mark.parametrize("charset", ["rot13", "base64", "idna", "UTF-16", '"latin-1"'])
def test_another_charset_is_refused_before_it_is_read(charset: str) -> None:
    """Django reads the query as soon as it learns of a charset, and Python takes some for text that are none."""
    told: list[str] = []
    asked = {
        "REQUEST_METHOD": "GET",
        "PATH_INFO": "/health/live",
        "QUERY_STRING": "a=b",
        "CONTENT_TYPE": f"text/plain; charset={charset}",
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "80",
        "wsgi.input": io.BytesIO(),
    }

    def start(status: str, headers: list[Any]) -> None:
        told.append(status)

    assert b"UTF-8" in b"".join(application(asked, start))
    assert told == ["400 Bad Request"]
