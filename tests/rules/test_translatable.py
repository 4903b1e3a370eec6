"""Every word that a person reads can be translated: templates hold no text outside `translate` and `blocktranslate`."""

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from django.template.base import Lexer, TokenType

ROOT = Path(__file__).resolve().parents[2] / "templates"
TEMPLATES = sorted(path.relative_to(ROOT).as_posix() for path in ROOT.rglob("*.html"))
READ_ALOUD = {"alt", "aria-label", "placeholder", "title", "label"}
# Names that are the same in every language.
NAMES = {"UTC", "PowerShell", "Teams", "Epic", "FHIR", "Microsoft", "OK", "TEST"}
WORD = re.compile(r"[^\W\d_]{2,}")
# Tags whose contents are translated, or are no text: up to the tag that ends them.
BLOCKS = {
    "blocktranslate": "endblocktranslate",
    "comment": "endcomment",
    "block shell": "endblock",
    "block icon": "endblock",
}


class Reader(HTMLParser):
    """Collects what is read on a page: text outside `code`, and the attributes that are read aloud."""

    def __init__(self) -> None:
        super().__init__()
        self.read: list[str] = []
        self._code = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._code += tag in {"code", "pre"}
        self.read += [value for name, value in attrs if name in READ_ALOUD and value]

    def handle_endtag(self, tag: str) -> None:
        self._code -= tag in {"code", "pre"}

    def handle_data(self, data: str) -> None:
        if not self._code:
            self.read.append(data)


def literal_text(source: str) -> str:
    """A template without its tags and variables, and without what stands inside translated blocks."""
    kept, end = [], ""
    for token in Lexer(source).tokenize():
        if token.token_type is TokenType.BLOCK:
            name = token.contents.split()[0]
            end = "" if name == end else end or BLOCKS.get(token.contents, BLOCKS.get(name, ""))
        elif token.token_type is TokenType.TEXT and not end:
            kept.append(token.contents)
    return "\0".join(kept)


def words_of(source: str) -> set[str]:
    reader = Reader()
    reader.feed(literal_text(source).replace("\0", ""))
    return {word for text in reader.read for word in WORD.findall(text)} - NAMES


@pytest.mark.parametrize("name", TEMPLATES)
def test_a_template_holds_no_text_that_cannot_be_translated(name: str) -> None:
    assert words_of((ROOT / name).read_text()) == set()


def test_text_outside_of_translations_is_seen() -> None:
    translated = '{% translate "Yes" %}{% blocktranslate with x=y %}So {{ x }}{% endblocktranslate %}'
    source = f'{translated}<p title="No">{{{{ z }}}} Maybe <code>x</code></p>'
    assert words_of(source) == {"No", "Maybe"}
