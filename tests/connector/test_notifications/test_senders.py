"""Whose a notification is and who sent it: client states, validation tokens."""

import time
import uuid
from typing import Any

import pytest
from pytest_django import Settings

from connector.errors import Permanent, Retry
from connector.http import Deadline
from connector.teams import notifications
from tests.publisher import GRAPH, KEYS_PATH, Publisher, new_key
from tests.servers import Reply, Server

SECRET = b"s" * 32
TID, OTHER_TID = str(uuid.uuid4()), str(uuid.uuid4())


def test_a_client_state_names_its_subscription_within_graphs_limit() -> None:
    subscription_id = str(uuid.uuid4())
    text = notifications.client_state(subscription_id, SECRET)
    assert len(text) <= 128
    assert notifications.verify_client_state(text, SECRET) == subscription_id


def test_a_client_state_of_another_secret_or_subscription_is_refused() -> None:
    text = notifications.client_state(str(uuid.uuid4()), SECRET)
    assert notifications.verify_client_state(text, b"t" * 32) is None
    moved = f"{uuid.uuid4()}.{text.partition('.')[2]}"
    assert notifications.verify_client_state(moved, SECRET) is None


@pytest.mark.parametrize("junk", [None, 7, "", ".", "é", ["x"], "x" * 100_000])
def test_a_client_state_that_is_none_is_refused(junk: object) -> None:
    assert notifications.verify_client_state(junk, SECRET) is None


@pytest.fixture
def publisher(server: Server, settings: Settings) -> Publisher:
    settings.ENTRA_AUTHORITY = server.url
    return Publisher(server)


def validate(*tokens: str, age: int = 0) -> None:
    notifications.validate_tokens(tokens, tenants=[TID], deadline=Deadline.after(5), age=age)


def test_tokens_of_graph_for_us_are_valid_in_both_forms(publisher: Publisher) -> None:
    validate(publisher.token(TID))
    old = publisher.token(TID, iss=f"https://sts.windows.net/{TID}/", azp=None, appid=GRAPH.upper())
    validate(old, publisher.token(OTHER_TID))


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"aud": "another-application"}, "audience"),
        ({"aud": None}, "claims"),
        ({"iss": "https://elsewhere.example/v2.0"}, "issuer"),
        ({"iss": f"https://sts.windows.net/{OTHER_TID}/"}, "issuer"),
        ({"azp": str(uuid.uuid4())}, "publisher"),
        ({"azp": None}, "publisher"),
        ({"appid": str(uuid.uuid4())}, "publisher"),
        ({"exp": int(time.time()) - 86_400}, "time"),
        ({"nbf": int(time.time()) + 86_400}, "time"),
        ({"exp": None}, "claims"),
        ({"nbf": None}, "claims"),
        ({"tid": None}, "claims"),
        ({"key": new_key()}, "signature"),
    ],
)
def test_a_token_with_one_thing_wrong_is_refused_by_its_name(
    publisher: Publisher, changes: dict[str, Any], code: str
) -> None:
    with pytest.raises(Permanent, match=f"^validation-token-{code}$"):
        validate(publisher.token(TID, **changes))


def test_one_bad_token_spoils_the_batch(publisher: Publisher) -> None:
    with pytest.raises(Permanent, match="validation-token-audience"):
        validate(publisher.token(TID), publisher.token(OTHER_TID, aud="another-application"))
    with pytest.raises(Permanent, match="validation-token-claims"):
        validate(publisher.token(TID), "")


def test_a_tenant_without_a_token_is_not_covered(publisher: Publisher) -> None:
    for tokens in ([], [publisher.token(OTHER_TID)]):
        with pytest.raises(Permanent, match="validation-token-tenant"):
            validate(*tokens)


def test_a_token_counts_as_of_when_it_came(publisher: Publisher) -> None:
    token = publisher.token(TID, exp=int(time.time()) - 600)
    validate(token, age=700)
    with pytest.raises(Permanent, match="validation-token-time"):
        validate(token, age=300)


@pytest.mark.parametrize("reply", [Reply(status=503), Reply("<h1>Sign in</h1>"), Reply(hang_up=True)])
def test_a_key_server_that_is_out_is_asked_again_later(publisher: Publisher, server: Server, reply: Reply) -> None:
    server.answer(KEYS_PATH, reply)
    with pytest.raises(Retry):
        validate(publisher.token(TID))


def test_a_key_that_is_not_published_yet_is_asked_for_again(publisher: Publisher) -> None:
    with pytest.raises(Retry, match="validation-token-key"):
        validate(publisher.token(TID, kid="tomorrows-key", key=new_key()))
