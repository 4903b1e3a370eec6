"""What must hold whatever comes: no error of ours, no row from what was refused, nothing of the junk in a log or on an
error page, and no expression that takes for ever."""

import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from hypothesis.strategies import DataObject

from tests.fuzz.junk import MARK
from tests.fuzz.world import World

CPU_SECONDS = 6.0  # of this process, which also serves the answers: other work on the machine does not count


@dataclass(frozen=True)
class Outcome:
    """What came of one example. `shown` is the text of an error page; `before` are the tables as they were once its own
    start was made, where that leaves rows of all kinds."""

    accepted: bool
    status: int = 0
    shown: str = ""
    before: dict[str, int] = field(default_factory=dict)


Act = Callable[[], Outcome]


@dataclass(frozen=True)
class Target:
    """Something that junk is sent to. `case` draws an example and says how it is sent; `examples` = how many at length;
    `meant` = the tables that may grow when one is accepted (None: any); `begun` = those in which its own start, which
    is in order, leaves a row."""

    name: str
    case: Callable[[World, DataObject], Act]
    examples: int = 150
    meant: frozenset[str] | None = frozenset()
    begun: frozenset[str] = frozenset()

    @property
    def few(self) -> int:
        """How many in the ordinary suite."""
        return max(3, self.examples // 60)


@dataclass
class Line:
    """What a run has seen of one target."""

    examples: int = 0
    refused: int = 0
    broken: int = 0
    rows: int = 0
    slowest: float = 0.0


@dataclass
class Tally:
    """All lines of a run, by the target's name."""

    lines: dict[str, Line] = field(default_factory=lambda: defaultdict(Line))

    @property
    def examples(self) -> int:
        return sum(line.examples for line in self.lines.values())


def judge(world: World, target: Target, data: DataObject, tally: Tally) -> None:
    """Send one example and hold it to all that must be."""
    act = target.case(world, data)
    line = tally.lines[target.name]
    line.examples += 1
    with world.undone():
        world.said()
        before, started = world.rows(), time.process_time()
        outcome = act()
        seconds = time.process_time() - started
        after, said = world.rows(), world.said()
    allowed = target.meant if outcome.accepted else frozenset()
    grown = {name for name, count in after.items() if count > (outcome.before or before)[name]}
    junk = set() if allowed is None else grown - allowed - target.begun
    line.refused += not outcome.accepted
    line.broken += outcome.status == 500
    line.rows += len(junk)
    line.slowest = max(line.slowest, seconds)
    assert outcome.status != 500, said
    assert not junk, f"{outcome.status}: rows in {sorted(junk)}"
    assert "unexpected error" not in said, said
    assert MARK not in said, said
    assert MARK not in outcome.shown, outcome.shown
    assert seconds < CPU_SECONDS, f"{seconds:.1f} s"


HEADINGS = ("Target", "Examples", "Refused", "Accepted", "Errors of ours", "Rows from junk", "Slowest, ms of CPU")


def written(tally: Tally, seed: int) -> str:
    """The run as a table in Markdown."""
    rows = [HEADINGS, tuple("---" if place == 0 else "---:" for place in range(len(HEADINGS)))]
    for name, line in tally.lines.items():
        counts = (line.examples, line.refused, line.examples - line.refused, line.broken, line.rows)
        rows.append((name, *map(str, counts), str(round(line.slowest * 1000))))
    head = Path(__file__).with_name("head.md").read_text(encoding="utf-8")
    table = "\n".join(f"| {' | '.join(row)} |" for row in rows)
    return head.format(examples=f"{tally.examples:,}", targets=len(tally.lines), seed=seed) + table + "\n"
