"""The rules of the chain by themselves: whatever stands in an export, and whatever is done to one."""

import json
from contextlib import suppress
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from connector import verify
from connector.crypto import base64url
from connector.keys import pairs
from connector.verify import Checkpoint, Place

ORGANIZATION, KID, ANOTHER = "6f1b2c3d-0000-4000-8000-000000000001", "0123456789ab", "0" * 12
PRIVATE = Ed25519PrivateKey.generate()
MEMBERS = ("visit", "participant", "event", "at", "recorded_at", "detail", "digest")
TEXT = st.text(max_size=8)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=4,
)
LINES = st.dictionaries(
    st.sampled_from(["sequence", "line", "key", "organization", "after", "last", *MEMBERS]), json_values, max_size=6
)


def signed(place: Place) -> dict[str, Any]:
    unsigned = Checkpoint(ORGANIZATION, place, "2026-03-02T10:00:00Z", KID)
    line = f"{unsigned.told} {base64url(PRIVATE.sign(unsigned.told.encode()))}"
    return {"type": "checkpoint", "line": line}


def export(count: int) -> list[dict[str, Any]]:
    """The lines of an export: header, key, entries, and a checkpoint of the last."""
    lines: list[dict[str, Any]] = [
        {"type": "trail", "organization": ORGANIZATION, "after": {"sequence": 0, "digest": ""}, "last": None},
        {"type": "key", "key": pairs._audit_jwk(PRIVATE, KID)},
    ]
    previous = ""
    for number in range(1, count + 1):
        time = f"2026-03-02T09:{number:02}:00+00:00"
        told = {
            "visit": "",
            "participant": "",
            "event": "launched",
            "at": time,
            "recorded_at": time,
            "detail": {"n": "1"},
        }
        entry = {"type": "entry", "sequence": number} | told
        entry["digest"] = previous = verify.digest(previous, ORGANIZATION, entry)
        lines.append(entry)
    return [*lines, signed(Place(count, previous))]


def findings(lines: list[dict[str, Any]]) -> list[str]:
    return [finding.code for finding in verify.check(json.dumps(line) for line in lines).findings]


def test_an_export_of_any_length_holds() -> None:
    assert [findings(export(count)) for count in (1, 2, 20)] == [[], [], []]


@given(data=st.data(), count=st.integers(2, 8))
def test_no_entry_can_be_removed_moved_repeated_or_changed(data: st.DataObject, count: int) -> None:
    lines = export(count)
    first, second = data.draw(st.lists(st.integers(2, count + 1), min_size=2, max_size=2, unique=True))
    act = data.draw(st.sampled_from(["remove", "swap", "repeat", *MEMBERS]))
    if act == "remove":
        del lines[first]
    elif act == "swap":
        lines[first], lines[second] = lines[second], lines[first]
    elif act == "repeat":
        lines.insert(second, lines[first])
    else:
        before = json.dumps(lines[first][act])
        lines[first][act] = data.draw(json_values.filter(lambda value: json.dumps(value) != before))
    assert findings(lines)


@given(st.lists(st.text() | json_values.map(json.dumps)), st.booleans())
def test_whatever_stands_in_a_file_there_is_an_answer(junk: list[str], after_a_header: bool) -> None:
    begun = [json.dumps(line) for line in export(2)] if after_a_header else []
    if after_a_header:
        verify.check([*begun, *junk])
    else:
        with pytest.raises(ValueError, match="no export"):
            verify.check(junk)


@given(st.sampled_from(["trail", "key", "entry", "checkpoint"]), LINES)
def test_whatever_a_line_holds_there_is_an_answer(kind: str, told: dict[str, Any]) -> None:
    for at in range(5):
        lines = export(3)
        lines[at] = told | {"type": kind}
        with suppress(ValueError):  # which the program reports as an export that cannot be read
            findings(lines)


def test_checkpoints_are_found_wherever_they_stand_in_a_log() -> None:
    line = signed(Place(7, "ab" * 32))["line"]
    log = f'{{"event": "trail checkpoint", "checkpoint": "{line}", "level": "warning"}}\nnoise trail-v1 {line[:80]}\n'
    (found,) = verify.checkpoints_in(log)
    assert found.line == line
    assert found.is_signed_by({KID: pairs._audit_jwk(PRIVATE, KID)["x"]})
    assert not found.is_signed_by({ANOTHER: pairs._audit_jwk(PRIVATE, KID)["x"]})
    assert not found.is_signed_by({KID: "junk"})
