"""The history as a file, written while it is read."""

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC
from itertools import chain
from typing import Any

from django.http import StreamingHttpResponse

from portal import sheets
from portal.history.lines import Line


@dataclass(frozen=True)
class Format:
    """How a history is written to a file: the beginning, then a text for each line."""

    ending: str
    media_type: str
    beginning: str
    write: Callable[[Line], str]


def streamed(written: Format, acts: Iterable[Line]) -> StreamingHttpResponse:
    """The acts as a download."""
    texts = (written.write(act) for act in acts)
    return sheets.download("history", written.ending, written.media_type, chain([written.beginning], texts))


COLUMNS = ("at", "kind", "who", "address", "connection", "environment", "revision", "reason", "detail")


def _cells(act: Line) -> dict[str, Any]:
    kept = {name: getattr(act, name) for name in COLUMNS if name not in ("at", "revision")}
    return {"at": act.at.astimezone(UTC).isoformat(), "revision": act.number} | kept


def as_csv(act: Line) -> str:
    """A row for spreadsheets."""
    cells = _cells(act)
    cells["detail"] = json.dumps(act.detail, ensure_ascii=False) if act.detail else ""
    return sheets.row(cells[name] for name in COLUMNS)


def as_json(act: Line) -> str:
    """One JSON object and the end of a line."""
    cells = _cells(act)
    return json.dumps({name: cells[name] for name in COLUMNS}, ensure_ascii=False) + "\n"


FORMATS: dict[str, Format] = {
    "csv": Format("csv", sheets.MEDIA_TYPE, sheets.BEGINNING + sheets.row(COLUMNS), as_csv),
    "jsonl": Format("jsonl", "application/jsonl; charset=utf-8", "", as_json),
}
