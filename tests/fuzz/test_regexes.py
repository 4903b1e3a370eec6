"""No regular expression of the product takes more than in proportion to what it reads."""

import re

import pytest

from tests.fuzz.regexes import expressions, slow


def test_no_regular_expression_is_slow() -> None:
    found = {where: slow(expression, method) for where, (expression, method) in expressions().items()}
    assert len(found) > 50
    assert {where: text for where, text in found.items() if text} == {}


@pytest.mark.parametrize("careless", [r"^a*a*!", r"\s+$"])
def test_a_careless_one_would_be_found(careless: str) -> None:
    assert slow(re.compile(careless)) != ""


def test_a_careful_one_is_not() -> None:
    assert slow(re.compile(r"(?<=x)[a-z]{1,20}=")) == ""
