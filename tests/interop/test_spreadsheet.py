"""The file of the reports, opened by SheetJS: another author's reader, which takes = at the start of a cell for a
formula as spreadsheet programs do."""

import json
import subprocess
import uuid
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.http import StreamingHttpResponse
from django.urls import reverse
from django.utils import timezone
from pytest_django import Settings

from tests.interop.conftest import FOLDER, NODE
from tests.portal.deciding import Directory, browser_of, directory_of
from tests.visits import factories
from visits.models import Report

pytestmark = pytest.mark.django_db(transaction=True)
HOSTILE = [
    "=1+1",
    "+1+1",
    "-1+1",
    "@SUM(1)",
    "\t=1+1",
    "\r=1+1",
    " =1+1",
    "x;=1+1",
    "x\t=1+1",
    'a,"b"\n=c',
    "Ärzte 東京",
]


@pytest.fixture
def directory(settings: Settings) -> Iterator[Directory]:
    with directory_of(settings) as running:
        yield running


def opened(content: bytes) -> list[list[dict[str, Any]]]:
    """The cells of a file: `t` their type, `v` their value, `f` their formula."""
    if not (FOLDER / "node_modules" / "xlsx").exists():
        pytest.fail("xlsx is not installed: run `make interop`, which needs npm.", pytrace=False)
    command = [str(NODE), str(FOLDER / "spreadsheet.mjs")]
    told = subprocess.run(command, input=content, capture_output=True, check=True).stdout
    cells: list[list[dict[str, Any]]] = json.loads(told)
    return cells


def test_the_reader_takes_formulas_for_what_they_are() -> None:
    [[cell]] = opened(b"=1+1\r\n")
    assert cell["f"] == "1+1"


def test_a_spreadsheet_shows_every_cell_and_calculates_none(directory: Directory) -> None:
    connection, at = factories.connection(), timezone.now() - timedelta(hours=1)
    user = directory.knows(factories.administrator(connection.organization))
    given = {"organization": connection.organization, "connection": connection, "at": at, "began_at": at, "met_at": at}
    for number, text in enumerate(HOSTILE, 1):
        visit = factories.visit(connection, session=text)
        row = given | {"visit": visit.pk, "department": text, "duration": number}
        Report.objects.create(generation=1, outcome="held", **row)
    Report.objects.create(generation=1, outcome="nobody", **given | {"visit": uuid.uuid4(), "met_at": None})
    answer = browser_of(user).post(reverse("reports_export"), {"sort": "longest"})
    assert isinstance(answer, StreamingHttpResponse)
    head, *lines = opened(b"".join(answer))
    assert not [cell for line in lines for cell in line if "f" in cell]
    names = [str(cell["v"]) for cell in head]
    assert names[0] == "day"  # nothing of the byte order mark is left in it
    columns = {name: [line[number].get("v") for line in lines] for number, name in enumerate(names)}
    texts = [str(one).replace("'", "") for one in columns["department"][: len(HOSTILE)]]
    assert texts == HOSTILE[::-1]
    assert columns["appointment"][: len(HOSTILE)] == columns["department"][: len(HOSTILE)]
    assert columns["duration_seconds"] == [*range(len(HOSTILE), -1, -1)]
    assert {line[names.index("start_utc")].get("t") for line in lines} == {"d", None}  # a time, or nothing
