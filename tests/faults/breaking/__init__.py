"""The table of what is broken: each fault with what is done, as a reader of docs/faults.md has it, and the function
that does it and mends it again."""

from tests.faults.breaking import backup, broker, clock, database, disk, ehr, graph, process
from tests.faults.breaking.shape import Act, Fault

__all__ = ["FAULTS", "REHEARSALS", "Act", "Fault"]

FAULTS: dict[str, Fault] = {
    fault.name: fault
    for module in (process, broker, database, ehr, graph, clock, disk, backup)
    for fault in module.FAULTS
}
# Two at once, where one might hide the other or where the remedy of one is what the other takes away. The second is
# mended first: some are felt only once it is.
PAIRS = (
    ("worker killed after sending, before the answer", "Redis emptied"),
    ("EHR answers 500", "worker killed in the middle of a fold"),
    ("PostgreSQL restarted", "notifications doubled"),
    ("connections cut", "notifications in the wrong order"),
    ("EHR asks for patience (429 with Retry-After)", "Redis stopped"),
    ("EHR hangs up in the middle of the answer", "notification service killed between receipt and answer"),
    ("Microsoft's signing keys rotated", "Redis emptied"),
)
# All that `make faults` goes through: nothing broken, each alone, the pairs.
REHEARSALS: tuple[tuple[Fault, ...], ...] = (
    (),
    *((fault,) for fault in FAULTS.values()),
    *(tuple(FAULTS[name] for name in pair) for pair in PAIRS),
)
