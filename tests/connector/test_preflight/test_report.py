"""The report: what it says as a whole, how it is kept, and what it tells people."""

import json
import re
from pathlib import Path

import pytest
from django.utils.translation import override

from connector.ehr.discovery import released_of
from connector.ehr.preflight import Finding, Report, explain
from connector.ehr.preflight.checks.fhir import kind_of
from connector.ehr.preflight.texts import TEXTS
from tests.connector.test_preflight.ehr import Ehr

ROW = re.compile(r"^\| `([a-z0-9-]+)` \| [^|]+ \| ([^|]+?) \| .* \| ([^|]+?) \|$", re.MULTILINE)
PAGE = Path(__file__).parents[3] / "docs" / "preflight.md"


def test_a_report_tells_what_answers(ehr: Ehr) -> None:
    report = ehr.report()
    assert (report.software, report.version, report.release, report.kind) == ("Epic", "May 2026", "R4", "epic")
    assert report.hosts == {ehr.server.host}
    assert not report.blocks


def test_a_report_survives_being_kept_as_json(ehr: Ehr) -> None:
    report = ehr.report()
    assert Report.load(json.loads(json.dumps(report.dump()))) == report


def test_a_report_of_another_release_can_be_read() -> None:
    report = Report.load({"findings": [{"check": "gone", "level": "warns", "more": 1}], "new": True})
    assert report == Report((Finding("gone", "warns"),))
    assert explain(report.findings[0]).title


@pytest.mark.parametrize("document", [{}, {"findings": 7}, {"findings": [{"check": "x", "level": "high"}]}])
def test_what_is_no_report_is_refused(document: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="validation error"):
        Report.load(document)


@pytest.mark.parametrize(
    ("levels", "worst"),
    [((), "ok"), (("ok", "info"), "info"), (("blocks", "warns"), "blocks"), (("warns", "ok"), "warns")],
)
def test_the_worst_finding_is_the_reports(levels: tuple[str, ...], worst: str) -> None:
    report = Report(tuple(Finding("x", level) for level in levels))  # type: ignore[arg-type]
    assert (report.worst, report.blocks) == (worst, worst == "blocks")


@pytest.mark.parametrize(
    ("version", "released"),
    [
        ("November 2018", (2018, 11)),
        ("May 2026", (2026, 5)),
        ("Epic February 2027 SU3", (2027, 2)),
        ("Aug. 2019", (2019, 8)),
        ("NOV 2018", (2018, 11)),
        ("10.4.2", None),
        ("2018", None),
        ("Smarch 2020", None),
        ("", None),
    ],
)
def test_versions_are_read_as_month_and_year(version: str, released: tuple[int, int] | None) -> None:
    assert released_of(version) == released


@pytest.mark.parametrize(
    ("statement", "kind"),
    [
        ({"software": {"name": "Epic"}}, "epic"),
        ({"publisher": "Epic Systems Corporation"}, "epic"),
        ({"publisher": "Cerner"}, "oracle"),
        ({"software": {"name": "Oracle Health Millennium"}}, "oracle"),
        ({"software": {"name": "Epicentre"}}, "other"),
        ({"fhirVersion": "4.0.1"}, "other"),
        ({}, ""),
    ],
    ids=str,
)
def test_the_kind_of_ehr_is_told_by_its_names(statement: dict[str, object], kind: str) -> None:
    assert kind_of(statement) == kind


@pytest.mark.parametrize("check", TEXTS)
def test_every_fault_has_a_reason_a_fix_and_somebody_who_fixes_it(check: str) -> None:
    text = TEXTS[check]
    assert str(text.title)
    assert str(text.why).endswith(".")
    assert bool(text.fix) == bool(text.who)


def test_the_page_lists_every_finding_and_no_other() -> None:
    with override("en"):
        rows = {check: (str(text.title), str(text.who) or "-") for check, text in TEXTS.items()}
    listed = re.findall(
        r"^\| `([a-z0-9-]+)` \| [^|]+ \| ([^|]+?) \| .* \| ([^|]+?) \|$", PAGE.read_text(), re.MULTILINE
    )
    assert {check: (title, who) for check, title, who in listed} == rows
