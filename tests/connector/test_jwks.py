"""Verifying tokens with the keys that a real server publishes; the tokens are signed by another implementation."""

import base64
import hashlib
import hmac
import json
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.core.cache import cache

from connector import jwks
from connector.errors import Permanent, Retry, WireError
from connector.http import Deadline
from connector.jwks import verified_claims
from tests.connector.tokens import AUDIENCE, claims, ec_key, public, rsa_key, signed
from tests.servers import Reply, Server

PATH = "/keys"


def verify(
    token: str, server: Server, algorithms: tuple[str, ...] = ("RS256", "RS384", "PS256", "ES256", "ES384")
) -> Any:
    """The claims of a token checked with the server's keys."""
    return verified_claims(
        token,
        jwks_uri=server.url + PATH,
        algorithms=list(algorithms),
        audience=AUDIENCE,
        required=["exp", "iat", "iss", "aud"],
        deadline=Deadline.after(5),
        leeway=10,
    )


def refused(token: str, server: Server) -> str:
    """The code of the refusal."""
    with pytest.raises(Permanent) as caught:
        verify(token, server)
    return caught.value.code


def part(document: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(document).encode()).rstrip(b"=").decode()


@pytest.fixture
def publisher(server: Server) -> Server:
    """A server that publishes an RSA key and an elliptic curve key."""
    server.answer(PATH, Reply({"keys": [public(rsa_key(), kid="r1", use="sig"), public(ec_key(), kid="e1")]}))
    return server


@pytest.mark.parametrize("alg", ["RS256", "RS384", "PS256"])
@pytest.mark.parametrize("header", [{"kid": "r1"}, {}], ids=["by kid", "without kid"])
def test_a_token_of_the_rsa_key_holds(alg: str, header: dict[str, str], publisher: Server) -> None:
    assert verify(signed(rsa_key(), claims(sub="ana"), alg, **header), publisher)["sub"] == "ana"


@pytest.mark.parametrize("header", [{"kid": "e1"}, {}], ids=["by kid", "without kid"])
def test_a_token_of_the_elliptic_curve_key_holds(header: dict[str, str], publisher: Server) -> None:
    assert verify(signed(ec_key(), claims(sub="ana"), "ES384", **header), publisher)["sub"] == "ana"


def test_keys_are_fetched_once_for_many_tokens(publisher: Server) -> None:
    for _ in range(3):
        verify(signed(rsa_key(), claims(), kid="r1"), publisher)
    assert len(publisher.asked(PATH)) == 1


def test_without_a_kid_two_fitting_keys_are_one_too_many(server: Server) -> None:
    server.answer(PATH, Reply({"keys": [public(rsa_key(), kid="1"), public(rsa_key(2), kid="2")]}))
    assert refused(signed(rsa_key(), claims()), server) == "id-token-key"


def test_keys_for_encryption_or_another_algorithm_do_not_count(server: Server) -> None:
    others = [public(rsa_key(2), kid="2", use="enc"), public(rsa_key(3), kid="3", alg="RS512")]
    server.answer(PATH, Reply({"keys": [*others, public(rsa_key(), kid="1", alg="RS256")]}))
    assert verify(signed(rsa_key(), claims(sub="ana")), server)["sub"] == "ana"


def test_broken_keys_say_nothing_about_the_others(server: Server) -> None:
    broken: list[Any] = [
        "text",
        None,
        {},
        {"kty": "RSA"},
        {"kty": "RSA", "n": "!", "e": "AQAB"},
        {"kty": "new"},
        {"kty": 1},
    ]
    server.answer(PATH, Reply({"keys": [*broken, public(rsa_key(), kid="r1")]}))
    assert verify(signed(rsa_key(), claims(sub="ana")), server)["sub"] == "ana"


def test_a_new_key_is_fetched_when_it_is_first_met(server: Server) -> None:
    old, new = public(rsa_key(), kid="old"), public(rsa_key(2), kid="new")
    server.answer(PATH, Reply({"keys": [old]}), Reply({"keys": [old, new]}))
    verify(signed(rsa_key(), claims(), kid="old"), server)
    assert verify(signed(rsa_key(2), claims(sub="ana"), kid="new"), server)["sub"] == "ana"


def test_all_who_come_at_once_after_a_rotation_are_believed_and_the_issuer_is_asked_once(server: Server) -> None:
    old, new = public(rsa_key(), kid="old"), public(rsa_key(2), kid="new")
    server.answer(PATH, Reply({"keys": [old]}), Reply({"keys": [old, new]}, delay=0.5))
    verify(signed(rsa_key(), claims(), kid="old"), server)
    tokens = [signed(rsa_key(2), claims(sub=str(number)), kid="new") for number in range(5)]
    with ThreadPoolExecutor(5) as together:
        found = list(together.map(lambda token: verify(token, server)["sub"], tokens))
    assert found == ["0", "1", "2", "3", "4"]
    assert len(server.asked(PATH)) == 2


def test_an_issuer_that_fails_while_it_rotates_condemns_nobody_and_is_asked_again_after_seconds(
    server: Server,
) -> None:
    assert jwks.FAILED_SECONDS < 10
    old, new = public(rsa_key(), kid="old"), public(rsa_key(2), kid="new")
    server.answer(PATH, Reply({"keys": [old]}), Reply(status=503), Reply({"keys": [old, new]}))
    verify(signed(rsa_key(), claims(), kid="old"), server)
    for _ in range(3):
        with pytest.raises(Retry, match="keys-unavailable"):
            verify(signed(rsa_key(2), claims(), kid="new"), server)
    assert len(server.asked(PATH)) == 2
    cache.delete(f"jwks:{server.url}{PATH}:refetched")  # seconds later
    assert verify(signed(rsa_key(2), claims(sub="ana"), kid="new"), server)["sub"] == "ana"


