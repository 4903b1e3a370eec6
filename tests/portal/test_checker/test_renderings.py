"""The record checker over everything that people paste: nothing breaks it, what is exact is right however it is laid
out, and what is not exact never is."""

import csv
import io
import string
from collections.abc import Callable

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from portal.checker import Result, State, Wanted, check
from portal.checker.reading import mnemonic_of
from tests.portal.test_checker.records import EXPECTED, LAUNCHES, OTHERS, PATIENT, block

Rows = tuple[tuple[str, str], ...]
Render = Callable[[Rows], str]


def delimited(rows: Rows, delimiter: str, head: tuple[str, ...] = ()) -> str:
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter).writerows([head, *rows] if head else rows)
    return text.getvalue()


def sideways(rows: Rows, delimiter: str) -> str:
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter).writerows([[name for name, _ in rows], [value for _, value in rows]])
    return text.getvalue()


def quoted(rows: Rows) -> str:
    return "\n".join(f'  "{name}": "{value}",' for name, value in rows)


RENDERINGS: dict[str, Render] = {
    "name=value": lambda rows: "\n".join(f"{name}={value}" for name, value in rows),
    "Windows line ends": lambda rows: "\r\n".join(f"{name}={value}" for name, value in rows),
    "name = value": lambda rows: "\n".join(f"{name} = {value}" for name, value in rows),
    "name: value": lambda rows: "\n".join(f"{name}: {value}" for name, value in rows),
    "small letters": lambda rows: "\n".join(f"{name.lower()}: {value}" for name, value in rows),
    "in words": lambda rows: (
        RENDERINGS["name: value"](rows).replace("CLIENTID", "Client ID").replace("LAUNCHT", "Launch T")
    ),
    "indented": lambda rows: "\n".join(f"    {name}={value}" for name, value in rows),
    "a list": lambda rows: "\n".join(f"* {name}: {value}" for name, value in rows),
    "blank lines": lambda rows: "\n\n".join(f"{name}={value}" for name, value in rows),
    "one below the other": lambda rows: "\n".join(f"{name}\n{value}" for name, value in rows),
    "one below the other, apart": lambda rows: "\n\n".join(f"{name}\n\n{value}" for name, value in rows),
    "one line": lambda rows: " ".join(f"{name}={value}" for name, value in rows),
    "one line, glued": lambda rows: "".join(f"{name}={value}" for name, value in rows),
    "JSON": quoted,
    "tabs": lambda rows: delimited(rows, "\t"),
    "CSV": lambda rows: delimited(rows, ","),
    "CSV with a head": lambda rows: delimited(rows, ",", ("Field", "Value")),
    "CSV of a German Excel": lambda rows: delimited(rows, ";"),
    "a table": lambda rows: "\n".join(["|---|---|", *(f"| {name} | {value} |" for name, value in rows)]),
    "a table on its side": lambda rows: sideways(rows, "\t"),
    "CSV on its side": lambda rows: sideways(rows, ","),
    "in another order": lambda rows: "\n".join(f"{name}={value}" for name, value in reversed(rows)),
}
NAMES = st.text(string.ascii_letters, min_size=1, max_size=12).filter(lambda name: not mnemonic_of(name))
TOKENS = st.text(string.ascii_uppercase + string.digits, min_size=2, max_size=12).map(lambda name: f"%{name}%")
CONTEXTS = st.lists(st.tuples(NAMES, TOKENS), min_size=1, max_size=5, unique_by=lambda pair: pair[0].lower()).map(
    lambda pairs: "&".join(f"{name}={token}" for name, token in pairs)
)
IDS = st.uuids().map(str)
VISIBLE = st.characters(min_codepoint=33, max_codepoint=0x2FFF, exclude_categories=("Cs", "Cn", "Cc", "Zs", "Zl", "Zp"))


def findings(result: Result) -> list[tuple[str, State]]:
    return [(one.mnemonic, one.state) for record in result.records for one in record.findings]


