"""Every regular expression of the product, and strings that make a careless one slow."""

import ast
import importlib
import pkgutil
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import connector
import portal
import visits

Expression = re.Pattern[str] | re.Pattern[bytes]
ANCHORED = {"match", "fullmatch"}
PACKAGES = (connector, portal, visits)
FUNCTIONS = {"match", "search", "fullmatch", "sub", "split", "findall", "finditer", "subn"}
SMALL, LARGE = 2_000, 8_000  # characters; on linear work they are a factor of 4 apart, on quadratic one of 16
SUSPICIOUS = 9.0
NOTICED = 0.004  # seconds of CPU below which no growth can be told from noise
UNITS = (
    *(
        " ",
        "\t",
        "a",
        "A",
        "0",
        "%",
        "&",
        "=",
        ".",
        ",",
        "/",
        "-",
        "_",
        ":",
        ";",
        "(",
        "[",
        "<",
        '"',
        "'",
        "|",
        "#",
        "*",
    ),
    *(
        "a ",
        " =",
        "a=",
        "%a",
        "a,",
        ", ",
        "0.",
        "0 ",
        "/A",
        "A/a",
        "A/a/_history/",
        "(0)",
        "&amp;",
        "<a:",
        "<?xml ",
        "**",
    ),
    *(
        "URL",
        "URL=",
        "URL =",
        "CLIENTID ",
        "CONTEXT:",
        " URL",
        "[a]",
        "| ",
        "- ",
        "user/",
        "user/A.",
        "system/*.",
        "may ",
    ),
    *(
        "May 20",
        "epic ",
        "/api/",
        "non-",
        "prd",
        "AppleWebKit/",
        "Mozilla/5.0 (",
        "CPU OS ",
        "AADSTS1",
        "https://",
        "\n",
    ),
    *("\u00b7", "\u2022 ", "\uff1a", "\u0130", "a\n", "\n\n\n ", "\x00"),
)
ENDS = ("", "!", "\n", "=", "\x00", " x", "/")


def modules() -> Iterator[ModuleType]:
    """Every module of the product, but for migrations."""
    for package in PACKAGES:
        yield package
        for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if ".migrations" not in found.name:
                yield importlib.import_module(found.name)


def expressions() -> dict[str, tuple[Expression, str]]:
    """Each expression of the product with the method that it is used by, by where it stands."""
    found: dict[str, tuple[Expression, str]] = {}
    for module in modules():
        tree = ast.parse(Path(str(module.__file__)).read_text(encoding="utf-8"))
        used = {call.func.value.id: call.func.attr for call in _calls(tree)}  # type: ignore[attr-defined]
        for name, value in vars(module).items():
            for place, one in enumerate(_within(value)):
                if isinstance(one, re.Pattern):
                    found[f"{module.__name__}.{name}.{place}"] = one, used.get(name, "")
        for call in _calls(tree):
            for text in _literals(call):
                found[f"{module.__name__}: {text}"] = re.compile(text), call.func.attr  # type: ignore[attr-defined]
    return found


def _calls(tree: ast.AST) -> list[ast.Call]:
    """Calls such as re.search(…) and NAME.search(…)."""
    named = (node for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute))
    return [call for call in named if call.func.attr in FUNCTIONS and isinstance(call.func.value, ast.Name)]  # type: ignore[attr-defined]


def _literals(call: ast.Call) -> Iterator[str]:
    """An expression that stands as plain text where it is used."""
    first = call.args[0] if call.args else None
    of_re = call.func.value.id == "re"  # type: ignore[attr-defined]
    if of_re and isinstance(first, ast.Constant) and isinstance(first.value, str):
        yield first.value


def _within(value: object) -> Iterator[object]:
    """What a module's name holds; of a table, what is in its rows."""
    if isinstance(value, dict):
        yield from (one for pair in value.items() for one in pair)
    elif isinstance(value, tuple | list | frozenset | set):
        yield from (one for row in value for one in (row if isinstance(row, tuple) else (row,)))
    else:
        yield value


def seconds(expression: Expression, method: str, text: str, times: int) -> float:
    """CPU that one use takes: the least of some. What is not anchored by its method is searched for."""
    subject: str | bytes = text if isinstance(expression.pattern, str) else text.encode()
    use: Callable[..., object] = getattr(expression, method if method in ANCHORED else "search")
    found = []
    for _ in range(times):
        started = time.thread_time()
        use(subject)
        found.append(time.thread_time() - started)
    return min(found)


def slow(expression: Expression, method: str = "search") -> str:
    """A string over which it takes more than in proportion to its length; empty where none was found."""
    strings = ((unit, end) for unit in UNITS for end in ENDS)
    return next(
        (f"{unit!r} again and again, {end!r}" for unit, end in strings if _grows(expression, method, unit, end)), ""
    )


def _grows(expression: Expression, method: str, unit: str, end: str) -> bool:
    small, large = (unit * (length // len(unit)) + end for length in (SMALL, LARGE))
    if seconds(expression, method, large, 1) < NOTICED:
        return False
    least = max(seconds(expression, method, small, 3), 1e-6)
    return seconds(expression, method, large, 3) / least > SUSPICIOUS
