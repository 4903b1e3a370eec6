"""Clocks that are two minutes off: the stand-ins' own, by which they stamp events, tokens and assertions."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from tests.faults.breaking.shape import Breaks, Fault
from tests.faults.drive import Visit
from tests.faults.ward import Ward

STAND_INS = ("entra", "graph", "teams", "epic")


def _off(seconds: float) -> Breaks:
    @contextmanager
    def breaks(ward: Ward, visits: Sequence[Visit]) -> Iterator[None]:
        _set(ward, seconds)
        yield
        _set(ward, 0)

    return breaks


def _set(ward: Ward, seconds: float) -> None:
    for name in STAND_INS:
        ward.tell(name, "clock", seconds=seconds)
    ward.clock_off = seconds


FAULTS = (
    Fault(
        "clocks two minutes ahead",
        "Microsoft's and the EHR's, from the launch to the last who leaves.",
        _off(120),
        lasting=True,
    ),
    Fault("clocks two minutes behind", "The same, behind.", _off(-120), lasting=True),
)
