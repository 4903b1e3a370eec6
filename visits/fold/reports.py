"""What attendance reports add to what the roster told.

A report names the members of the organization, each with all his stays in one call: for these it is believed, and the
roster tells of their lobby alone. Whom it cannot name it only counts: such a stay is an entry of its own where the
roster tells of nobody's coming in that time; and from when on the report shows no such person, an entry of the roster
that tells nothing more has left. A report's last moment is the end of the call.
"""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from visits.fold.shapes import CALL_ENDED, CLOCKS_DIFFER, CONNECTED, DISCONNECTED, ROSTER, FactLine


@dataclass(frozen=True)
class Call:
    """One call as its report tells it: from when to when, and for each member whom it names his first join and his last
    leave."""

    start: datetime
    end: datetime
    members: dict[str, tuple[datetime, datetime]]

    def tells_of(self, oid: str, line: FactLine) -> bool:
        """Whether the report knows better than a roster's fact whether this member was in the call. Who comes after his
        last leave has come again, perhaps into another call."""
        if oid not in self.members:
            return False
        first, last = self.members[oid]
        slack = CLOCKS_DIFFER if line.kind == DISCONNECTED else timedelta(0)
        return first - CLOCKS_DIFFER <= line.at <= last + slack


@dataclass(frozen=True)
class _Stay:
    """One stay of somebody whom the report cannot name."""

    key: str
    joined: datetime
    left: datetime
    foreign: bool


def calls(lines: list[FactLine]) -> tuple[Call, ...]:
    """The calls that reports tell of."""
    told: dict[str, list[FactLine]] = defaultdict(list)
    for line in lines:
        if line.report:
            told[line.report].append(line)
    return tuple(Call(min(_at(of)), max(_at(of)), dict(_members(of))) for of in told.values())


def _members(lines: list[FactLine]) -> Iterator[tuple[str, tuple[datetime, datetime]]]:
    for oid in {line.oid for line in lines} - {""}:
        times = _at([line for line in lines if line.oid == oid])
        yield oid, (min(times), max(times))


def _at(lines: list[FactLine]) -> list[datetime]:
    return [line.at for line in lines]


def believed(lines: list[FactLine]) -> tuple[list[FactLine], set[tuple[datetime, bool]]]:
    """The lines without the unnamed stays that the roster tells as well; and the moments from which on a report shows
    no (foreign) outsider in its call any more."""
    stays = _unnamed(lines)
    if not stays:
        return lines, set()
    twice = {stay.key for told in _told(lines) for stay in _same(told, stays)}
    return [line for line in lines if line.participant_key not in twice], set(_silences(stays))


def _unnamed(lines: list[FactLine]) -> list[_Stay]:
    times: dict[tuple[str, bool], list[datetime]] = defaultdict(list)
    for line in lines:
        if line.report and not line.oid and line.kind in ROSTER:
            times[line.participant_key, line.foreign].append(line.at)
    return [_Stay(key, min(at), max(at), foreign) for (key, foreign), at in times.items()]


def _told(lines: list[FactLine]) -> list[_Stay]:
    """What the roster tells of such people's time in the call, which ends with it. A leave that was never told gives
    no time after the last fact."""
    ends = [line.at for line in lines if line.kind == CALL_ENDED]
    entries: dict[str, list[FactLine]] = defaultdict(list)
    for line in lines:
        if not line.report and line.kind in ROSTER:
            entries[line.participant_key].append(line)
    unnamed = {key: of for key, of in entries.items() if not any(line.oid for line in of)}
    return [
        _Stay(key, line.at, min([following.at, *(at for at in ends if at >= line.at)]), any(one.foreign for one in of))
        for key, of in unnamed.items()
        for line, following in zip(of, [*of[1:], of[-1]], strict=True)
        if line.kind == CONNECTED
    ]


def _same(told: _Stay, stays: list[_Stay]) -> list[_Stay]:
    """The stays of the report that the roster's is: those of the same time; where there are none, as clocks differ,
    those that begin right after it."""

    def within(slack: timedelta) -> list[_Stay]:
        alike = [stay for stay in stays if stay.foreign == told.foreign]
        return [stay for stay in alike if told.joined <= stay.left and told.left >= stay.joined - slack]

    return within(timedelta(0)) or within(CLOCKS_DIFFER)


def _silences(stays: list[_Stay]) -> Iterator[tuple[datetime, bool]]:
    """When the last of those who overlap has left. Gaps shorter than clocks differ are none."""
    last: dict[bool, datetime] = {}
    for stay in sorted(stays, key=lambda one: one.joined):
        before = last.get(stay.foreign)
        if before and stay.joined - before > CLOCKS_DIFFER:
            yield before, stay.foreign
        last[stay.foreign] = max(before or stay.left, stay.left)
    for foreign, at in last.items():
        yield at, foreign
