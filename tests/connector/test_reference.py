"""The reference number: the trusted proxy's or our own, from the edge to the worker to those we call."""

import re
from typing import Any

import pytest
from django.test import Client
from pytest_django import Settings

from connector import logs
from connector.celery import app, give_reference
from connector.http import Deadline, fetch
from tests.servers import Reply, Server


def shown(given: str) -> str:
    """The reference on the error page of a request that came with this number."""
    page = Client().get("/launch/nobody/provider/", headers={"X-Request-ID": given})
    found = re.search(r"<code[^>]*>([^<]+)</code>", page.content.decode())
    assert found, page.content.decode()
    return found.group(1)


@pytest.mark.django_db
def test_a_trusted_proxy_names_the_request(settings: Settings) -> None:
    settings.TRUSTED_PROXY = True
    assert shown("0af7651916cd") == "0af7651916cd"
    for forged in ("short", "a" * 41, "with space", "<script>12345", "Ana.Betz@example"):
        assert re.fullmatch(r"[0-9A-F]{8}", shown(forged))


@pytest.mark.django_db
def test_a_client_does_not(settings: Settings) -> None:
    settings.TRUSTED_PROXY = False
    assert re.fullmatch(r"[0-9A-F]{8}", shown("0af7651916cd"))


def test_whom_we_call_is_told(server: Server, deadline: Deadline) -> None:
    server.answer("/", Reply("hello"))
    token = logs.reference.set("4F2A9C01")
    with logs.step(7):
        fetch("GET", f"{server.url}/", deadline=deadline)
    logs.reference.reset(token)
    assert [one.headers["x-request-id"] for one in server.requests] == ["4F2A9C01-7"]


def test_a_task_knows_what_set_it_going() -> None:
    @app.task(name="tests.told")
    def told() -> None: ...

    sent: dict[str, Any] = {}
    token = logs.reference.set("4F2A9C01")
    with app.connection_for_write() as connection, connection.SimpleQueue("tests-of-references") as queue:
        app.send_task("tests.told", queue="tests-of-references", connection=connection)
        message = queue.get(timeout=5)
        message.ack()
        sent = dict(message.headers)
    told.push_request(**sent)
    give_reference(task=told)
    assert (logs.origin.get(), logs.reference.get() != "4F2A9C01") == ("4F2A9C01", True)
    told.pop_request()
    logs.origin.set("")
    logs.reference.reset(token)
