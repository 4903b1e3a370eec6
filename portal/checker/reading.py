"""What people paste, taken apart into blocks of fields: lines, tables, CSV, several records at once. Pure."""

import csv
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

# Other spellings of the mnemonics, without spaces, hyphens and underscores.
ALIASES: dict[str, str] = {
    "URL": "URL",
    "LAUNCHURL": "URL",
    "CLIENTID": "CLIENTID",
    "LAUNCHTYPE": "LAUNCHTYPE",
    "CONTEXT": "CONTEXT",
    "CONTEXTTOKEN": "CONTEXT",
    "REDIRECT": "REDIRECT",
    "REDIRECTURI": "REDIRECT",
    "JWKS": "JWKS",
    "JWKSURL": "JWKS",
    "FHIR": "FHIR",
    "FHIRBASEURL": "FHIR",
    "ISS": "FHIR",
}
LINES = 1000  # more than all records of a connection have
SEVERAL = frozenset({"REDIRECT"})  # may stand in one record more than once
FIELDS_GLUED = 3  # so many KEY= on one line: a one-line box has swallowed the line breaks
HEADINGS = 2  # a line with at least so many mnemonics as cells, and nothing else before them, heads a table

# Blanks and marks that stand before a mnemonic in lists, quotations and tables.
_MARKS = r"[\s\u00ad\u200b-\u200f\u2060\ufeff\u2018-\u201e\u2022\u2013\u2014\"'`*·>|-]*+"
_KEY = r"(?:launch[ _-]?)?url|client[ _-]?id|launch[ _-]?type|context(?:[ _-]?token)?|redirect(?:[ _-]?uri)?" + (
    r"|jwks(?:[ _-]?url)?|fhir[ _-]?base[ _-]?url|fhir|iss"
)
_FIELD = re.compile(rf"^{_MARKS}(?P<key>{_KEY})(?P<after>{_MARKS})(?P<mark>[=:\uff1a\uff1d\u2192])(?P<value>.*)$", re.I)
_SPACED = re.compile(rf"^{_MARKS}(?P<key>{_KEY})\s+(?P<value>\S+)\s*$", re.I)
_SPACED_CAPITALS = re.compile(r"^\W*[A-Z]+\s")
_ALONE = re.compile(rf"^{_MARKS}(?P<key>{_KEY}){_MARKS}:?\s*$", re.I)
_GLUED = re.compile(r"(URL|CLIENTID|LAUNCHTYPE|CONTEXT)=")
_UNGLUED = re.compile(r"(?=(?:URL|CLIENTID|LAUNCHTYPE|CONTEXT)=)")
_SPREAD = re.compile(r"(?<=\s)(?=(?:URL|CLIENTID|LAUNCHTYPE|CONTEXT)\s?=)")
_FOREIGN = re.compile(r"^\s*([A-Z][A-Z0-9_]{2,})\s*[=:\t|,]")
_SECTION = re.compile(r"^\s*(?:\[[^\[\]]*\]|#+\s.*)\s*$")
_RULES = " \t|+=_:-"  # what draws the lines of a table
_DELIMITERS = "\t|,;"


@dataclass
class Field:
    """One pasted field: its mnemonic, empty where none was named, and the lines that may be its value. Lines after
    the first may also belong to nothing."""

    mnemonic: str
    lines: list[str]


@dataclass
class Block:
    """The fields of one pasted record; `heading` is the record that was named above them, if one was."""

    heading: str = ""
    fields: list[Field] = field(default_factory=list)

    def holds(self, mnemonic: str) -> bool:
        return any(one.mnemonic == mnemonic for one in self.fields)


@dataclass
class Reading:
    """All that was pasted: blocks, and the names of rows that are not ours."""

    blocks: list[Block] = field(default_factory=list)
    foreign: list[str] = field(default_factory=list)


def read(text: str, titles: Mapping[str, str]) -> Reading:
    """Take a paste apart. `titles` names the record for a heading, both without marks and in lower case."""
    reader = _Reader({plain(title): kind for title, kind in titles.items()})
    for line in text.splitlines()[:LINES]:
        for part in _apart(line):
            reader.take(part)
    return Reading([block for block in reader.blocks if block.fields], reader.foreign)


def plain(title: str) -> str:
    """A heading without what people and files put around it."""
    return " ".join(re.sub(r"[\[\]#*:=\"“”-]+", " ", title).casefold().split())


def mnemonic_of(cell: str) -> str:
    """The mnemonic that a cell of a table names; empty when it names none."""
    return "" if "=" in cell else ALIASES.get(re.sub(r"[\W_]+", "", cell).upper(), "")


def _apart(line: str) -> list[str]:
    """A line that holds several KEY=value as lines of their own."""
    parts = _SPREAD.split(line)
    if len(set(_GLUED.findall(line))) >= FIELDS_GLUED:
        parts = [part for part in _UNGLUED.split(line) if part]
    return [*(part.rstrip() for part in parts[:-1]), *parts[-1:]]


