"""docs/faults.md, written from what the rehearsals came to."""

from collections.abc import Sequence

from tests.faults.breaking import Fault
from tests.faults.rehearsal import Figures

HEAD = """# Faults

Written by `make faults` ({minutes:.0f} minutes, {visits} rehearsals). Do not edit.

Every process runs: PostgreSQL, Valkey, web, notification service, worker, scheduler, and the stand-ins of Microsoft
and of two EHRs. Three connections of two organizations are used at once; one of the two EHRs is broken apart from the
other, whose chart has to be right meanwhile. In each visit people wait, knock, are let in, leave, drop out and come
back, before the fault, under it and after it; three more visits begin while it is there, and their calls follow. Then
the chart (each state that the EHR has accepted, in order), the trail (each coming and going, with its time) and the
rows are compared with what happened, by the driver's own record:

- **lost**: somebody came or left, and the trail lacks it;
- **doubled**: the trail has it twice, or at a time at which it did not happen;
- **falsely present**: the chart shows, or showed in its course, somebody as waiting or connected who was not;
- **told again**: the EHR accepted the same state twice in a row. After a crash between sending and writing down that
  is the rule; a status has no clock, and the same state again does no harm;
- **pressed again**: presses of the button that led to an error page, which says so, and were repeated;
- **without live presence**: visits that began while Graph did not reach the notification service, or did not answer;
  their coming and going is read from the report;
- **people read**: what those pages were headed; **in the log**: what the processes warned of, the most frequent first
  (docs/operations.md says what each asks for);
- **right again after**: seconds from the mending until nothing of all this was wrong. *Moved*: leases, rests and due
  times that were moved nearer instead of being waited for; in production they add to the time.

Where notifications are lost for good, and in the visits that begin under a fault (Graph grants no live presence to one
that begins while it cannot reach the notification service), a patient who drops out and is back within a minute is not
driven: an attendance report, which cannot name him, takes both stays for one, and so does the connector.

A process that gives up is started again, as systemd does: Celery's worker does so, now and then, when its broker dies.

No writeback was given up, none waits, no receipt is left or refused, and no state stands in two rows one after the
other; else the rehearsal fails and its line says so.

"""
COLUMNS = (
    "Fault",
    "What was done",
    "Visits",
    "Lost",
    "Doubled",
    "Falsely present",
    "Told again",
    "Pressed again",
    "Without live presence",
    "Right again after",
    "Moved",
    "People read",
    "In the log",
)
WRONG = "\n## What was wrong\n\n{}"
TOP = f"| {' | '.join(COLUMNS)} |\n|---|---{'|--:' * (len(COLUMNS) - 4)}|---|---|\n"
ROW = (
    "| {name} | {does} | {visits} | {lost} | {doubled} | {false} | {again} | {pressed} | {unwatched} | {recovered}"
    " | {moved} | {read} | {logged} |\n"
)


def name_of(faults: Sequence[Fault]) -> str:
    """Two are named with a plus."""
    return " + ".join(fault.name for fault in faults) or "nothing broken"


def line(figures: Figures) -> str:
    """One rehearsal, for who looks on."""
    return ROW.format(**_values(figures)).strip()


def written(figures: Sequence[Figures], not_run: dict[str, str], minutes: float) -> str:
    """The whole page."""
    rows = "".join(ROW.format(**_values(one)) for one in figures)
    wrong = "".join(f"- {name_of(one.faults)}: {fault}\n" for one in figures for fault in one.verdict.faults)
    left_out = "".join(f"- {name}: {why}\n" for name, why in not_run.items())
    return (
        HEAD.format(minutes=minutes, visits=len(figures))
        + TOP
        + rows
        + (f"\n## Not run\n\n{left_out}" if left_out else "")
        + (WRONG.format(wrong) if wrong else "")
    )


def again(page: str, figures: Sequence[Figures]) -> str:
    """The page with the lines of what was rehearsed once more."""
    for one in figures:
        name = name_of(one.faults)
        kept = [line for line in page.splitlines(keepends=True) if not line.startswith(f"- {name}: ")]
        row = ROW.format(**_values(one))
        if not any(line.startswith(f"| {name} |") for line in kept):
            kept.insert(max(place for place, line in enumerate(kept) if line.startswith("| ")) + 1, row)
        page = "".join(row if line.startswith(f"| {name} |") else line for line in kept)
        page += "".join(f"- {name}: {fault}\n" for fault in one.verdict.faults)
    return page.removesuffix(WRONG.format(""))


def _values(figures: Figures) -> dict[str, object]:
    verdict = figures.verdict
    return {
        "name": name_of(figures.faults),
        "does": " ".join(fault.does for fault in figures.faults) if len(figures.faults) == 1 else "",
        "visits": figures.visits,
        "lost": len(verdict.lost),
        "doubled": len(verdict.doubled),
        "false": len(verdict.falsely_present),
        "again": figures.told_again,
        "pressed": figures.pressed_again,
        "unwatched": figures.unwatched,
        "recovered": f"{figures.recovered:.0f} s",
        "read": "; ".join(figures.read),
        "logged": ", ".join(f"`{event}`" for event in figures.logged),
        "moved": f"{figures.moved / 60:.0f} min" if figures.moved else "",
    }
