"""Files to be saved, written while they are read; those for spreadsheets hold no formula."""

import csv
import re
from collections.abc import Iterable
from io import StringIO

from django.http import StreamingHttpResponse
from django.utils import timezone

FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")  # noqa: RUF001 -- what spreadsheets calculate
# Where the list separator is another than ours, what follows it inside a text is a cell of its own; so is a new line.
INSIDE = re.compile(r"([;\t\r\n][ \"]*)(?=[=+\-@＝＋－＠])")  # noqa: RUF001
MEDIA_TYPE = "text/csv; charset=utf-8; header=present"
BEGINNING = "\ufeff"  # spreadsheets read UTF-8 only where a byte order mark says so


def row(cells: Iterable[object]) -> str:
    """A row of RFC 4180 in which no spreadsheet finds a formula: what looks like one begins with an apostrophe, also
    inside a text that a program with another list separator takes apart."""
    out = StringIO()
    csv.writer(out).writerow(_harmless(cell) for cell in cells)
    return out.getvalue()


def _harmless(value: object) -> str:
    text = INSIDE.sub(r"\1'", "" if value is None else str(value))
    return f"'{text}" if text.lstrip(" ").startswith(FORMULA) else text


def download(name: str, ending: str, media_type: str, texts: Iterable[str | bytes]) -> StreamingHttpResponse:
    """The texts as a file that bears the time of now in its name."""
    response = StreamingHttpResponse(texts, content_type=media_type)
    response["Content-Disposition"] = f'attachment; filename="{name}-{timezone.now():%Y%m%dT%H%M%SZ}.{ending}"'
    response["Cache-Control"] = "no-store"
    return response
