"""docs/security.md names tests that exist, and leaves out nothing that it has to answer."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs/security.md").read_text()
NAMED = sorted(set(re.findall(r"`(tests/[\w/]+\.py)::(test_\w+)`", PAGE)))
SAFEGUARDS = (
    *("(a)(1)", "(a)(2)(i)", "(a)(2)(ii)", "(a)(2)(iii)", "(a)(2)(iv)"),
    *("(b)", "(c)(1)", "(c)(2)", "(d)", "(e)(1)", "(e)(2)(i)", "(e)(2)(ii)"),
)


@cache
def defined_in(file: str) -> set[str]:
    tree = ast.parse((ROOT / file).read_text())
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}


@pytest.mark.parametrize(("file", "test"), NAMED)
def test_each_test_that_the_page_names_exists(file: str, test: str) -> None:
    assert test in defined_in(file)


def test_every_answer_names_a_test() -> None:
    sections = PAGE.split("\n## ")
    answering = [one for one in sections if "| Tried | Answer |" in one]
    rows = [line for one in answering for line in one.splitlines() if line.startswith("| ") and "---" not in line]
    assert len(rows) > 40
    assert [row for row in rows if "`tests/" not in row and row != "| Tried | Answer |"] == []


def test_every_technical_safeguard_of_hipaa_is_answered_once() -> None:
    rows = re.findall(r"^\| (\(\w\)\S*) [^|]+\| ([RA]) \|", PAGE, re.MULTILINE)
    assert tuple(name for name, _ in rows) == SAFEGUARDS


def test_the_decisions_that_the_page_rests_on_exist() -> None:
    linked = re.findall(r"\]\(((?:adr/)?[\w-]+\.md)\)", PAGE)
    assert linked
    assert [one for one in linked if not (ROOT / "docs" / one).is_file()] == []