def test_a_flood_of_unknown_kids_asks_the_issuer_once_in_thirty_seconds(publisher: Server) -> None:
    verify(signed(rsa_key(), claims(), kid="r1"), publisher)
    for number in range(5):
        assert refused(signed(rsa_key(2), claims(), kid=f"forged-{number}"), publisher) == "id-token-key"
    assert len(publisher.asked(PATH)) == 2
    client = cache._cache.get_client()  # type: ignore[attr-defined]  # only the server itself knows how long it will keep it
    assert 25 < client.ttl(cache.make_key(f"jwks:{publisher.url}{PATH}:refetched")) <= 30


def test_a_token_of_a_strange_key_under_a_known_kid_is_refused(publisher: Server) -> None:
    assert refused(signed(rsa_key(2), claims(), kid="r1"), publisher) == "id-token-signature"


def test_a_changed_claim_is_noticed(publisher: Server) -> None:
    head, _, signature = signed(rsa_key(), claims(), kid="r1").split(".")
    assert refused(f"{head}.{part(claims(sub='eve'))}.{signature}", publisher) == "id-token-signature"


@pytest.mark.parametrize("alg", ["none", "None", "NONE", ""])
def test_a_token_without_signature_is_refused(alg: str, publisher: Server) -> None:
    assert refused(f"{part({'alg': alg})}.{part(claims())}.", publisher) == "id-token-algorithm"


def test_a_public_key_does_not_serve_as_a_shared_secret(publisher: Server) -> None:
    signing_input = f"{part({'alg': 'HS256', 'kid': 'r1'})}.{part(claims())}"
    digest = hmac.new(rsa_key().as_pem(private=False), signing_input.encode(), hashlib.sha256).digest()
    forged = f"{signing_input}.{base64.urlsafe_b64encode(digest).rstrip(b'=').decode()}"
    assert refused(forged, publisher) == "id-token-algorithm"


def test_an_algorithm_that_the_caller_does_not_want_is_refused(publisher: Server) -> None:
    with pytest.raises(Permanent, match="id-token-algorithm"):
        verify(signed(rsa_key(), claims(), "RS384", kid="r1"), publisher, algorithms=("RS256",))


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"aud": "somebody-else"}, "id-token-audience"),
        ({"aud": ["somebody-else"]}, "id-token-audience"),
        ({"aud": None}, "id-token-claims"),
        ({"exp": None}, "id-token-claims"),
        ({"exp": "never"}, "id-token-claims"),
        ({"iss": None}, "id-token-claims"),
    ],
    ids=str,
)
def test_a_token_whose_claims_do_not_hold_is_refused(changes: dict[str, Any], code: str, publisher: Server) -> None:
    assert refused(signed(rsa_key(), claims(**changes), kid="r1"), publisher) == code


@pytest.mark.parametrize(("claim", "seconds"), [("exp", -60), ("nbf", 120), ("iat", 120)])
def test_a_token_that_is_over_or_not_yet_good_is_refused(claim: str, seconds: int, publisher: Server) -> None:
    token = signed(rsa_key(), claims(**{claim: time.time() + seconds}), kid="r1")
    assert refused(token, publisher) == "id-token-time"


def test_clocks_may_differ_by_the_leeway(publisher: Server) -> None:
    now = time.time()
    verify(signed(rsa_key(), claims(exp=now - 5, nbf=now + 5), kid="r1"), publisher)


def test_one_of_several_audiences_is_enough(publisher: Server) -> None:
    verify(signed(rsa_key(), claims(aud=["somebody-else", AUDIENCE]), kid="r1"), publisher)


@pytest.mark.parametrize("token", ["", "a.b", "a.b.c", "ä.ö.ü", "e30.e30.e30", "W10.W10.W10", "." * 9])
def test_what_is_no_token_is_refused(token: str, publisher: Server) -> None:
    assert refused(token, publisher) in {"id-token-claims", "id-token-algorithm"}


@pytest.mark.parametrize("reply", [Reply(status=503), Reply("<h1>Sign in</h1>"), Reply(hang_up=True)], ids=str)
def test_keys_that_cannot_be_had_may_be_had_later(reply: Reply, server: Server) -> None:
    server.answer(PATH, reply, Reply({"keys": [public(rsa_key(), kid="r1")]}))
    token = signed(rsa_key(), claims(), kid="r1")
    with pytest.raises(Retry):
        verify(token, server)
    assert verify(token, server)


@pytest.mark.parametrize("document", [{}, {"keys": None}, {"keys": {}}, {"keys": []}], ids=str)
def test_a_key_set_without_keys_verifies_nothing(document: dict[str, Any], server: Server) -> None:
    server.answer(PATH, Reply(document))
    with pytest.raises(WireError, match="id-token-key"):
        verify(signed(rsa_key(), claims()), server)


def test_while_an_issuer_is_away_its_keys_of_the_last_day_hold_and_no_others(server: Server) -> None:
    known = Reply({"keys": [public(rsa_key(), kid="r1")]})
    server.answer(PATH, known, Reply(status=503))
    token = signed(rsa_key(), claims(sub="ana"), kid="r1")
    verify(token, server)
    cache.delete(f"jwks:{server.url}{PATH}")  # an hour later
    assert verify(token, server)["sub"] == "ana"
    asked = len(server.requests)
    assert verify(token, server)["sub"] == "ana"
    assert len(server.requests) == asked, "for a minute it is left alone"
    with pytest.raises(Retry, match="keys-unavailable"):
        verify(signed(rsa_key(2), claims(), kid="r2"), server)
