"""docs/data-map.md tells of every column of every table, and of nothing that is no more."""

import pytest

from connector.data_map import Class, Holds, Table
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
