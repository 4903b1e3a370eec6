"""docs/configuration.md lists exactly the variables that the settings read, with their defaults."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from connector import settings
from connector.environment import env

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs/configuration.md").read_text()
ROW = re.compile(r"^\| `(?P<name>[A-Z_]+)` \| (?P<default>[^|]+) \| (?P<meaning>[^|]+) \|$", re.MULTILINE)
ROWS = {row["name"]: row for row in ROW.finditer(PAGE)}
# The settings compute this one's default.
COMPUTED = {"NOTIFICATION_URL": "PUBLIC_URL"}


def readings() -> Iterator[tuple[re.Pattern[str], str]]:
    """(a pattern of the names, the default as the page writes it) of each `env.…(…)` in the settings."""
    for node in ast.walk(ast.parse(Path(settings.__file__).read_text())):
        match node:
            case ast.Call(func=ast.Attribute(value=ast.Name(id="env")), args=[name, *given], keywords=keywords):
                given += [keyword.value for keyword in keywords if keyword.arg == "default"]
                yield re.compile(pattern_of(name)), written(given)


def pattern_of(name: ast.expr) -> str:
    """A variable's name; a part that is filled in matches any capital letters."""
    parts = name.values if isinstance(name, ast.JoinedStr) else [name]
    return "".join(str(part.value) if isinstance(part, ast.Constant) else "[A-Z]+" for part in parts)


def written(given: list[ast.expr]) -> str:
    """A default as the page writes it."""
    if not given:
        return "required"
    value = ast.literal_eval(given[0])
    return f"`{value}`" if value not in ("", []) else "none"


def default_of(name: str) -> str:
    (found,) = {default for pattern, default in readings() if pattern.fullmatch(name)}
    return f"`{COMPUTED[name]}`" if name in COMPUTED else found


def test_the_page_lists_the_variables_that_are_read_and_no_others() -> None:
    assert sorted(ROWS) == sorted(env.dump())


def test_nothing_is_listed_twice() -> None:
    assert len(ROW.findall(PAGE)) == len(ROWS)


@pytest.mark.parametrize("name", ROWS)
def test_the_page_tells_the_default(name: str) -> None:
    assert ROWS[name]["default"].removesuffix(", *secret*") == default_of(name)


def test_what_opens_something_is_marked_as_a_secret() -> None:
    marked = {name for name, row in ROWS.items() if row["default"].endswith(", *secret*")}
    opens = re.compile(r"SECRET|PASSWORD|TOKEN|_KEYS?$|^(DATABASE|REDIS|CACHE)_URL$")
    assert marked == {name for name in env.dump() if opens.search(name)}


def test_the_example_names_known_variables_and_keeps_secrets_in_files() -> None:
    example = PAGE.split("```sh\n")[1].split("```")[0]
    names = [line.partition("=")[0] for line in example.splitlines()]
    assert {name.removesuffix("_FILE") for name in names} <= ROWS.keys()
    shown = [name for name in names if name in ROWS and ROWS[name]["default"].endswith(", *secret*")]
    assert shown == []
    required = {name for name, row in ROWS.items() if row["default"].startswith("required")}
    assert required <= {name.removesuffix("_FILE") for name in names}


def test_the_environment_is_read_in_the_settings_alone() -> None:
    sources = [path for app in ("connector", "portal", "visits") for path in (ROOT / app).rglob("*.py")]
    readers = {
        str(path.relative_to(ROOT)) for path in sources if re.search(r"\bgetenv\b|\benviron\b", path.read_text())
    }
    assert readers <= {"connector/wsgi.py", "connector/celery.py"}  # they name the settings module
