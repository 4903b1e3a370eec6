"""Whatever a server sends, a preflight ends with a report."""

from dataclasses import replace
from typing import Any, cast

from hypothesis import given, settings
from hypothesis import strategies as st

from connector.ehr.preflight import Subject, run
from connector.ehr.preflight.asking import Address, Got, Seen
from connector.ehr.preflight.checks import findings
from connector.ehr.preflight.texts import TEXTS
from connector.errors import Permanent, Retry
from connector.http import Answer, Deadline
from tests.connector.test_preflight.ehr import (
    CONFIGURATION,
    CONTROL,
    KEYS,
    METADATA,
    OPENID,
    STATUS,
    TOKEN,
    Ehr,
    levels,
)
from tests.servers import Reply

PATHS = (METADATA, CONFIGURATION, OPENID, KEYS, TOKEN, STATUS, CONTROL)
NAMES = (
    *("resourceType", "fhirVersion", "software", "name", "version", "publisher", "rest", "resource", "type", "url"),
    *("interaction", "code", "security", "extension", "valueUri", "implementation", "issuer", "jwks_uri", "keys"),
    *("authorization_endpoint", "token_endpoint", "capabilities", "code_challenge_methods_supported", "kty", "use"),
    *("token_endpoint_auth_methods_supported", "access_token", "error", "expires_in"),
)
WORDS = (
    "CapabilityStatement",
    "4.0.1",
    "Epic",
    "S256",
    "RSA",
    "https://[",
    "http://localhost:1/x",
    "//",
    "\x00",
    "é\n",
)
LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | st.sampled_from(WORDS)
JSON = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=8),
    max_leaves=25,
)
OBJECTS = st.dictionaries(st.sampled_from(NAMES), JSON, max_size=12)
HEADERS = st.dictionaries(
    st.sampled_from(["Date", "Age", "Retry-After", "Content-Type", "Location", "Content-Encoding"]),
    st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=30)
    | st.sampled_from(
        [
            "gzip",
            "Mon, 1 Jan 99999 00:00:00 GMT",
            "1 Jan 2020 00:00 +9999999999999",
            "-5",
            "9" * 50,
            "https://[",
            "/x",
            "nan",
        ]
    ),
    max_size=3,
)
STATUSES = st.sampled_from([200, 200, 200, 200, 204, 301, 302, 400, 401, 404, 429, 500, 503, 599])
SLOW = settings(max_examples=60)


@SLOW
@given(data=st.data())
def test_nothing_a_server_sends_ends_otherwise_than_with_a_report(data: st.DataObject, ehr: Ehr) -> None:
    ehr.set_up()
    for path in data.draw(st.lists(st.sampled_from(PATHS), min_size=1, max_size=4, unique=True)):
        body = data.draw(OBJECTS | st.binary(max_size=60))
        ehr.server.answer(path, Reply(body, data.draw(STATUSES), data.draw(HEADERS)))
    assert levels(ehr.report(seconds=2, approved_kind="epic"))


@SLOW
@given(member=st.sampled_from(NAMES), value=JSON)
def test_any_one_member_may_be_of_any_type(member: str, value: object, ehr: Ehr) -> None:
    ehr.set_up()
    ehr.server.answer(METADATA, Reply(ehr.statement(**{member: value})))
    ehr.server.answer(CONFIGURATION, Reply(ehr.configuration(**{member: value})))
    assert levels(ehr.report(seconds=2))


GOT = st.builds(
    Got,
    asked=st.sampled_from(["", "GET /metadata"]),
    answer=st.none()
    | st.builds(
        Answer,
        status=STATUSES,
        headers=HEADERS.map(lambda headers: {name.lower(): value for name, value in headers.items()}),
        body=JSON.map(lambda value: repr(value).encode(errors="replace")) | st.binary(max_size=50),
        host=st.just("ehr.example"),
    ),
    error=st.none() | st.sampled_from([Retry("unreachable"), Permanent("certificate"), Retry("deadline-over")]),
)


@given(metadata=GOT, configuration=GOT, openid=GOT, keys=GOT, token=GOT, status=GOT, control=GOT)
def test_the_checks_find_something_in_any_combination_of_answers(**gots: Got) -> None:
    subject = Subject("https://ehr.example", "testing", approved_hosts=frozenset({"a.example"}), approved_kind="epic")
    seen = Seen(subject, "https://ehr.example", Address("https", "ehr.example", 443))
    found = findings(replace(seen, **cast(dict[str, Any], gots)))
    assert {finding.check for finding in found} <= set(TEXTS)


@given(base_url=st.text(max_size=60) | st.text(max_size=40).map(lambda rest: f"https://{rest}"))
def test_any_text_may_be_typed_as_a_base_url(base_url: str) -> None:
    assert run(Subject(base_url, "testing"), deadline=Deadline.after(0.05)).blocks
