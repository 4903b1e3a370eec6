"""What a success of a service is worth, and how it is asked again."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.ehr import answers
from connector.errors import Permanent, Retry
from connector.http import Answer

leaves = st.none() | st.booleans() | st.integers() | st.text(max_size=8)
names = st.sampled_from(["error", "Errors", "success", "issue", "resourceType", "severity", "x"])
documents = st.recursive(leaves, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=4))
bodies = st.binary(max_size=60) | documents.map(lambda document: json.dumps(document).encode())
kinds = st.sampled_from(["", "application/json", "text/html; charset=utf-8", "text/plain", "application/xml"])


def of(body: bytes, kind: str = "application/json", status: int = 200) -> Answer:
    return Answer(status, {"content-type": kind}, body, "ehr.example")


@given(bodies, kinds)
def test_whatever_comes_is_believed_or_asked_for_again(body: bytes, kind: str) -> None:
    code = ""
    try:
        answers.believe(of(body, kind), "status")
    except Retry as error:
        code = error.code
    assert code in {"", "status-not-understood", "status-error-told"}


@pytest.mark.parametrize(
    "document",
    [
        {"Success": True, "Error": None, "ErrorCode": 0, "errors": []},
        {"resourceType": "OperationOutcome", "issue": [{"severity": "information"}]},
        {"resourceType": "OperationOutcome", "issue": 5},
        {"Message": "Set.", "terror": "x"},
        True,
        [],
    ],
)
def test_a_success_that_mentions_no_error_is_one(document: Any) -> None:
    answers.believe(of(json.dumps(document).encode()), "status")


@pytest.mark.parametrize("text", [b"Errorless", b"<Errors-none/>x", b"<Result>no error</Result>", b"OK"])
def test_a_word_that_only_looks_like_one_is_none(text: bytes) -> None:
    answers.believe(of(text, "text/plain"), "status")


def test_who_has_nothing_else_to_say_is_not_asked_twice() -> None:
    asked: list[dict[str, str]] = []

    def ask(headers: dict[str, str]) -> Answer:
        asked.append(headers)
        return of(b"", status=401)

    with pytest.raises(Permanent, match="password-refused"):
        answers.authorized(lambda renew: {"Authorization": "Basic eA=="}, ask)
    assert len(asked) == 1
    assert answers.authorized(lambda renew: {"Authorization": str(renew)}, ask).status == 401
    assert [one["Authorization"] for one in asked[1:]] == ["False", "True"]