def _cells(line: str) -> list[str]:
    """The cells of a table's row, by the first delimiter that the line has; a single one for any other line."""
    delimiter = next((mark for mark in _DELIMITERS if mark in line), "")
    if delimiter == "|":
        return [cell.strip() for cell in line.strip().strip("|").split("|")]
    if not delimiter:
        return [line]
    try:
        return next(csv.reader([line], delimiter=delimiter, skipinitialspace=delimiter != "\t"), [line])
    except csv.Error:
        return line.split(delimiter)


class _Reader:
    """Where the reading stands: the block, the field that may go on, the table that is open."""

    def __init__(self, titles: Mapping[str, str]) -> None:
        self.titles = titles
        self.blocks = [Block()]
        self.foreign: list[str] = []
        self._open: Field | None = None
        self._table: list[str] = []

    def take(self, line: str) -> None:
        """One line: what it is decides who takes it."""
        steps = (self._blank, self._heading, self._table_head, self._row, self._cell, self._field, self._other)
        if not any(step(line) for step in steps):
            self._loose(line)

    def _start(self, heading: str = "") -> None:
        self.blocks.append(Block(heading))
        self._open = None

    def _put(self, mnemonic: str, value: str) -> None:
        if mnemonic not in SEVERAL and self.blocks[-1].holds(mnemonic):
            self._start()
        self._open = Field(mnemonic, [value])
        self.blocks[-1].fields.append(self._open)

    def _blank(self, line: str) -> bool:
        """A blank line ends a value that has begun; after a mnemonic alone the value may still come. The rules of
        tables are passed over."""
        if line.strip(_RULES):
            return False
        if not line.strip() and self._open and any(one.strip() for one in self._open.lines):
            self._open = None
        return True

    def _heading(self, line: str) -> bool:
        kind = self.titles.get(plain(line), "")
        if kind or _SECTION.match(line):
            self._start(kind)
            self._table = []
        return bool(kind) or bool(_SECTION.match(line))

    def _table_head(self, line: str) -> bool:
        cells = [mnemonic_of(cell) for cell in _cells(line)]
        named = [cell for cell in cells if cell]
        if len(set(named)) < HEADINGS or len(named) < len(cells) - 1:
            return False
        self._table, self._open = cells, None
        return True

    def _row(self, line: str) -> bool:
        """A row of the open table is a record."""
        cells = _cells(line) if self._table else []
        if len(cells) < HEADINGS or any(mnemonic_of(cell) for cell in cells):
            self._table = []
            return False
        titles = [self.titles.get(plain(cell), "") for cell, head in zip(cells, self._table, strict=False) if not head]
        self._start(next(filter(None, titles), ""))
        for mnemonic, cell in zip(self._table, cells, strict=False):
            if mnemonic:
                self._put(mnemonic, cell)
        self._open = None
        return True

    def _cell(self, line: str) -> bool:
        """A row with a mnemonic in one cell and its value in the next; a record may be named before them."""
        cells = _cells(line)
        at = next((n for n, cell in enumerate(cells[:-1]) if mnemonic_of(cell)), None)
        if at is None:
            return False
        kind = next(filter(None, (self.titles.get(plain(cell), "") for cell in cells[:at])), "")
        if kind and kind != self.blocks[-1].heading:
            self._start(kind)
        self._put(mnemonic_of(cells[at]), cells[at + 1])
        self._open = None
        return True

    def _field(self, line: str) -> bool:
        if match := _FIELD.match(line):
            self._put(mnemonic_of(match["key"]), _laid_out(match))
        elif match := _SPACED_CAPITALS.match(line) and _SPACED.match(line):
            self._put(mnemonic_of(match["key"]), match["value"])
        elif match := _ALONE.match(line):
            self._put(mnemonic_of(match["key"]), "")
        return bool(match)

    def _other(self, line: str) -> bool:
        """A row of the record that is Epic's or the customer's own."""
        waits = self._open and self._open.lines == [""]
        match = None if waits else _FOREIGN.match(line)
        if match:
            self.foreign.append(match[1])
            self._open = None
        return bool(match)

    def _loose(self, line: str) -> None:
        """A line without a mnemonic: the open value goes on, or a value stands alone."""
        if self._open is None:
            self._open = Field("", [])
            self.blocks[-1].fields.append(self._open)
        if self._open.lines == [""]:
            self._open.lines.clear()  # the mnemonic stood on a line of its own
        self._open.lines.append(line)


def _laid_out(match: re.Match[str]) -> str:
    """The value without the blanks and quotes that belong to the layout: `KEY: value`, `KEY = value`, JSON."""
    value, after = match["value"], match["after"]
    if match["mark"] != "=" or after.strip():
        value = value.lstrip()
    elif after and value.startswith(" "):
        value = value[1:]
    quote = next((mark for mark in "\"'`" if mark in after), "")
    if quote and re.fullmatch(rf"{quote}.*{quote},?\s*", value):
        value = value.rstrip().rstrip(",")[1:-1]
    return value
