"""Which record a pasted block is meant to be, and where a wrong value comes from. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

from django.utils.functional import Promise

from portal.checker.findings import Fault
from portal.checker.reading import Block, Field
from portal.checker.values import bare, tidy

LINES = 12  # a value is looked for on no more lines than these
LONGEST = 2000  # characters of a line that are compared
ALIKE = 0.6
# What an equal value says about which record this is; a value that many records share says little.
WEIGHTS = {"URL": 8.0, "REDIRECT": 8.0, "JWKS": 2.0, "FHIR": 8.0, "CLIENTID": 3.0, "CONTEXT": 2.0, "LAUNCHTYPE": 0.5}
DOOR, PRESENT, ABSENT = 4.0, 0.5, -2.0
SHARED = frozenset({"LAUNCHTYPE"})  # says nothing of where it comes from


@dataclass(frozen=True)
class Wanted:
    """A record as it should be. `rows` are mnemonic and value; `choices` are values that are right as well; `counted`:
    said to be absent when other records were pasted and this was not."""

    kind: str
    title: str | Promise
    rows: tuple[tuple[str, str], ...]
    choices: tuple[tuple[str, str], ...] = ()
    counted: bool = False

    @property
    def mnemonics(self) -> list[str]:
        return list(dict.fromkeys(name for name, _ in self.rows))

    def values(self, mnemonic: str) -> list[str]:
        return [value for name, value in self.rows if name == mnemonic]

    def choice(self, mnemonic: str, given: str) -> str | None:
        """The other right value that this is."""
        wanted = bare(given)
        return next((value for name, value in self.choices if name == mnemonic and bare(value) == wanted), None)


@dataclass(frozen=True)
class Other:
    """A record that something may have been mixed up with. `code` is the fault that says so."""

    code: str
    wanted: Wanted
    about: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Origin:
    """Where a value stands as it should."""

    record: Wanted
    mnemonic: str
    other: Other | None = None

    def distance(self, record: Wanted) -> tuple[bool, int]:
        """This connection's own records come first, those most like the record before the others."""
        return self.other is not None, 0 if self.other else -len(set(self.record.rows) & set(record.rows))

    def fault(self, record: Wanted, mnemonic: str) -> Fault | None:
        """What it means that this value was found there; nothing where it is in its place."""
        if self.other:
            return Fault(self.other.code, dict(self.other.about)) if self.mnemonic == mnemonic else None
        if self.mnemonic != mnemonic:
            return Fault("field", {"field": self.mnemonic})
        return Fault("record", {"record": self.record.title}) if self.record.kind != record.kind else None


class Known:
    """Every value that has its place somewhere: of this connection first, then of what it may be mixed up with."""

    def __init__(self, expected: Sequence[Wanted], others: Sequence[Other]) -> None:
        self.origins: dict[str, list[Origin]] = {}
        for record in expected:
            self._keep(record, None)
        for other in others:
            self._keep(other.wanted, other)
        self.expected = expected

    def _keep(self, record: Wanted, other: Other | None) -> None:
        for mnemonic, value in (*record.rows, *record.choices):
            if value and mnemonic not in SHARED:
                self.origins.setdefault(bare(value), []).append(Origin(record, mnemonic, other))

    def __contains__(self, value: str) -> bool:
        return bare(value) in self.origins

    def origin(self, record: Wanted, mnemonic: str, value: str) -> Fault | None:
        """The fault that says where a wrong value belongs, if anybody knows."""
        origins = sorted(self.origins.get(bare(value), ()), key=lambda one: one.distance(record))
        faults = (one.fault(record, mnemonic) for one in origins)
        return next((fault for fault in faults if fault), None)

    def mnemonic(self, value: str) -> str:
        """What a value that stands alone is, as far as its shape says; empty when it is nothing of a record."""
        if origins := self.origins.get(bare(value)):
            return origins[0].mnemonic
        return _shape(tidy(value)) or self._like_a_client_id(tidy(value))

    def _like_a_client_id(self, value: str) -> str:
        ids = {one for record in self.expected for one in record.values("CLIENTID")}
        one_word = len(value.split()) == 1 and len(value) <= LONGEST
        return "CLIENTID" if one_word and any(_alike(value, one) >= ALIKE for one in ids) else ""


