"""docs/data-map.md tells of every column of every table, and of nothing that is no more."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import django_htmx
import pytest

from connector import settings
from connector.data_map import Class, Holds, Table
from connector.data_map.browsers import lasting
from tests.rules import data_map


def test_every_column_is_classified_and_nothing_else_is() -> None:
    assert data_map.faults() == []


def test_the_page_is_what_the_models_and_the_map_say() -> None:
    assert data_map.PAGE.read_text() == data_map.page(data_map.models()), "run `make data-map`"


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (lambda columns: columns | {"gone": (Class.CODE, "Something")}, "visits.Lane.gone: no such field"),
        (lambda columns: {k: v for k, v in columns.items() if k != "lease"}, "visits.Lane.lease: not in the map"),
        (lambda columns: columns | {"lease": (Class.CODE, " ")}, "visits.Lane.lease: nothing said"),
    ],
    ids=["of no field", "missing", "empty"],
)
def test_a_fault_of_the_map_is_seen(monkeypatch: pytest.MonkeyPatch, change: object, fault: str) -> None:
    assert callable(change)
    kept = {table.model: table for table in data_map.TABLES}
    lane = kept["visits.Lane"]
    kept["visits.Lane"] = Table(lane.model, lane.what, lane.kept, change(lane.columns))
    monkeypatch.setattr(data_map, "TABLES", tuple(kept.values()))
    assert data_map.faults() == [fault]


def test_nothing_of_a_patient_may_be_in_clear_in_any_column() -> None:
    for what in (Holds.PATIENTS, Holds.VISITS, Holds.EXTERNAL_IDS, Holds.RESOURCES, Holds.JOIN_LINKS, Holds.SECRETS):
        assert data_map.columns_that_may_hold(what) == set()


CHECKOUT = data_map.PAGE.parents[1]
HTMX = Path(django_htmx.__file__).parent / "static/django_htmx/htmx-2.js"  # what base.html asks for
STORES = re.compile(r"(?:local|session)Storage\b(?:\.(?:set|get|remove)Item\(\s*([^,)]+))?")
COMMENTS = re.compile(r"/\*[\s\S]*?\*/|//.*")
# What else a page could keep, and does not: the caches of service workers, databases, cookies of a script's own.
OTHERWISE = re.compile(r"document\.cookie|indexedDB|caches\.open|serviceWorker|localStorage")


def scripts() -> dict[str, str]:
    found = [*(CHECKOUT / "static").rglob("*.js"), HTMX]
    assert len(found) > 10
    return {path.name: path.read_text() for path in found}


def keys_of(script: str) -> Iterator[str]:
    """What a script calls the things that it stores: written there, or a constant of it."""
    constants = dict(re.findall(r"""const (\w+) = ['"]([^'"]+)['"]""", script))
    for named in STORES.findall(COMMENTS.sub("", script)):
        assert named, "stored in a way that is not looked for here"
        yield constants.get(named, named.strip("'\""))


def test_all_that_scripts_store_is_on_the_page() -> None:
    told = {kept.name for kept in data_map.BROWSERS if kept.where == "session storage"}
    # htmx keeps no page where its configuration says so, and takes away what it finds.
    assert '"historyCacheSize": 0' in (CHECKOUT / "templates/base.html").read_text()
    assert {key for script in scripts().values() for key in keys_of(script)} - {"htmx-history-cache"} == told


def test_scripts_of_ours_keep_nothing_in_another_way() -> None:
    assert {name for name, script in scripts().items() if OTHERWISE.search(script)} - {HTMX.name} == set()


def test_every_cookie_that_we_set_is_on_the_page() -> None:
    told = {kept.name for kept in data_map.BROWSERS if kept.where == "cookie"}
    named = [value for name, value in vars(settings).items() if name.endswith("_COOKIE_NAME")]
    assert {name.removeprefix("__Host-") for name in named} == told
    product = [path for app in ("connector", "portal", "visits") for path in (CHECKOUT / app).rglob("*.py")]
    calls = [node for path in product for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)]
    by_hand = {ast.unparse(call.args[0]) for call in calls if ast.unparse(call.func).endswith(".set_cookie")}
    assert by_hand == {"COOKIE"}, "visits.browsers sets the one that no library sets"


@pytest.mark.parametrize(
    ("seconds", "words"), [(86_400, "1 days"), (28_800, "8 hours"), (31_449_600, "364 days"), (90 * 60, "90 minutes")]
)
def test_how_long_is_told_exactly(seconds: int, words: str) -> None:
    assert lasting(seconds) == words
