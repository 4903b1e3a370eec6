"""One fault of each kind in the middle of visits; `make faults` runs them all, and pairs, at length (docs/faults.md).

In each, people come and go before the fault, under it and after it, and some press the button while it is there.
"""

import pytest

from tests.faults.breaking import FAULTS
from tests.faults.drive import Visit
from tests.faults.rehearsal import rehearse
from tests.faults.ward import Ward

ONE_OF_EACH_KIND = (
    "database lost, restored from a backup",  # while there are few visits: it takes as many new ones
    "worker killed after sending, before the answer",
    "Redis emptied",
    "PostgreSQL restarted",
    "EHR answers 500",
    "notifications doubled",
    "clocks two minutes behind",
)


@pytest.mark.parametrize("name", ONE_OF_EACH_KIND)
def test_nothing_is_lost_nothing_doubled_and_nobody_shown_who_is_not_there(
    ward: Ward, visits: list[Visit], name: str
) -> None:
    figures = rehearse(ward, visits, FAULTS[name])
    assert figures.verdict.faults == []
