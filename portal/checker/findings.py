"""What a check comes to: a finding for each field, with its faults and what is different. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from enum import Enum

from django.utils.functional import Promise

from portal.checker.texts import TEXTS, WORDS

LONGEST_DIFF = 1000  # characters; of what is longer only the beginning is compared letter by letter
ALIKE = 0.75  # of what has less in common, letters that happen to agree say nothing


class State(Enum):
    """How a field stands; its value is the kind of state that a page shows."""

    RIGHT = "ok"
    CHECK = "warning"
    WRONG = "error"
    MISSING = "off"


@dataclass(frozen=True)
class Fault:
    """One thing that is not as it should be. `about` fills the gaps of its text."""

    code: str
    about: Mapping[str, str | Promise] = field(default_factory=dict)

    @property
    def text(self) -> str:
        return str(TEXTS[self.code]) % self.about


@dataclass(frozen=True)
class Piece:
    """A part of a comparison: `same`, `extra` in what was pasted, or `lacking` there."""

    kind: str
    text: str


@dataclass(frozen=True)
class Finding:
    """One field. `given` is empty where it is missing."""

    mnemonic: str
    state: State
    given: str
    expected: str
    faults: tuple[Fault, ...] = ()

    @property
    def word(self) -> str | Promise:
        """The state in a word: swapped, outdated …; of several faults the first names it."""
        if self.state in (State.RIGHT, State.MISSING) or not self.faults:
            return WORDS[self.state.name.lower()]
        return WORDS.get(self.faults[0].code, WORDS[self.state.name.lower()])

    @property
    def pieces(self) -> list[Piece]:
        """What was pasted and what should stand there, letter by letter; what cannot be seen is named."""
        if self.state in (State.RIGHT, State.MISSING):
            return []
        given, expected = self.given[:LONGEST_DIFF], self.expected[:LONGEST_DIFF]
        matcher = SequenceMatcher(None, given, expected, autojunk=False)
        if matcher.ratio() < ALIKE:
            return _changed(given, "")
        found = []
        for kind, i, j, k, m in matcher.get_opcodes():
            found += [Piece("same", given[i:j])] if kind == "equal" else _changed(given[i:j], expected[k:m])
        return found


def _changed(extra: str, lacking: str) -> list[Piece]:
    pieces = [Piece("extra", visible(extra)), Piece("lacking", visible(lacking))]
    return [piece for piece in pieces if piece.text]


def visible(text: str) -> str:
    """Text whose blanks and invisible characters can be seen."""
    return "".join(_visible(one) for one in text)


def _visible(character: str) -> str:
    if character in " \n":
        return {" ": "␣", "\n": "⏎"}[character]
    return character if character.isprintable() else f"[U+{ord(character):04X}]"