def with_values(record: Wanted, client_id: str, context: str) -> Wanted:
    values = {"CLIENTID": client_id, "CONTEXT": context}
    return Wanted(record.kind, record.title, tuple((name, values.get(name, value)) for name, value in record.rows))


@pytest.mark.parametrize("layout", RENDERINGS)
@settings(max_examples=25)
@given(client_id=IDS, context=CONTEXTS)
def test_an_exact_record_is_right_in_every_layout(layout: str, client_id: str, context: str) -> None:
    wanted = with_values(PATIENT, client_id, context)
    result = check(RENDERINGS[layout](wanted.rows), [wanted, *LAUNCHES[2:]])
    assert set(findings(result)) == {(name, State.RIGHT) for name in wanted.mnemonics}


@pytest.mark.parametrize("layout", sorted(set(RENDERINGS) - {"in another order"}))
def test_all_records_at_once_are_right_in_every_layout(layout: str) -> None:
    result = check("\n\n".join(RENDERINGS[layout](record.rows) for record in LAUNCHES), EXPECTED, OTHERS)
    assert [record.kind for record in result.records] == [record.kind for record in LAUNCHES]
    assert {state for _, state in findings(result)} == {State.RIGHT}


@given(text=st.text(max_size=400))
def test_no_text_breaks_it(text: str) -> None:
    result = check(text, EXPECTED, OTHERS)
    assert isinstance([piece for record in result.records for one in record.findings for piece in one.pieces], list)


PARTS = st.one_of(
    st.sampled_from(
        ["URL", "CLIENTID", "LAUNCHTYPE", "CONTEXT", "REDIRECT", "FHIR", "=", ":", "\t", "|", ",", "\n", "%"]
    ),
    st.sampled_from([value for record in LAUNCHES for _, value in record.rows]),
    st.sampled_from(["&", "&amp;", '"', "[", "]", " ", "https://", "http://[", "%CSN%", "provider", "\u200b", "\r"]),
    st.text(max_size=5),
)


@given(parts=st.lists(PARTS, max_size=40))
def test_no_text_of_fields_and_marks_breaks_it(parts: list[str]) -> None:
    result = check("".join(parts), EXPECTED, OTHERS)
    texts = [fault.text for record in result.records for one in record.findings for fault in one.faults]
    assert all(texts)


@given(data=st.data(), kind=st.sampled_from(["replaced", "added", "taken away"]))
def test_a_value_with_one_character_changed_is_never_right(data: st.DataObject, kind: str) -> None:
    record = data.draw(st.sampled_from(LAUNCHES))
    mnemonic, value = data.draw(st.sampled_from(record.rows))
    at, one = data.draw(st.integers(0, len(value) - 1)), data.draw(VISIBLE)
    changed = {
        "replaced": f"{value[:at]}{one}{value[at + 1 :]}",
        "added": f"{value[:at]}{one}{value[at:]}",
        "taken away": f"{value[:at]}{value[at + 1 :]}",
    }[kind]
    assume(changed not in (value, "7"))  # 7 opens a frame, which is right as well
    result = check(block(record, **{mnemonic: changed}), EXPECTED, OTHERS, only=record.kind)
    assert (mnemonic, State.RIGHT) not in findings(result)


@pytest.mark.parametrize("blank", [" ", "\t", "\N{NO-BREAK SPACE}", "\N{ZERO WIDTH SPACE}", "\N{SOFT HYPHEN}"])
@settings(max_examples=40)
@given(at=st.integers(0, 200))
def test_a_blank_anywhere_in_a_context_is_to_be_looked_at(blank: str, at: int) -> None:
    _, context = PATIENT.rows[3]
    at %= len(context) + 1
    result = check(block(PATIENT, CONTEXT=f"{context[:at]}{blank}{context[at:]}"), EXPECTED, OTHERS)
    assert ("CONTEXT", State.CHECK) in findings(result)
