"""What was measured at length is what there is: every fault and every target has its line, and none has gone wrong."""

import re

from sandbox.launcher.place import CHECKOUT
from tests.faults.breaking import FAULTS, REHEARSALS, Fault
from tests.faults.page import name_of
from tests.fuzz.targets import TARGETS

DOCS = CHECKOUT / "docs"
LINE = re.compile(r"^\| (?!---)(.+) \|$", re.MULTILINE)


def lines_of(page: str) -> dict[str, list[str]]:
    """The cells of each line of a page's table, by the first."""
    _heading, *lines = (
        [cell.strip() for cell in line.split(" | ")] for line in LINE.findall((DOCS / page).read_text())
    )
    return {name: cells for name, *cells in lines}


def test_every_fault_and_pair_was_rehearsed_or_its_page_says_what_that_needs() -> None:
    rehearsals, rehearsed = {name_of(faults) for faults in REHEARSALS}, set(lines_of("faults.md"))
    assert rehearsed <= rehearsals
    assert rehearsals - rehearsed <= {name for name, fault in FAULTS.items() if fault.needs is not Fault.needs}


def test_in_no_rehearsal_was_anything_lost_doubled_or_falsely_present() -> None:
    assert "What was wrong" not in (DOCS / "faults.md").read_text()
    for name, (_does, visits, lost, doubled, false, *_) in lines_of("faults.md").items():
        assert (int(visits) >= 30, lost, doubled, false) == (True, "0", "0", "0"), name


def test_every_target_was_sent_junk_and_nothing_came_of_it() -> None:
    lines = lines_of("fuzz.md")
    assert {target.name for target in TARGETS} <= set(lines)
    assert {(errors, rows) for _examples, _refused, _accepted, errors, rows, _slowest in lines.values()} == {("0", "0")}
    assert sum(int(cells[0]) for cells in lines.values()) >= 10_000
