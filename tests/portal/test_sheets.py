"""Rows for spreadsheets: no program finds a formula in them, whichever list separator it goes by."""

import csv
from io import StringIO

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from portal import sheets

SIGNS = ("=", "+", "-", "@", "＝", "＋", "－", "＠")  # noqa: RUF001
texts = st.text(st.sampled_from("=+-@＝x1 ;\t\r\n,\"'"), max_size=12)  # noqa: RUF001


@given(texts, texts)
@example("x;=1+1", "y")
@example("x", 'y\t"=1+1"')
@example("x", "a,=1;\n=c")
def test_whatever_the_list_separator_no_cell_is_a_formula(first: str, second: str) -> None:
    row = sheets.row([first, second])
    for separator in ",;\t":
        cells = [cell for line in csv.reader(StringIO(row, newline=""), delimiter=separator) for cell in line]
        assert not [cell for cell in cells if cell.lstrip().startswith(SIGNS)]


@pytest.mark.parametrize("text", ["Cardiology", "a;b", "2-3", "a, -b", "x = y"])
def test_what_is_no_formula_stays_as_it_is(text: str) -> None:
    [[cell]] = csv.reader(StringIO(sheets.row([text])))
    assert cell == text
