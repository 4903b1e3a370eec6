"""`make data-map`: writes docs/data-map.md from the models and the data beside them (connector.data_map)."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from connector.data_map import BEYOND, PLACES, Class, Holds, Kept, Place, Table
from connector.data_map import BROWSERS as BY_CONNECTOR
from connector.data_map import TABLES as OF_CONNECTOR
from visits.data_map import BROWSERS as BY_VISITS
from visits.data_map import TABLES as OF_VISITS

PAGE = Path(__file__).resolve().parents[2] / "docs/data-map.md"
TABLES: tuple[Table, ...] = (*OF_VISITS, *OF_CONNECTOR)
BROWSERS: tuple[Kept, ...] = (*BY_VISITS, *BY_CONNECTOR)
RANDOM = {
    "state_hash",
    "browser_hash",
    "handle_hash",
    "successor_hash",
    "id_hash",
}  # of long random values: no key needed
PARTS = {
    "Visits": ("visits",),
    "The organization and its agreement": ("connector",),
    "What libraries bring along": ("sessions", "socialaccount", "account", "auth", "contenttypes"),
}
HEAD = """# Data map

Every column of the database: what it is and what for, how long it is kept, and how. Below: the other places of the
connector, and what remains in systems that are not ours. `make data-map` writes this page from the models and from
`connector/data_map` and `visits/data_map.py`; a test fails on a column that is missing there, on one that is no
more, and on a page that is stale. Another searches all of these places, after visits with marked names and ids,
for what this page does not allow.

**Classes.** *identifier*: tells one person, visit or thing from others. *code*: one of a few words, a count, or
words that describe no person. *secret*: opens something. *business record*: names of staff and organizations, and
what they decided. *time*. *technical*: how the work is done.

**How it is kept.** *encrypted*: AES-256-GCM under the organization's own key, bound to its row. *keyed hash*:
HMAC-SHA-256 under the organization's own key: it can be found again, not read. *hash*: SHA-256 of a long random
value that we made. *wrapped*: encrypted under a key-encryption key that is not in the database. Everything else is
kept in clear. The database itself is where `DATABASE_URL` says, in one region.
"""


def stored(column: str) -> str:
    """How a column is kept, which its name says."""
    if column.endswith("_sealed"):
        return "encrypted"
    if column == "wrapped":
        return "wrapped"
    if column in RANDOM:
        return "hash"
    return "keyed hash" if column.endswith("_hash") else "clear"


def page(models: dict[str, Any]) -> str:
    """The whole page. `models`: every model by its label."""
    return "\n".join([HEAD, *_tables(models), *_places()])


def _tables(models: dict[str, Any]) -> Iterator[str]:
    for part, apps in PARTS.items():
        yield f"## {part}\n"
        for table in TABLES:
            if table.model.partition(".")[0] in apps:
                yield from _table(table, models[table.model])


def _table(table: Table, model: Any) -> Iterator[str]:
    yield f"### {table.model.partition('.')[2]}\n"
    yield f"`{model._meta.db_table}`. {table.what}. **Kept:** {table.kept[0].lower()}{table.kept[1:]}.\n"
    yield "| Column | Class | What it is, and what for | How it is kept |"
    yield "|---|---|---|---|"
    for field in model._meta.local_concrete_fields:
        kind, what = table.columns[field.name]
        may = sorted(one.value for one in table.holds.get(field.name, ()))
        how = f"{stored(field.name)}; may hold {', '.join(may)}" if may else stored(field.name)
        yield f"| `{field.column}` | {kind.value} | {what} | {how} |"
    yield ""


def _places() -> Iterator[str]:
    yield from _listed("Elsewhere in the connector", PLACES.values())
    yield from _browsers()
    yield from _listed("What remains in other systems", BEYOND)


def _browsers() -> Iterator[str]:
    yield "## In people's browsers\n"
    yield "Over https the name of each cookie begins with `__Host-`: it is bound to this host. None can be read by a"
    yield "script. Nothing is kept in local storage, IndexedDB or a cache of pages.\n"
    yield "| Name | Where | What | How long |"
    yield "|---|---|---|---|"
    for kept in BROWSERS:
        yield f"| `{kept.name}` | {kept.where} | {kept.what} | {kept.how_long} |"
    yield ""


def _listed(title: str, places: Any) -> Iterator[str]:
    yield f"## {title}\n"
    yield "| Where | What | How long |"
    yield "|---|---|---|"
    yield from map(_row, places)
    yield ""


def _row(place: Place) -> str:
    may = sorted(one.value for one in place.holds)
    held = f" May hold {', '.join(may)}." if may else ""
    return f"| {place.name} | {place.what}.{held} | {place.kept} |"


def models() -> dict[str, Any]:
    """Every model of the product with a table of its own, by its label."""
    from django.apps import apps

    return {model._meta.label: model for model in apps.get_models(include_auto_created=True)}


def columns_that_may_hold(what: Holds) -> set[str]:
    """`table.column` of every column that may hold something in clear."""
    known = models()
    return {
        f"{known[table.model]._meta.db_table}.{known[table.model]._meta.get_field(name).column}"
        for table in TABLES
        for name, held in table.holds.items()
        if what in held
    }


def faults() -> list[str]:
    """What map and models do not agree on, a sentence each."""
    known, told = models(), {table.model: table for table in TABLES}
    found = [f"{label}: no such model" for label in told.keys() - known.keys()]
    found += [f"{label}: not in the map" for label in known.keys() - told.keys()]
    for label in told.keys() & known.keys():
        fields = {field.name for field in known[label]._meta.local_concrete_fields}
        columns, held = told[label].columns, told[label].holds
        found += [f"{label}.{name}: not in the map" for name in fields - columns.keys()]
        found += [f"{label}.{name}: no such field" for name in (columns.keys() | held.keys()) - fields]
        found += [f"{label}.{name}: nothing said" for name, (_, what) in columns.items() if not re.search(r"\w", what)]
        found += [
            f"{label}.{name}: sealed, and no identifier or secret" for name in columns if _mild(told[label], name)
        ]
    return sorted(found)


def _mild(table: Table, name: str) -> bool:
    """Whether something is encrypted or hashed that the map takes for harmless."""
    harmless = {Class.CODE, Class.TIME, Class.TECHNICAL, Class.BUSINESS}
    return stored(name) != "clear" and table.columns[name][0] in harmless


if __name__ == "__main__":
    import django

    django.setup()
    PAGE.write_text(page(models()))
