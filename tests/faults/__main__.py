"""`make faults`: every fault, and pairs of them, at length; writes docs/faults.md.

python -m tests.faults [--visits 30] [--only WORD] [--no-pages]
"""

import argparse
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from sandbox.launcher.place import CHECKOUT
from tests.faults import page
from tests.faults import ward as wards
from tests.faults.breaking import FAULTS, PAIRS, Fault
from tests.faults.drive import Visit, admitted
from tests.faults.rehearsal import Figures, rehearse
from tests.faults.ward import Ward

PAGE = CHECKOUT / "docs" / "faults.md"
TOGETHER = 4  # faults that one set of visits goes through, a call each


def main() -> None:
    """Rehearse what was asked for, say how each went, and write the page. Exit code 1 when anything was wrong."""
    asked = _asked()
    chosen = [one for one in _all() if asked.only.lower() in page.name_of(one).lower()]
    since = time.monotonic()
    with _house() as ward:
        figures = [_told(one) for one in _rehearsed(ward, chosen, asked.visits)]
    minutes = (time.monotonic() - since) / 60
    if not asked.only:
        PAGE.write_text(page.written(figures, {}, minutes))
    sys.exit(1 if any(one.verdict.faults for one in figures) else 0)


def _asked() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.faults")
    parser.add_argument("--visits", type=int, default=30)
    parser.add_argument("--only", default="", help="rehearse what has this in its name, and write no page")
    return parser.parse_args()


def _all() -> list[tuple[Fault, ...]]:
    singles = [(fault,) for fault in FAULTS.values()]
    return [(), *singles, *(tuple(FAULTS[name] for name in pair) for pair in PAIRS)]


@contextmanager
def _house() -> Iterator[Ward]:
    with TemporaryDirectory(prefix="ehr-connector-faults-", dir="/var/tmp") as folder:
        Path(folder).chmod(0o711)
        with wards.opened(Path(folder) / "house") as ward:
            yield ward


def _rehearsed(ward: Ward, chosen: Sequence[tuple[Fault, ...]], many: int) -> Iterator[Figures]:
    visits: list[Visit] = []
    begun = 0
    for number, faults in enumerate(chosen):
        if number % TOGETHER == 0:
            visits = admitted(ward, many, begun)
            begun += many
        yield rehearse(ward, visits, *faults)


def _told(figures: Figures) -> Figures:
    sys.stdout.write(f"{page.line(figures)}\n")
    for fault in figures.verdict.faults:
        sys.stdout.write(f"    {fault}\n")
    sys.stdout.flush()
    return figures


if __name__ == "__main__":
    main()
