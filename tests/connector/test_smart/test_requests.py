"""Where the browser is sent for a code, how the code is redeemed, and what the answer means."""

import time
from base64 import b64decode
from urllib.parse import parse_qs, urlsplit

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, RSAKey

from connector.ehr import smart
from connector.ehr.discovery import Endpoints
from connector.ehr.smart import Client, Granted, SigningKey
from connector.errors import Permanent, Retry, WireError
from connector.http import Deadline
from tests.connector.test_smart.ehr import CLIENT_ID, TOKEN, endpoints_of, error_of
from tests.connector.tokens import ec_key, rsa_key
from tests.servers import Reply, Request, Server

REDIRECT_URI = "https://connector.example/launch/abc/provider/callback"
BY_KEY = Client(CLIENT_ID, key=SigningKey("k1", ec_key().as_pem(private=True), "ES384"))


def authorize(endpoint: str, **more: str) -> dict[str, list[str]]:
    """The query of an authorization request at an endpoint, read back."""
    url = smart.authorize_url(
        Endpoints(authorize=endpoint, token=""),
        client_id=CLIENT_ID,
        redirect_uri=REDIRECT_URI,
        scope="launch openid fhirUser",
        state="s&t=1",
        aud="https://ehr.example/api/FHIR/R4/",
        **more,
    )
    assert url.startswith(endpoint)
    return parse_qs(urlsplit(url).query, keep_blank_values=True)


ASKED = {
    "response_type": ["code"],
    "client_id": [CLIENT_ID],
    "redirect_uri": [REDIRECT_URI],
    "scope": ["launch openid fhirUser"],
    "state": ["s&t=1"],
    "aud": ["https://ehr.example/api/FHIR/R4/"],
}


def test_the_browser_asks_for_a_code_and_names_the_ehr_as_it_named_itself() -> None:
    assert authorize("https://ehr.example/oauth2/authorize") == ASKED


def test_an_endpoint_with_a_query_keeps_it() -> None:
    assert authorize("https://ehr.example/oauth2/authorize?tenant=a%20b") == ASKED | {"tenant": ["a b"]}


def test_what_else_is_sent_is_sent_where_it_has_a_value() -> None:
    query = authorize("https://ehr.example/authorize", launch="l%1", nonce="n1", code_challenge="")
    assert query == ASKED | {"launch": ["l%1"], "nonce": ["n1"]}


def redeem(server: Server, client: Client = BY_KEY, verifier: str = "v" * 43) -> Granted:
    return smart.redeem(
        endpoints_of(server),
        client,
        code="c+1",
        redirect_uri=REDIRECT_URI,
        code_verifier=verifier,
        deadline=Deadline.after(5),
    )


@pytest.fixture
def granting(server: Server) -> Server:
    """A server that grants whatever it is asked."""
    server.answer(TOKEN, Reply({"access_token": "granted"}))
    return server


def request_of(server: Server, client: Client) -> Request:
    """The token request that a client makes."""
    redeem(server, client)
    return server.requests[-1]


def test_a_code_is_redeemed_with_the_verifier_and_the_same_redirect_uri(granting: Server) -> None:
    asked = request_of(granting, Client(CLIENT_ID))
    assert (asked.method, asked.path, asked.headers["accept"]) == ("POST", TOKEN, "application/json")
    assert asked.headers["content-type"] == "application/x-www-form-urlencoded"
    assert asked.form == {
        "grant_type": "authorization_code",
        "code": "c+1",
        "redirect_uri": REDIRECT_URI,
        "code_verifier": "v" * 43,
        "client_id": CLIENT_ID,
    }


def test_without_pkce_no_verifier_is_sent(granting: Server) -> None:
    redeem(granting, verifier="")
    assert "code_verifier" not in granting.requests[0].form


def test_a_public_client_names_itself_and_proves_nothing(granting: Server) -> None:
    asked = request_of(granting, Client(CLIENT_ID))
    assert asked.form["client_id"] == CLIENT_ID
    assert "authorization" not in asked.headers
    assert "client_assertion" not in asked.form


@pytest.mark.parametrize(
    ("key", "algorithm"), [(ec_key(), "ES384"), (rsa_key(), "RS384"), (rsa_key(), "RS256")], ids=["EC", "RSA", "RS256"]
)
def test_a_client_with_a_key_signs_who_it_is(key: RSAKey | ECKey, algorithm: str, granting: Server) -> None:
    client = Client(CLIENT_ID, key=SigningKey("k1", key.as_pem(private=True), algorithm))
    before = int(time.time())
    asked = request_of(granting, client)
    assert asked.form["client_assertion_type"] == "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
    assert "client_id" not in asked.form
    assert "authorization" not in asked.headers
    token = jwt.decode(asked.form["client_assertion"], key, algorithms=[algorithm])
    assert token.header == {"alg": algorithm, "kid": "k1", "typ": "JWT"}
    said = token.claims
    assert (said["iss"], said["sub"], said["aud"]) == (CLIENT_ID, CLIENT_ID, granting.url + TOKEN)
    assert before < said["exp"] <= time.time() + 300
    assert said["exp"] - said["iat"] <= 300
    assert said["nbf"] <= before


