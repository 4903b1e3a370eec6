"""How clients of the Epic stand-in redeem codes and prove who they are."""

import time
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest
import requests
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from tests.sandbox.test_epic.client import ASSERTION_TYPE, BACKEND, PROVIDER, Epic, Keys, json_of


def test_a_code_is_good_once(epic: Epic) -> None:
    code = epic.code(launch=epic.launch())
    json_of(epic.token(code, client_id=PROVIDER, client_secret=epic.secret()))
    answer = epic.token(code, client_id=PROVIDER, client_secret=epic.secret())
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")


@pytest.mark.parametrize("verifier", ["w" * 64, ""])
def test_a_wrong_or_missing_code_verifier_is_refused(epic: Epic, verifier: str) -> None:
    code = epic.code(launch=epic.launch())
    answer = epic.token(code, client_id=PROVIDER, client_secret=epic.secret(), code_verifier=verifier)
    assert answer.status_code == 400
    assert answer.json()["error"] in ("invalid_grant", "invalid_request")


def test_a_secret_is_taken_url_encoded_from_basic_and_a_wrong_one_refused(epic: Epic) -> None:
    auth = (quote(PROVIDER, safe=""), quote(epic.secret(), safe=""))
    assert json_of(epic.token(epic.code(launch=epic.launch()), auth=auth))["access_token"]
    assert epic.token(epic.code(launch=epic.launch()), auth=(PROVIDER, "wrong")).status_code == 401


def test_a_public_client_needs_only_its_verifier(epic: Epic) -> None:
    epic.client(PROVIDER, authentication="none")
    assert json_of(epic.token(epic.code(launch=epic.launch()), client_id=PROVIDER))["patient"] == "p-sandberg"


def test_a_user_facing_client_redeems_its_code_with_an_assertion(epic: Epic, keys: Keys) -> None:
    epic.client(PROVIDER, jwks_url=keys.url)
    answer = epic.token(
        epic.code(launch=epic.launch()),
        client_assertion_type=ASSERTION_TYPE,
        client_assertion=keys.assertion(epic.token_url, iss=PROVIDER, sub=PROVIDER),
    )
    assert json_of(answer)["patient"] == "p-sandberg"


@pytest.mark.parametrize(("kid", "alg"), [("rsa", "RS256"), ("rsa", "RS384"), ("rsa", "RS512"), ("ec", "ES384")])
def test_a_backend_client_gets_a_token_by_a_signed_assertion(
    backend: Callable[..., requests.Response], kid: str, alg: str
) -> None:
    token = json_of(backend(kid=kid, alg=alg))
    assert (token["token_type"], token["expires_in"]) == ("Bearer", 3600)


def test_an_assertion_is_good_once(epic: Epic, keys: Keys, backend: Callable[..., requests.Response]) -> None:
    assertion = keys.assertion(epic.token_url)
    assert backend(assertion).status_code == 200
    assert backend(assertion).json()["error"] == "invalid_client"


@pytest.mark.parametrize(
    "claims",
    [
        {"exp": int(time.time()) - 60},
        {"exp": int(time.time()) + 3600},
        {"aud": "https://other.example/oauth2/token"},
        {"iss": PROVIDER},
        {"jti": 7},
        {"jti": "j" * 152},
    ],
)
def test_an_assertion_with_a_wrong_claim_is_refused(
    backend: Callable[..., requests.Response], claims: dict[str, Any]
) -> None:
    answer = backend(**claims)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_client")


def test_an_assertion_signed_by_a_stranger_is_refused(epic: Epic, backend: Callable[..., requests.Response]) -> None:
    stranger = Keys("")
    stranger.add("rsa", rsa.generate_private_key(65537, 2048))
    assert backend(stranger.assertion(epic.token_url)).json()["error"] == "invalid_client"


def test_a_new_key_is_fetched_when_its_kid_is_unknown_and_a_known_one_is_not(
    keys: Keys, backend: Callable[..., requests.Response]
) -> None:
    json_of(backend())
    before = keys.fetches
    json_of(backend())
    assert keys.fetches == before
    keys.add("next", ec.generate_private_key(ec.SECP256R1()))
    json_of(backend(kid="next", alg="ES256"))
    assert keys.fetches == before + 1


def test_a_switch_lets_the_key_set_be_remembered_although_a_new_key_turns_up(
    epic: Epic, keys: Keys, backend: Callable[..., requests.Response]
) -> None:
    json_of(backend())
    epic.switch(keys_remembered=True)
    keys.add("later", ec.generate_private_key(ec.SECP256R1()))
    assert backend(kid="later", alg="ES256").json()["error"] == "invalid_client"
    json_of(backend())
    epic.switch(keys_remembered=False)
    json_of(backend(kid="later", alg="ES256"))


def test_a_backend_client_is_unauthorized_until_it_is_mapped(
    epic: Epic, backend: Callable[..., requests.Response]
) -> None:
    epic.client(BACKEND, mapped=False)
    answer = backend()
    assert (answer.status_code, answer.json()["error"]) == (400, "unauthorized_client")
