"""What a server that says nothing costs whoever asks it: one wait, and then no more for a while."""

import socket
import time
from collections.abc import Callable, Iterator

import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from connector.dispensable import IN_VAIN, Dispensable
from tests.visits.test_writeback.ehr import wait_until

PATIENCE = IN_VAIN + 0.2
REST = 2.0


@pytest.fixture
def server() -> Dispensable:
    return Dispensable("test unavailable", REST)


@pytest.fixture
def silent() -> Iterator[Callable[[], object]]:
    """Asks a Redis that takes the question and does not answer."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        with redis.Redis(
            port=listening.getsockname()[1], socket_timeout=PATIENCE, retry=Retry(NoBackoff(), 0)
        ) as client:
            yield client.ping


def refuses() -> object:
    raise redis.ConnectionError


def took(act: Callable[[], object]) -> float:
    began = time.monotonic()
    act()
    return time.monotonic() - began


def test_after_one_wait_in_vain_nobody_waits_until_the_rest_is_over(
    server: Dispensable, silent: Callable[[], object], caplog: pytest.LogCaptureFixture
) -> None:
    assert took(lambda: server.ask(silent)) > IN_VAIN
    asked = []
    assert [server.ask(lambda: asked.append(True)) for _ in range(100)] == [None] * 100
    assert asked == []
    assert [record.message for record in caplog.records] == ["test unavailable"]
    wait_until(lambda: server.ask(lambda: "back"), seconds=REST + 1)
    assert server.ask(lambda: "there") == "there"


def test_once_the_rest_is_over_one_asks_for_all(server: Dispensable, silent: Callable[[], object]) -> None:
    server.ask(silent)
    meanwhile = []

    def asks() -> str:
        meanwhile.append(server.ask(lambda: "another"))
        return "one"

    wait_until(lambda: server.ask(asks), seconds=REST + 1)
    assert meanwhile == [None]
    assert server.ask(lambda: "another") == "another"


def test_who_is_refused_at_once_asks_again_at_once(server: Dispensable) -> None:
    assert server.ask(refuses) is None
    assert server.ask(lambda: "back") == "back"


def test_what_is_wrong_with_the_question_is_no_absence(server: Dispensable) -> None:
    with pytest.raises(ZeroDivisionError):
        server.ask(lambda: 1 / 0)
    assert server.ask(lambda: "there") == "there"
