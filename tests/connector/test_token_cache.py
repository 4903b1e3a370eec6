"""App-only tokens: asked for once, kept sealed, given back until they end."""

import uuid
from collections.abc import Callable

import pytest
from django.conf import settings as configured
from django.core.cache import cache
from pytest_django import Settings
from redis import Redis

from connector import token_cache
from connector.token_cache import Token, cached, forget

SECRET = "eyJ0eXAiOiJKV1QiLCJub25jZSI6InNlY3JldCJ9"


@pytest.fixture
def audience() -> str:
    return f"graph|{uuid.uuid4()}"


def counting(*tokens: Token) -> tuple[Callable[[], Token], list[Token]]:
    """(something that hands out these tokens in turn, those it has handed out)."""
    left, given = list(tokens), []

    def obtain() -> Token:
        given.append(left.pop(0))
        return given[-1]

    return obtain, given


def everything_in_the_cache() -> bytes:
    with Redis.from_url(configured.CACHE_URL) as store:
        return b"".join(key + store.get(key) for key in store.scan_iter() if store.type(key) == b"string")


def test_a_token_is_obtained_once_and_given_back(audience: str) -> None:
    obtain, given = counting(Token("one", 3600), Token("two", 3600))
    assert [cached(audience, obtain), cached(audience, obtain)] == ["one", "one"]
    assert len(given) == 1


def test_the_cache_holds_neither_the_token_nor_whom_it_is_for(audience: str) -> None:
    assert cached(audience, lambda: Token(SECRET, 3600)) == SECRET
    kept = everything_in_the_cache()
    assert b"token:" in kept
    assert SECRET.encode() not in kept
    assert audience.encode() not in kept


def test_a_token_is_not_given_to_another_audience(audience: str) -> None:
    cached(audience, lambda: Token("one", 3600))
    assert cached(audience + "2", lambda: Token("two", 3600)) == "two"


def test_a_sealed_token_copied_to_another_audience_is_not_opened(audience: str) -> None:
    cached(audience, lambda: Token("one", 3600))
    other = audience + "2"
    cache.set(token_cache._name(other), cache.get(token_cache._name(audience)))
    assert cached(other, lambda: Token("two", 3600)) == "two"


def test_a_forgotten_token_is_obtained_anew(audience: str) -> None:
    obtain, _ = counting(Token("one", 3600), Token("two", 3600))
    cached(audience, obtain)
    forget(audience)
    assert cached(audience, obtain) == "two"


def test_a_token_is_kept_until_a_minute_before_its_end(audience: str) -> None:
    cached(audience, lambda: Token("one", 3600))
    with Redis.from_url(configured.CACHE_URL) as store:
        assert 3530 < int(store.ttl(cache.make_key(token_cache._name(audience)))) <= 3540


def test_after_a_change_of_the_wrapping_key_a_token_is_obtained_anew(audience: str, settings: Settings) -> None:
    cached(audience, lambda: Token("one", 3600))
    settings.KEY_ENCRYPTION_KEYS = {"k2": bytes(32)}
    assert cached(audience, lambda: Token("two", 3600)) == "two"


def test_without_a_cache_every_use_obtains_a_token(audience: str, settings: Settings) -> None:
    broken = {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": "redis://127.0.0.1:1/0"}
    settings.CACHES = {"default": broken}
    obtain, _ = counting(Token("one", 3600), Token("two", 3600))
    assert [cached(audience, obtain), cached(audience, obtain)] == ["one", "two"]
    forget(audience)
