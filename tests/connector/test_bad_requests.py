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
    assert asked(CONTENT_TYPE=f"text/plain; charset={charset}") == (
        "400 Bad Request",
        "This request is not in UTF-8.\n",
    )


@pytest.mark.parametrize(
    "head",
    [
        {"CONTENT_TYPE": "text/plain; charset*=no-such''x"},
        {"CONTENT_TYPE": "text/plain; x*=a; x*0=b"},
        {"CONTENT_TYPE": "text/plain; x*" + "9" * 5000 + "=a"},
        {"CONTENT_LENGTH": "x"},
        {"CONTENT_LENGTH": "-1"},
        {"CONTENT_LENGTH": "9" * 5000},
        {"CONTENT_LENGTH": "\xb2"},
    ],
)
def test_a_head_that_cannot_be_read_is_a_bad_request(head: dict[str, str]) -> None:
    status, text = asked(**head)
    assert status == "400 Bad Request"
    assert text.startswith("This request's ")


@pytest.mark.parametrize("head", [{}, {"CONTENT_LENGTH": ""}, {"CONTENT_LENGTH": "0", "CONTENT_TYPE": FORM}])
def test_other_heads_are_read(head: dict[str, str]) -> None:
    assert asked(**head)[0] == "200 OK"


def asked(**head: str) -> tuple[str, str]:
    """The status and the text that our WSGI application answers such a request with."""
    told: list[str] = []
    environ = {
        "REQUEST_METHOD": "GET",
        "PATH_INFO": "/health/live",
        "QUERY_STRING": "a=b",
        "HTTP_HOST": "testserver",
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "80",
        "wsgi.input": io.BytesIO(),
    }

    def start(status: str, headers: list[Any]) -> None:
        told.append(status)

    text = b"".join(application(environ | head, start)).decode()
    return told[0], text
