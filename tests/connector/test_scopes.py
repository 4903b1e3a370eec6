"""Scopes in both grammars of SMART: one that is asked for in the server's own, whatever grammar it was typed in."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.ehr import scopes
from connector.ehr.scopes import Grammar, Scope

ASKED = "launch openid fhirUser profile user/Practitioner.read"
LETTERS = st.sets(st.sampled_from("cruds"), min_size=1).map(lambda some: "".join(c for c in "cruds" if c in some))
SCOPES = st.builds(
    Scope,
    st.sampled_from(["patient", "user", "system"]),
    st.sampled_from(["Appointment", "Encounter", "*"]),
    LETTERS,
    st.sampled_from(["", "?status=booked"]),
)


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("user/Appointment.read", Scope("user", "Appointment", "rs")),
        ("user/Appointment.rs", Scope("user", "Appointment", "rs")),
        ("patient/Encounter.write", Scope("patient", "Encounter", "cud")),
        ("system/*.*", Scope("system", "*", "cruds")),
        ("patient/*.cruds", Scope("patient", "*", "cruds")),
        ("user/Observation.rs?category=x|y", Scope("user", "Observation", "rs", "?category=x|y")),
        ("user/Appointment.r", Scope("user", "Appointment", "r")),
        ("user/Appointment.sr", None),  # not in the order
        ("user/Appointment.", None),
        ("user/Appointment.rr", None),
        ("user/Appointment.readwrite", None),
        ("user/Appointment", None),
        ("USER/Appointment.read", None),
        ("launch", None),
        ("launch/patient", None),
        ("openid", None),
        ("epic.scanning.dmsusername", None),
        ("", None),
    ],
)
def test_a_scope_is_read_in_either_grammar(word: str, expected: Scope | None) -> None:
    assert scopes.parse(word) == expected


@pytest.mark.parametrize(
    ("grammar", "typed", "asked"),
    [
        ("v2", ASKED, "launch openid fhirUser profile user/Practitioner.rs"),
        ("v1", ASKED, ASKED),
        ("v1", "launch user/Appointment.rs", "launch user/Appointment.read"),
        ("v1", "user/Appointment.r", "user/Appointment.read"),
        ("v1", "user/Appointment.cr", "user/Appointment.*"),
        ("v1", "user/Appointment.rs?status=booked", "user/Appointment.read"),
        ("v1", "user/Appointment.rs user/Appointment.read", "user/Appointment.read"),
        ("v2", "user/Appointment.* system/*.write", "user/Appointment.cruds system/*.cud"),
        ("either", "user/Appointment.rs user/Encounter.read", "user/Appointment.rs user/Encounter.read"),
        ("v2", "", ""),
    ],
)
def test_scopes_are_asked_in_the_grammar_that_the_server_knows(grammar: Grammar, typed: str, asked: str) -> None:
    assert scopes.written(typed, grammar=grammar, openid=True) == asked


def test_a_server_from_before_openid_is_not_asked_who_signed_in() -> None:
    assert scopes.written(ASKED, grammar="v1", openid=False) == "launch user/Practitioner.read"


@pytest.mark.parametrize(
    ("granted", "may_be_read"),
    [
        ("launch user/Appointment.read", True),
        ("launch user/Appointment.rs", True),
        ("patient/Appointment.r", True),
        ("patient/*.read", True),
        ("user/*.cruds", True),
        ("user/Appointment.s", False),
        ("user/Appointment.write", False),
        ("user/Appointment.cud", False),
        ("user/AppointmentResponse.read", False),
        ("user/Encounter.read", False),
        ("Appointment.read", False),
        ("", False),
    ],
)
def test_what_was_granted_says_whether_it_can_be_read(granted: str, may_be_read: bool) -> None:
    assert scopes.reads(granted, "Appointment") is may_be_read


@given(SCOPES)
def test_a_scope_written_in_v2_is_read_as_it_was(scope: Scope) -> None:
    assert scopes.parse(scope.in_v2()) == scope


@given(SCOPES)
def test_a_scope_written_in_v1_gives_no_less_and_is_a_word_of_v1(scope: Scope) -> None:
    word = scope.in_v1()
    assert word.rpartition(".")[2] in {"read", "write", "*"}
    again = scopes.parse(word)
    assert again is not None
    assert set(scope.rights) <= set(again.rights)
    assert again.in_v1() == word


@given(st.text() | st.from_regex(r"(user|patient|x)?/[A-Za-z*.]*\.[a-z*?]*", fullmatch=True))
def test_whatever_is_granted_is_read_without_an_error(granted: str) -> None:
    scopes.reads(granted, "Appointment")
    for grammar in ("v1", "v2"):
        once = scopes.written(granted, grammar=grammar, openid=True)
        assert scopes.written(once, grammar=grammar, openid=True) == once
