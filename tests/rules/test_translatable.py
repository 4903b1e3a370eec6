"""Every word that a person reads can be translated: templates hold no text outside `translate` and `blocktranslate`."""

import ast
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


# --------------------------------------------------------------------------------------------------------- Python texts

HERE = Path(__file__).resolve().parents[2]
# What only an operator reads, in a terminal, in the log of a start or beside a metric; and what a record for another
# system says.
NOT_FOR_PEOPLE = {
    "connector/settings.py",
    "connector/environment.py",
    "connector/checks.py",
    "connector/wsgi.py",
    "connector/tally.py",
    "visits/levels.py",
    "connector/verify.py",
    "visits/audit_event.py",
    # The data map is a page of docs/, in English as they are.
    "visits/data_map.py",
    *(f"connector/data_map/{name}.py" for name in ("shapes", "own", "libraries", "elsewhere", "browsers")),
}
MODULES = sorted(
    path.relative_to(HERE).as_posix()
    for package in ("connector", "portal", "visits")
    for path in (HERE / package).rglob("*.py")
    if not {"migrations", "management"} & set(path.parts)
)
GETTEXT = {"_", "gettext", "gettext_lazy", "ngettext", "ngettext_lazy", "pgettext", "pgettext_lazy"}
SENTENCE = re.compile(r"[A-Z“][^\n]*\s\S+\s\S")  # three words or more
# Where even one word is read by people: functions, and names of what they are given.
SAID_BY = {"Problem", "Explanation", "Screen", "Line", "ValidationError", "add_error", "success", "info", "warning"}
SAID_AS = {"label", "help_text", "title", "who", "placeholder"}
# The same in every language: names of products, records and commands; what a certificate or a meeting is called.
SAME_EVERYWHERE = re.compile(
    r"EHR Connector.*|SMART ON FHIR|URL, CLIENTID.*|PACS / .*|Web / MR.*|Epic Browser Allowlist|MyChart Mobile FDI"
    r"|(New|Grant)-CsApplicationAccessPolicy.*"
)
CODE = re.compile(r"[a-z0-9_.:/{}%-]*")


def called(node: ast.AST) -> str:
    """The last name of what a call calls; empty for anything else."""
    function = node.func if isinstance(node, ast.Call) else None
    return getattr(function, "attr", getattr(function, "id", ""))


def untranslated(source: str) -> list[str]:
    """The texts of a module that people read and that gettext does not know."""
    found: list[str] = []

    def look(node: ast.AST, said: bool) -> None:
        name = called(node)
        logs = name in {"info", "warning"} and isinstance(node.func.value, ast.Name) and node.func.value.id == "log"  # type: ignore[attr-defined]
        internal = isinstance(node, ast.Raise) and called(node.exc or node) != "ValidationError"
        if name in GETTEXT or logs or internal or is_docstring(node):
            return
        said = said or (isinstance(node, ast.keyword) and node.arg in SAID_AS)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and is_text(node.value, said):
            found.append(node.value)
        annotations = {getattr(node, "returns", None), getattr(node, "annotation", None)}
        for child in (one for one in ast.iter_child_nodes(node) if one not in annotations):
            # Of a call that says something, what it is given itself; deeper down only what is a sentence.
            look(child, name in SAID_BY or (said and isinstance(node, ast.keyword)))

    look(ast.parse(source), said=False)
    return found


def is_docstring(node: ast.AST) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def is_text(value: str, said: bool) -> bool:
    """Whether a string is read by people: a sentence anywhere, a word where something is said."""
    if SAME_EVERYWHERE.fullmatch(value):
        return False
    return bool(SENTENCE.match(value)) or (said and not CODE.fullmatch(value))


@pytest.mark.parametrize("name", [name for name in MODULES if name not in NOT_FOR_PEOPLE])
def test_a_module_says_nothing_that_cannot_be_translated(name: str) -> None:
    assert untranslated((HERE / name).read_text()) == []


def test_a_text_outside_of_gettext_is_seen_in_a_module() -> None:
    source = '''"""No text at all."""
log.info("Not for people at all")
raise TypeError("Not for people either")
messages.success(request, "Saved.")
messages.success(request, _("Saved."))
form.add_error("field", "Wrong")
raise forms.ValidationError("Wrong again")
TEXTS = {"code": "This is read by somebody."}
field = CharField(label="Name", max_length=3)
'''
    assert untranslated(source) == ["Saved.", "Wrong", "Wrong again", "This is read by somebody.", "Name"]
