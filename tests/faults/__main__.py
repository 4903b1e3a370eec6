"""`make faults`: every fault, and pairs of them, at length; writes docs/faults.md, or some of its lines anew.

python -m tests.faults [--visits 30] [--only WORD ...]
"""

import argparse
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import psycopg
import redis
import requests

from sandbox.launcher.crew import LauncherError
from sandbox.launcher.place import CHECKOUT
from tests.faults import page
from tests.faults import ward as wards
from tests.faults.breaking import FAULTS, REHEARSALS, Fault
from tests.faults.drive import Visit, admitted
from tests.faults.rehearsal import Figures, rehearse
from tests.faults.verdict import Verdict
from tests.faults.ward import Ward

PAGE = CHECKOUT / "docs" / "faults.md"
DISK = "900m"
TOGETHER = 4  # faults that one set of visits goes through, a call each


def main() -> None:
    """Rehearse what was asked for, say how each went, and write the page. Exit code 1 when anything was wrong."""
    asked = _asked()
    chosen = [one for one in REHEARSALS if any(word.lower() in page.name_of(one).lower() for word in asked.only)]
    since = time.monotonic()
    with _house() as ward:
        left_out = {fault.name: why for fault in FAULTS.values() if (why := fault.needs(ward))}
        possible = [one for one in chosen if not any(fault.name in left_out for fault in one)]
        figures = [_told(one) for one in _rehearsed(ward, possible, asked.visits)]
        _verify_trails(ward)
    minutes = (time.monotonic() - since) / 60
    whole = asked.only == [""]
    PAGE.write_text(page.written(figures, left_out, minutes) if whole else page.again(PAGE.read_text(), figures))
    sys.exit(1 if any(one.verdict.faults for one in figures) else 0)


def _asked() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.faults")
    parser.add_argument("--visits", type=int, default=30)
    parser.add_argument(
        "--only", nargs="+", default=[""], help="what has one of these in its name; its lines are written anew"
    )
    return parser.parse_args()


def _whole(ward: Ward, visits: list[Visit], faults: tuple[Fault, ...]) -> Figures:
    """A rehearsal. One that breaks off, since nobody felt the fault or nobody got in, is one in which all is wrong; the
    house is mended for the next."""
    try:
        return rehearse(ward, visits, *faults)
    except (AssertionError, LauncherError, psycopg.Error, redis.RedisError, requests.RequestException) as error:
        ward.house.mend()
        ward.no_faults()
        verdict = Verdict(wrong=[f"broke off: {type(error).__name__}: {error}"])
        return Figures(faults, len(visits), verdict, 0, ward.moved, 0, 0, 0)


@contextmanager
def _house() -> Iterator[Ward]:
    """The ward, on a mount of its own where we may make one. The stand-ins' disk is another: theirs is not full."""
    with (
        TemporaryDirectory(prefix="ehr-connector-faults-", dir="/var/tmp") as folder,
        TemporaryDirectory() as elsewhere,
        _mounted(folder),
    ):
        Path(folder).chmod(0o711)
        with wards.opened(Path(folder) / "house", SANDBOX_DATA=elsewhere) as ward:
            yield ward


@contextmanager
def _mounted(folder: str) -> Iterator[None]:
    """A disk of limited size; nothing where that is not allowed."""
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={DISK}", "tmpfs", folder], check=False, capture_output=True
    )
    try:
        yield
    finally:
        if made.returncode == 0:
            subprocess.run(["umount", folder], check=True)


def _verify_trails(ward: Ward) -> None:
    """Every organization's chain holds after all of it. Raises LauncherError."""
    ward.house.manage("audit", "verify")


def _rehearsed(ward: Ward, chosen: Sequence[tuple[Fault, ...]], many: int) -> Iterator[Figures]:
    """One after the other. After one in which something went wrong, others begin with visits of their own."""
    visits: list[Visit] = []
    for number, faults in enumerate(chosen):
        if number % TOGETHER == 0 or not visits:
            visits = admitted(ward, many)
        figures = _whole(ward, visits, faults)
        visits = [] if figures.verdict.faults else visits
        yield figures


def _told(figures: Figures) -> Figures:
    sys.stdout.write(f"{page.line(figures)}\n")
    for fault in figures.verdict.faults:
        sys.stdout.write(f"    {fault}\n")
    sys.stdout.flush()
    return figures


if __name__ == "__main__":
    main()
