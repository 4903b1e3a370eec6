"""Reading an answer, whatever the other side has sent."""

from datetime import timedelta
from email.utils import format_datetime

import pytest
from django.utils import timezone

from connector.errors import Retry
from connector.http import Answer


def answer(body: bytes = b"", **headers: str) -> Answer:
    return Answer(200, {name.replace("_", "-"): value for name, value in headers.items()}, body, "ehr.example")


@pytest.mark.parametrize(
    "body", [b"<html>Sign in</html>", b'{"half":', b"[1]", b"null", b"", b"\xff\xfe", b"[" * 99_999]
)
def test_what_is_no_json_object_may_be_one_later(body: bytes) -> None:
    with pytest.raises(Retry, match="not-json"):
        answer(body).json()
    assert answer(body).json_or_empty() == {}


def test_json_is_read_with_a_byte_order_mark() -> None:
    assert answer(b'\xef\xbb\xbf{"a": 1}').json() == {"a": 1}


@pytest.mark.parametrize(
    ("value", "seconds"),
    [("120", 120.0), ("0", 0.0), ("", None), ("soon", None), ("-5", None), ("²", None), ("9" * 400, 86_400.0)],
)
def test_retry_after_is_read_as_seconds(value: str, seconds: float | None) -> None:
    assert answer(retry_after=value).retry_after() == seconds


def test_retry_after_is_read_as_a_date() -> None:
    later = format_datetime(timezone.now() + timedelta(seconds=90), usegmt=True)
    assert answer(retry_after=later).retry_after() == pytest.approx(90, abs=3)
    assert answer(retry_after="Wed, 21 Oct 2015 07:28:00 GMT").retry_after() == 0


@pytest.mark.parametrize("zone", ["+99999999999999999999", "+9999"], ids=["beyond all numbers", "beyond a day"])
def test_retry_after_in_an_impossible_time_zone_is_none(zone: str) -> None:
    assert answer(retry_after=f"Wed, 21 Oct 2015 07:28:00 {zone}").retry_after() is None


def test_texts_that_nothing_can_hold_are_mended() -> None:
    body = rb'{"\ud800": ["a\u0000b", {"name": "Ada \ud83d"}], "whole": "\ud83d\ude00 \u00e9", "number": 1}'
    mended = {"\ufffd": ["a\ufffdb", {"name": "Ada \ufffd"}], "whole": "\U0001f600 \xe9", "number": 1}
    assert Answer(200, {}, body, "ehr.example").json() == mended
