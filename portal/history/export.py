"""The history as a file, written while it is read."""

import csv
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC
from io import StringIO
from itertools import chain
from typing import Any

from django.http import StreamingHttpResponse
from django.utils import timezone

from portal.history.lines import Line

FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")  # noqa: RUF001 -- what spreadsheets calculate


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
    response = StreamingHttpResponse(chain([written.beginning], texts), content_type=written.media_type)
    name = f"history-{timezone.now():%Y%m%dT%H%M%SZ}.{written.ending}"
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    response["Cache-Control"] = "no-store"
    return response


COLUMNS = ("at", "kind", "who", "address", "connection", "environment", "revision", "reason", "detail")


def _cells(act: Line) -> dict[str, Any]:
    kept = {name: getattr(act, name) for name in COLUMNS if name not in ("at", "revision")}
    return {"at": act.at.astimezone(UTC).isoformat(), "revision": act.number} | kept


def _row(cells: Iterable[Any]) -> str:
    """A row of RFC 4180."""
    out = StringIO()
    csv.writer(out).writerow(cells)
    return out.getvalue()


def as_csv(act: Line) -> str:
    """A row of RFC 4180 in which no spreadsheet finds a formula: what looks like one begins with an apostrophe."""
    cells = _cells(act)
    cells["detail"] = json.dumps(act.detail, ensure_ascii=False) if act.detail else ""
    return _row(_harmless(cells[name]) for name in COLUMNS)


def _harmless(value: object) -> str:
    text = "" if value is None else str(value)
    return f"'{text}" if text.lstrip(" ").startswith(FORMULA) else text


def as_json(act: Line) -> str:
    """One JSON object and the end of a line."""
    cells = _cells(act)
    return json.dumps({name: cells[name] for name in COLUMNS}, ensure_ascii=False) + "\n"


FORMATS: dict[str, Format] = {
    # Spreadsheets read UTF-8 only where a byte order mark says so.
    "csv": Format("csv", "text/csv; charset=utf-8; header=present", "\ufeff" + _row(COLUMNS), as_csv),
    "jsonl": Format("jsonl", "application/jsonl; charset=utf-8", "", as_json),
}
