"""What the chart, the trail and the rows say, compared with what happened: nothing lost, nothing doubled, nobody shown
who is not there."""

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import groupby

from tests.faults.drive import CONNECTED, DISCONNECTED, WAITING, Happened, Visit
from tests.faults.ward import PRODUCTION, TEST, Ward

SLACK = timedelta(milliseconds=50)  # a call ends some milliseconds after its last person has left
TOLD = (CONNECTED, DISCONNECTED)  # of a lobby no report tells, and the trail may not have heard
TRAIL = """
SELECT entry.visit, participant.role, entry.event, entry.at
FROM connector_entry entry JOIN visits_participant participant ON entry.participant = participant.id
WHERE entry.visit = ANY(%s) AND entry.event IN ('participant-connected', 'participant-disconnected') ORDER BY entry.at
"""
WRITEBACKS = "SELECT count(*) AS found FROM visits_writeback WHERE visit_id = ANY(%s) AND state = '{}'"
RECEIPTS = """
SELECT count(*) AS found FROM visits_receipt receipt JOIN visits_subscription subscription
ON receipt.subscription_id = subscription.id WHERE subscription.visit_id = ANY(%s) AND receipt.state = '{}'
"""
UNFINISHED = {
    "writebacks that wait": WRITEBACKS.format("waiting"),
    "writebacks given up": WRITEBACKS.format("dead"),
    "receipts not understood": RECEIPTS.format("new"),
    "receipts refused": RECEIPTS.format("refused"),
    "states that stand in two rows": """
        SELECT count(*) AS found FROM (
            SELECT presence, code, lag(presence) OVER (PARTITION BY participant_id ORDER BY sequence) AS before,
                lag(code) OVER (PARTITION BY participant_id ORDER BY sequence) AS known
            FROM visits_writeback WHERE entry_id IS NULL AND visit_id = ANY(%s)
        ) told WHERE presence = before AND known <> 'restored'
    """,
}


@dataclass
class Verdict:
    """What is wrong; each a line that says in which visit. `told_twice`: states that the EHR has accepted again, which
    after a crash between sending and writing down is the rule (a status has no clock, so it does no harm)."""

    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    falsely_present: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)  # the chart otherwise, and rows without an end
    told_twice: int = 0

    @property
    def faults(self) -> list[str]:
        return [*self.lost, *self.doubled, *self.falsely_present, *self.wrong]


def judged(ward: Ward, visits: Sequence[Visit]) -> Verdict:
    """Compare now."""
    verdict = Verdict()
    ids = visit_ids(ward, visits)
    trails = _trails(ward, ids.values())
    charts = _charts(ward)
    for visit in visits:
        compare_trail(verdict, visit, trails.get(ids.get(visit.key, ""), []))
        for name, role in visit.names().items():
            compare_chart(verdict, visit, role, charts.get((visit.site.plan.instance, visit.csn, name), []))
    for what, query in UNFINISHED.items():
        if found := ward.rows(query, list(ids.values()))[0]["found"]:
            verdict.wrong.append(f"{found} {what}")
    return verdict


def charts_are_right(ward: Ward, visits: Sequence[Visit]) -> bool:
    """Whether the charts of these visits show what is so now."""
    verdict, charts = Verdict(), _charts(ward)
    for visit in visits:
        for name, role in visit.names().items():
            compare_chart(verdict, visit, role, charts.get((visit.site.plan.instance, visit.csn, name), []))
    return not verdict.faults


def settled(ward: Ward, visits: Sequence[Visit], seconds: float) -> tuple[Verdict, float]:
    """The verdict as soon as nothing is wrong, or after so many seconds; and how many it took."""
    began = time.monotonic()
    while True:
        verdict = judged(ward, visits)
        passed = time.monotonic() - began
        if not verdict.faults or passed > seconds:
            return verdict, passed
        time.sleep(0.5)


def visit_ids(ward: Ward, visits: Sequence[Visit]) -> dict[str, str]:
    """The product's id of a visit by the key of its meeting: its external id begins with it."""
    keys = {visit.key for visit in visits}
    meetings = ward.tell("graph", "meetings", "GET")
    return {one["key"]: one["externalId"].partition(":")[0] for one in meetings if one["key"] in keys}


def _trails(ward: Ward, ids: Iterable[str]) -> dict[str, list[tuple[str, str, datetime]]]:
    """(role, what, when) of each line about who came and left, by visit."""
    found: dict[str, list[tuple[str, str, datetime]]] = {}
    for row in ward.rows(TRAIL, list(ids)):
        line = (row["role"], row["event"].removeprefix("participant-"), row["at"])
        found.setdefault(str(row["visit"]), []).append(line)
    return found


def _charts(ward: Ward) -> dict[tuple[str, str, str], list[str]]:
    """The states that each EHR has accepted of somebody, in order, by (instance, csn, name)."""
    found: dict[tuple[str, str, str], list[str]] = {}
    for instance in (TEST, PRODUCTION):
        for call in ward.tell("epic", f"{instance}/status", "GET"):
            if call["accepted"]:
                found.setdefault((instance, call["ConferenceID"], call["who"]), []).append(call["state"])
    return found


def compare_trail(verdict: Verdict, visit: Visit, lines: list[tuple[str, str, datetime]]) -> None:
    """Each coming and going has one line, with a time between the two moments at which it happened."""
    open_lines = list(lines)
    for one in (one for one in visit.happened if one.what in TOLD):
        line = next((line for line in open_lines if _tells(line, one)), None)
        if line:
            open_lines.remove(line)
        else:
            verdict.lost.append(f"{_name(visit)}: the trail lacks that the {one.role} {one.what} at {one.after:%T.%f}")
    for role, what, at in open_lines:
        verdict.doubled.append(f"{_name(visit)}: the trail says once more that the {role} {what} at {at:%T.%f}")


def _tells(line: tuple[str, str, datetime], one: Happened) -> bool:
    role, what, at = line
    return (role, what) == (one.role, one.what) and one.after - SLACK <= at <= one.before + SLACK


def compare_chart(verdict: Verdict, visit: Visit, role: str, accepted: list[str]) -> None:
    """The chart ends with what is so, and showed nobody in a state, or in an order, in which he never was."""
    states = [state for state, _ in groupby(accepted)]
    verdict.told_twice += len(accepted) - len(states)
    now, shown, who = visit.now(role), states[-1] if states else "", f"{_name(visit)}, {role}"
    if shown != now:
        kind = verdict.falsely_present if shown in (WAITING, CONNECTED) and now == DISCONNECTED else verdict.wrong
        kind.append(f"{who}: the chart shows “{shown}”, and it is “{now}”")
    truth = iter([what for what, _ in groupby(one.what for one in visit.happened if one.role == role)])
    if not all(any(state == what for what in truth) for state in states):
        verdict.falsely_present.append(f"{who}: the chart showed {states}")


def _name(visit: Visit) -> str:
    return f"{visit.site.plan.name} {visit.csn}"
