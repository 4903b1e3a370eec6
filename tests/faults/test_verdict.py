"""The verdict itself: it sees what is lost, doubled or falsely shown, and forgives what a status without a clock
may."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from tests.faults.drive import CONNECTED, DISCONNECTED, PATIENT, PROVIDER, WAITING, Happened, Visit
from tests.faults.verdict import Verdict, compare_chart, compare_trail

NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)
STORY = ((PATIENT, WAITING), (PROVIDER, CONNECTED), (PATIENT, CONNECTED), (PATIENT, DISCONNECTED))


def at(second: float) -> datetime:
    return NOON + timedelta(seconds=second)


@pytest.fixture
def visit() -> Visit:
    """A visit whose steps took half a second each, ten seconds apart. The clinician is still there."""
    site: Any = SimpleNamespace(plan=SimpleNamespace(name="Riverside"))
    happened = [Happened(role, what, at(10 * n), at(10 * n + 0.5)) for n, (role, what) in enumerate(STORY)]
    return Visit(site, "pia", "770011", happened=happened)


TRUE_TRAIL = [(PROVIDER, CONNECTED, at(10.2)), (PATIENT, CONNECTED, at(20.2)), (PATIENT, DISCONNECTED, at(30.2))]


@pytest.mark.parametrize(
    ("trail", "lost", "doubled"),
    [
        (TRUE_TRAIL, 0, 0),
        (TRUE_TRAIL[1:], 1, 0),
        ([*TRUE_TRAIL, TRUE_TRAIL[0]], 0, 1),
        ([*TRUE_TRAIL[:2], (PATIENT, DISCONNECTED, at(34))], 1, 1),
        ([*TRUE_TRAIL[1:], (PATIENT, CONNECTED, at(10.2))], 1, 1),
    ],
)
def test_each_coming_and_going_has_one_line_with_its_true_time(
    visit: Visit, trail: list[tuple[str, str, datetime]], lost: int, doubled: int
) -> None:
    verdict = Verdict()
    compare_trail(verdict, visit, trail)
    assert (len(verdict.lost), len(verdict.doubled)) == (lost, doubled)


@pytest.mark.parametrize(
    ("accepted", "falsely_present", "wrong", "twice"),
    [
        ([WAITING, CONNECTED, DISCONNECTED], 0, 0, 0),
        ([CONNECTED, DISCONNECTED], 0, 0, 0),
        ([WAITING, CONNECTED, CONNECTED, DISCONNECTED], 0, 0, 1),
        ([WAITING, CONNECTED], 1, 0, 0),
        ([WAITING, DISCONNECTED, CONNECTED, DISCONNECTED], 1, 0, 0),
        ([CONNECTED, WAITING, DISCONNECTED], 1, 0, 0),
        ([], 0, 1, 0),
    ],
)
def test_the_chart_ends_with_what_is_so_and_never_showed_what_was_not(
    visit: Visit, accepted: list[str], falsely_present: int, wrong: int, twice: int
) -> None:
    verdict = Verdict()
    compare_chart(verdict, visit, PATIENT, accepted)
    assert (len(verdict.falsely_present), len(verdict.wrong), verdict.told_twice) == (falsely_present, wrong, twice)


def test_who_is_there_and_not_shown_is_wrong(visit: Visit) -> None:
    verdict = Verdict()
    compare_chart(verdict, visit, PROVIDER, [])
    assert verdict.wrong == ["Riverside 770011, provider: the chart shows “”, and it is “connected”"]
