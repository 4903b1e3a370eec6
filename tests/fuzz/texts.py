"""Junk that staff pastes or keeps in files: records for the checker, and configuration as YAML."""

import tempfile
from io import StringIO
from pathlib import Path

import yaml
from django.core.management import CommandError, call_command
from django.urls import reverse
from hypothesis import strategies as st
from hypothesis.strategies import DataObject

from portal import as_code
from portal.checker.sources import expected
from portal.checker.views import LONGEST
from tests.fuzz import junk
from tests.fuzz.edges import ask, outcome
from tests.fuzz.judge import Act, Outcome
from tests.fuzz.world import World
from tests.portal.test_checker.test_renderings import RENDERINGS

DEEP = 5000
BOMBS = {
    "aliases": "a: &a [x,x,x,x,x,x,x,x,x]\n"
    + "".join(f"{y}: &{y} [{','.join([f'*{x}'] * 9)}]\n" for x, y in zip("abcdefghi", "bcdefghij", strict=True)),
    "merges": "a: &a {x: 1}\n"
    + "".join(
        f"{y}: &{y} {{<<: [{','.join([f'*{x}'] * 9)}]}}\n" for x, y in zip("abcdefghi", "bcdefghij", strict=True)
    ),
    "in itself": "version: 1\nconnections: &a [*a]\n",
    "keys of aliases": "a: &a [x,x,x,x,x,x,x,x,x]\n"
    + "".join(f"{y}: &{y} [{','.join([f'*{x}'] * 9)}]\n" for x, y in zip("abcdefghi", "bcdefghij", strict=True))
    + "? *j\n: 1\n? *j\n: 2\n",
    "deep": "[" * DEEP,
    "deep maps": "".join(f"{' ' * depth}a:\n" for depth in range(600)),
    "many members": "".join(f"n{number}: 1\n" for number in range(30_000)),
    "tags": "a: !!python/object/apply:os.system [x]\n",
    "times": "version: 2026-99-99T99:99:99Z\n",
    "numbers": f"version: {'9' * 6000}\n",
    "sexagesimal": f"version: {':'.join(['59'] * 3000)}\n",
    "bytes": "version: !!binary '%%%'\n",
    "sets": "version: !!set {a, b}\norganization: !!omap [a: 1]\n",
}


def configuration(world: World, data: DataObject) -> Act:
    """A configuration file with something broken, imported as an administrator would."""
    valid = yaml.safe_load(as_code.export(world.organization))
    document = data.draw(junk.documents(valid))
    shown = yaml.safe_dump(document, allow_unicode=data.draw(st.booleans()))
    line = data.draw(st.integers(0, shown.count("\n")))
    lines = shown.split("\n")
    bad = "\n".join([*lines[:line], data.draw(junk.texts), *lines[line:]])
    text = data.draw(
        st.sampled_from([shown, shown, shown, bad, bad, *BOMBS.values(), *(shown + bomb for bomb in BOMBS.values())])
    )

    def act() -> Outcome:
        with tempfile.NamedTemporaryFile() as file:
            Path(file.name).write_bytes(text.encode("utf-8", "surrogatepass"))
            oid = str(world.user.oid)
            try:
                call_command("configuration", "import", file.name, administrator=oid, stdout=StringIO())
            except CommandError:
                return Outcome(False)
        return Outcome(True)

    return act


@st.composite
def _pasted(draw: st.DrawFn, rows: tuple[tuple[str, str], ...]) -> str:
    """Records as people paste them, in any layout, with their names, values and lines broken."""
    layout = RENDERINGS[draw(st.sampled_from(sorted(RENDERINGS)))]
    broken = tuple(
        (
            draw(st.sampled_from([name, name, name + name, f"{name} ", draw(junk.texts)])),
            draw(st.one_of(st.just(value), junk.texts)),
        )
        for name, value in rows
    )
    text = layout(broken)
    cut = draw(st.integers(0, min(len(text), 400)))
    between = draw(
        st.sampled_from(
            ["", "\n", "\t" * 3000, '"' * 3000, "|" * 3000, "=" * 3000, " " * 3000, "URL=" * 3000, "; " * 3000]
        )
    )
    return (text[:cut] + between + text[cut:])[:LONGEST]


def pasted(world: World, data: DataObject) -> Act:
    """The record checker: what is pasted is kept nowhere."""
    assert world.connection.live
    wanted = data.draw(st.sampled_from(expected(world.connection, world.connection.live)))
    text, only = data.draw(_pasted(wanted.rows)), data.draw(st.sampled_from(["", wanted.kind, junk.MARK]))

    def act() -> Outcome:
        body = junk.encoded([("pasted", text), ("only", only)]).encode()
        return outcome(ask(world.browser("staff"), "POST", reverse("record_check", args=[world.connection.ref]), body))

    return act
