"""The record checker: what stands in the EHR against what should. Pure: nothing is stored, nothing is logged."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.utils.functional import Promise

from portal.checker.findings import Fault, Finding, Piece, State
from portal.checker.matching import Known, Other, Wanted, record_for, values_of
from portal.checker.reading import read
from portal.checker.texts import WORDS
from portal.checker.values import writing, wrong

__all__ = ["MOST", "Checked", "Fault", "Finding", "Other", "Piece", "Result", "State", "Wanted", "check"]
MISSING = (Fault("missing"),)
HARMLESS = {"order", "case-harmless"}
SPECIFIC = {"csn-in-group", "conference-in-visit"}  # said beside where the value comes from
SEVERITY = (State.RIGHT, State.CHECK, State.MISSING, State.WRONG)
BLOCK = 2  # from so many fields on, what is not there is missing
MOST = 40  # records that are checked at once


@dataclass(frozen=True)
class Checked:
    """One pasted record: the record that it is meant to be, and a finding for each field."""

    title: str | Promise
    kind: str
    findings: tuple[Finding, ...]

    @property
    def state(self) -> State:
        """The worst of its fields."""
        return max((finding.state for finding in self.findings), key=SEVERITY.index)

    @property
    def word(self) -> str | Promise:
        """That state in a word."""
        return WORDS[self.state.name.lower()]


@dataclass(frozen=True)
class Result:
    """All of a paste. `foreign` names rows that are not ours, `unread` is what could not be understood, `absent` the
    launch records that were not pasted."""

    records: tuple[Checked, ...]
    foreign: tuple[str, ...]
    unread: tuple[str, ...]
    absent: tuple[str | Promise, ...]
    pasted: int  # records that were found; those after the first MOST were not checked


def check(pasted: str, expected: Sequence[Wanted], others: Sequence[Other] = (), *, only: str = "") -> Result:
    """Compare what was pasted with the records it should be. `others` are records that it may have been mixed up with;
    `only` names the record that the reader says it is."""
    titles = {str(record.title): record.kind for record in expected} | {one.kind: one.kind for one in expected}
    reading, known = read(pasted, titles), Known(expected, others)
    found: list[Checked] = []
    unread: list[str] = []
    for block in reading.blocks[:MOST]:
        values, left = values_of(block, known)
        unread += left
        if values:
            record = record_for(block, values, expected, only, {one.kind for one in found})
            found.append(_checked(record, values, known, whole=bool(block.heading)))
    return Result(
        tuple(found),
        tuple(dict.fromkeys(reading.foreign)),
        tuple(unread),
        _absent(found, expected),
        len(reading.blocks),
    )


def _absent(found: list[Checked], expected: Sequence[Wanted]) -> tuple[str | Promise, ...]:
    """Who pastes several records may have forgotten one."""
    done = {one.kind for one in found}
    return tuple(one.title for one in expected if one.counted and one.kind not in done) if len(done) > 1 else ()


def _checked(record: Wanted, values: list[tuple[str, str]], known: Known, *, whole: bool) -> Checked:
    findings: list[Finding] = []
    for mnemonic in record.mnemonics:
        findings += _of_mnemonic(record, mnemonic, [value for name, value in values if name == mnemonic], known)
    findings += [_elsewhere(record, name, value, known) for name, value in values if name not in record.mnemonics]
    if not whole and len({name for name, _ in values}) < BLOCK:
        findings = [finding for finding in findings if finding.faults != MISSING]
    return Checked(record.title, record.kind, tuple(findings))


def _of_mnemonic(record: Wanted, mnemonic: str, given: list[str], known: Known) -> list[Finding]:
    wanted, left = _wanted_for(record, mnemonic, given)
    missing = [Finding(mnemonic, State.MISSING, "", value, MISSING) for value in left]
    pairs = zip(given, wanted, strict=True)
    return [_finding(record, mnemonic, value, expected, known) for value, expected in pairs] + missing


def _wanted_for(record: Wanted, mnemonic: str, given: list[str]) -> tuple[list[str], list[str]]:
    """What each pasted value should be, empty for one too many, and what nothing was pasted for. Right values find
    their own; the others are compared with what is left, in order."""
    left, wanted = record.values(mnemonic), list[str | None]()
    for value in given:
        match = next((one for one in left if writing(value, one) is not None), None)
        choice = record.choice(mnemonic, value) if match is None else None
        if taken := left[:1] if choice else [match] if match is not None else []:
            left.remove(str(taken[0]))
        wanted.append(choice if match is None else match)
    return [one if one is not None else (left.pop(0) if left else "") for one in wanted], left


def _finding(record: Wanted, mnemonic: str, given: str, expected: str, known: Known) -> Finding:
    written = writing(given, expected)
    if written is not None:
        return Finding(mnemonic, State.CHECK if written else State.RIGHT, given, expected, written)
    faults = wrong(mnemonic, given, expected)
    if faults[0].code == "empty":
        return Finding(mnemonic, State.MISSING, "", expected, faults)
    if origin := known.origin(record, mnemonic, given):
        faults = (origin, *(fault for fault in faults if fault.code in SPECIFIC))
    elif not expected:
        return Finding(mnemonic, State.CHECK, given, "", (Fault("surplus"),))
    harmless = {fault.code for fault in faults} <= HARMLESS
    return Finding(mnemonic, State.CHECK if harmless else State.WRONG, given, expected, faults)


def _elsewhere(record: Wanted, mnemonic: str, value: str, known: Known) -> Finding:
    """A field that the record does not have."""
    fault = known.origin(record, mnemonic, value) or Fault("no-field", {"field": mnemonic})
    return Finding(mnemonic, State.WRONG, value, "", (fault,))