@pytest.mark.parametrize("ahead", [120, -120])
def test_an_assertion_holds_for_an_ehr_whose_clock_is_two_minutes_off(ahead: int, granting: Server) -> None:
    signed = request_of(granting, BY_KEY).form["client_assertion"]
    said = jwt.decode(signed, ec_key(), algorithms=["ES384"]).claims
    theirs = time.time() + ahead
    assert max(said["iat"], said["nbf"]) <= theirs < said["exp"] <= theirs + 300


def test_no_two_assertions_have_the_same_id(granting: Server) -> None:
    assertions = [request_of(granting, BY_KEY).form["client_assertion"] for _ in range(3)]
    ids = {jwt.decode(one, ec_key(), algorithms=["ES384"]).claims["jti"] for one in assertions}
    assert len(ids) == 3


def test_id_and_secret_are_form_encoded_before_basic_and_the_body_names_no_client(granting: Server) -> None:
    asked = request_of(granting, Client("a:b c", secret="s%e+c/r é"))
    scheme, _, encoded = asked.headers["authorization"].partition(" ")
    assert (scheme, b64decode(encoded).decode()) == ("Basic", "a%3Ab%20c:s%25e%2Bc%2Fr%20%C3%A9")
    assert {"client_id", "client_secret", "client_assertion"} & set(asked.form) == set()


@pytest.mark.parametrize(
    ("reply", "kind", "code"),
    [
        (Reply({"error": "invalid_client"}, 400), Permanent, "ehr-client-refused"),
        (Reply({"error": "unauthorized_client"}, 400), Permanent, "ehr-client-refused"),
        (Reply("<h1>Unauthorized</h1>", 401), Permanent, "ehr-client-refused"),
        (Reply({"error": "invalid_grant"}, 400), Permanent, "code-refused"),
        (Reply({"error": "invalid_request"}, 400), Permanent, "code-refused"),
        (Reply({"error": ["invalid_client"]}, 400), Permanent, "code-refused"),
        (Reply(status=400), Permanent, "code-refused"),
        (Reply("<h1>Bad request</h1>", 400), Retry, "not-json"),
        (Reply("<h1>Blocked</h1>", 403), Retry, "not-json"),
        (Reply("<h1>No such page</h1>", 404), Retry, "not-json"),
        (Reply(status=302, headers={"Location": "/login"}), Retry, "not-json"),
        (Reply({"error": "invalid_client"}, 503), Retry, "ehr-unavailable"),
        (Reply("<h1>Maintenance</h1>", 500), Retry, "ehr-unavailable"),
        (Reply(status=429), Retry, "ehr-unavailable"),
        (Reply(hang_up=True), Retry, "unreachable"),
    ],
    ids=lambda value: str(getattr(value, "body", value))[:40],
)
def test_a_refusal_says_who_has_to_mend_what(reply: Reply, kind: type[WireError], code: str, server: Server) -> None:
    server.answer(TOKEN, reply)
    error = error_of(lambda: redeem(server))
    assert (type(error), error.code) == (kind, code)
    assert error.status == (None if reply.hang_up else reply.status)


def test_how_long_a_busy_ehr_wants_us_to_wait_is_kept(server: Server) -> None:
    server.answer(TOKEN, Reply(status=429, headers={"Retry-After": "17"}))
    error = error_of(lambda: redeem(server))
    assert isinstance(error, Retry)
    assert error.after == 17


@pytest.mark.parametrize(
    ("reply", "code"),
    [
        (Reply({"token_type": "Bearer", "id_token": "x"}), "token-answer"),
        (Reply({"access_token": ""}), "token-answer"),
        (Reply({"access_token": None}), "token-answer"),
        (Reply({"access_token": {"value": "x"}}), "token-answer"),
        (Reply("<!doctype html><title>Sign in</title>"), "not-json"),
        (Reply('{"access_token": "gran'), "not-json"),
        (Reply('["access_token"]'), "not-json"),
        (Reply(""), "not-json"),
    ],
    ids=["none", "empty", "null", "object", "HTML", "half", "list", "nothing"],
)
def test_an_answer_without_an_access_token_may_be_one_later(reply: Reply, code: str, server: Server) -> None:
    server.answer(TOKEN, reply)
    error = error_of(lambda: redeem(server))
    assert (type(error), error.code) == (Retry, code)


def test_what_stands_beside_the_oauth_members_is_the_context(server: Server) -> None:
    context = {"patient": "e1", "encounter": "e2", "need_patient_banner": False, "sessionId": " 770011", "user": {}}
    oauth = {"token_type": "Bearer", "expires_in": 3600, "refresh_token": "r", "scope": "launch openid"}
    server.answer(TOKEN, Reply(oauth | context | {"access_token": "granted", "id_token": "i.d.t"}))
    assert redeem(server) == Granted("granted", "i.d.t", "launch openid", context)


def test_what_a_server_leaves_out_is_empty(granting: Server) -> None:
    assert redeem(granting) == Granted("granted", "", "", {})