def _alike(one: str, other: str) -> float:
    return SequenceMatcher(None, one[:LONGEST], other, autojunk=False).quick_ratio()


def _shape(value: str) -> str:
    lower = value.lower()
    if "://" in lower and not lower.split("://")[0].count("="):
        marks = {"/callback": "REDIRECT", "/jwks": "JWKS", "/launch/": "URL", "fhir": "FHIR"}
        return next((mnemonic for mark, mnemonic in marks.items() if mark in lower), "URL")
    if "=" in value and "%" in value:
        return "CONTEXT"
    return "LAUNCHTYPE" if value.isdecimal() and len(value) <= 2 else ""


def values_of(block: Block, known: Known) -> tuple[list[tuple[str, str]], list[str]]:
    """The fields of a block as (mnemonic, value), and the lines that belong to none."""
    values: list[tuple[str, str]] = []
    unread: list[str] = []
    for one in block.fields:
        found, left = _named(one, known) if one.mnemonic else _unnamed(one.lines, known)
        values += found
        unread += left
    return values, unread


def _named(one: Field, known: Known) -> tuple[list[tuple[str, str]], list[str]]:
    """A named value is on the lines which together are one that somebody knows; else on the likeliest of them."""
    lines = one.lines
    start, end = _known_lines(lines, known) or _likeliest(one, known)
    left = [line for line in (*lines[:start], *lines[end:]) if line.strip()]
    more, left = _unnamed(left, known)
    return [(one.mnemonic, "\n".join(lines[start:end])), *more], left


def _unnamed(lines: list[str], known: Known) -> tuple[list[tuple[str, str]], list[str]]:
    """Values that stand alone, one or more lines each."""
    values: list[tuple[str, str]] = []
    left: list[str] = []
    at = 0
    while at < len(lines):
        end = next((n for n in range(min(at + LINES, len(lines)), at, -1) if "\n".join(lines[at:n]) in known), at + 1)
        value = "\n".join(lines[at:end])
        mnemonic = known.mnemonic(value)
        if mnemonic:
            values.append((mnemonic, value))
        else:
            left += [line for line in lines[at:end] if line.strip()]
        at = end
    return values, left


def _known_lines(lines: list[str], known: Known) -> tuple[int, int] | None:
    count = min(len(lines), LINES)
    spans = ((start, end) for start in range(count) for end in range(count, start, -1))
    return next((span for span in spans if "\n".join(lines[span[0] : span[1]]) in known), None)


def _likeliest(one: Field, known: Known) -> tuple[int, int]:
    wanted = {value for record in known.expected for value in record.values(one.mnemonic)}
    count = min(len(one.lines), LINES)
    scores = [max((_alike(line, value) for value in wanted), default=0.0) for line in one.lines[:count]]
    best = max(range(count), key=scores.__getitem__)
    return best, best + 1


def record_for(
    block: Block, values: Iterable[tuple[str, str]], expected: Sequence[Wanted], only: str, used: set[str]
) -> Wanted:
    """The record that a block is meant to be: as the reader says, as its heading says, else the one it is most
    like."""
    named = {record.kind: record for record in expected}
    if record := named.get(only) or named.get(block.heading):
        return record
    pairs = list(values)
    return max(expected, key=lambda record: (_score(record, pairs), record.kind not in used))


def _score(record: Wanted, pairs: list[tuple[str, str]]) -> float:
    return sum(_weight(record, mnemonic, value) for mnemonic, value in pairs)


def _weight(record: Wanted, mnemonic: str, value: str) -> float:
    right = {bare(one) for one in record.values(mnemonic)}
    if not right:
        return ABSENT
    if bare(value) in right:
        return WEIGHTS[mnemonic]
    segments = tidy(value).rstrip("/").split("/")
    return DOOR if mnemonic == "URL" and segments[-1] == record.kind else PRESENT
