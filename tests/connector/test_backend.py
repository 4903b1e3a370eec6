"""The connector's own token at an EHR: asked for when there is none, kept while it lives, proved with a key."""

import time
from typing import Any

import pytest
from django.core.cache import cache
from joserfc import jwt
from pytest_django import Settings

from connector.ehr import backend
from connector.ehr.smart import Client, SigningKey
from connector.errors import Permanent, Retry, WireError
from connector.http import Deadline
from tests.connector.tokens import ec_key, rsa_key
from tests.servers import Reply, Server, serving

PATH = "/oauth2/token"
CLIENT = Client("backend-1", key=SigningKey("k1", ec_key().as_pem(private=True), "ES384"))
SCOPE = "system/AuditEvent.write"


def answer(value: str = "first", **changes: Any) -> Reply:
    """A token response, with changes; a change to None takes a member away."""
    document = {"access_token": value, "token_type": "Bearer", "expires_in": 300} | changes
    return Reply({name: value for name, value in document.items() if value is not None})


def ask(server: Server, client: Client = CLIENT, scope: str = "") -> str:
    return backend.token(server.url + PATH, client, scope, deadline=Deadline.after(5))


def error_of(server: Server) -> WireError:
    with pytest.raises(WireError) as caught:
        ask(server)
    return caught.value


def seconds_kept() -> int:
    """How long the cache keeps the one token that it holds."""
    client = cache._cache.get_client()  # type: ignore[attr-defined]  # only the server itself knows the time left
    (name,) = client.scan_iter(match="*token:*")
    return int(client.ttl(name))


def test_it_asks_with_client_credentials_and_an_assertion(server: Server) -> None:
    server.answer(PATH, answer())
    assert ask(server, scope=SCOPE) == "first"
    form = server.requests[0].form
    assert (form["grant_type"], form["scope"]) == ("client_credentials", SCOPE)
    claims = jwt.decode(form["client_assertion"], ec_key(), algorithms=["ES384"]).claims
    assert (claims["iss"], claims["sub"], claims["aud"]) == ("backend-1", "backend-1", server.url + PATH)
    assert "client_id" not in form


def test_without_scopes_none_is_sent(server: Server) -> None:
    server.answer(PATH, answer())
    ask(server)
    assert "scope" not in server.requests[0].form


def test_a_token_is_asked_for_once_while_it_lives(server: Server) -> None:
    server.answer(PATH, answer("first"), answer("second"))
    assert [ask(server), ask(server), ask(server)] == ["first"] * 3
    assert len(server.asked(PATH)) == 1
    assert 230 < seconds_kept() <= 240


def test_a_token_is_renewed_a_minute_before_it_ends(server: Server) -> None:
    server.answer(PATH, answer("first", expires_in=61), answer("second"))
    assert ask(server) == "first"
    time.sleep(1.1)
    assert ask(server) == "second"


def test_what_was_refused_is_forgotten_and_asked_for_again(server: Server) -> None:
    server.answer(PATH, answer("first"), answer("second"))
    ask(server)
    backend.forget(server.url + PATH, CLIENT, "")
    assert [ask(server), ask(server)] == ["second", "second"]


def test_each_client_and_each_server_has_a_token_of_its_own(server: Server, settings: Settings) -> None:
    other = Client("backend-2", key=SigningKey("k2", rsa_key().as_pem(private=True), "RS384"))
    server.answer(PATH, answer("of one"), answer("of the other"))
    with serving() as elsewhere:
        settings.OUTGOING_ALLOWED_HOSTS = frozenset({server.host, elsewhere.host})
        elsewhere.answer(PATH, answer("from elsewhere"))
        assert [ask(server), ask(server, other), ask(elsewhere)] == ["of one", "of the other", "from elsewhere"]
    backend.forget(server.url + PATH, CLIENT, "")
    assert ask(server, other) == "of the other"


@pytest.mark.parametrize("lives", [None, "soon", "", -5, 0.5, [300], {"seconds": 300}, True], ids=str)
def test_a_life_that_the_server_does_not_tell_is_five_minutes(lives: Any, server: Server) -> None:
    server.answer(PATH, answer(expires_in=lives))
    assert ask(server) == "first"
    assert 230 < seconds_kept() <= 240


def test_a_life_in_quotes_is_read(server: Server) -> None:
    server.answer(PATH, answer(expires_in="3600"))
    ask(server)
    assert 3_530 < seconds_kept() <= 3_540


@pytest.mark.parametrize(
    "reply", [Reply({"error": "invalid_client"}, 400), Reply({"error": "unauthorized_client"}, 400), Reply(status=401)]
)
def test_a_refused_client_is_somebodys_to_mend(reply: Reply, server: Server) -> None:
    server.answer(PATH, reply)
    error = error_of(server)
    assert (type(error), error.code, error.status) == (Permanent, "ehr-client-refused", reply.status)


@pytest.mark.parametrize(
    ("reply", "code"),
    [
        (Reply({"token_type": "Bearer"}), "token-answer"),
        (answer(""), "token-answer"),
        (Reply({"access_token": 7}), "token-answer"),
        (Reply("<h1>Sign in</h1>"), "not-json"),
        (Reply('{"access_token": "fir'), "not-json"),
        (Reply(status=503), "ehr-unavailable"),
        (Reply(hang_up=True), "unreachable"),
    ],
    ids=["no token", "empty", "number", "HTML", "half", "503", "gone"],
)
def test_an_answer_without_a_token_is_not_kept(reply: Reply, code: str, server: Server) -> None:
    server.answer(PATH, reply, answer("second"))
    error = error_of(server)
    assert (type(error), error.code) == (Retry, code)
    assert ask(server) == "second"
