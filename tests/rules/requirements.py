"""`python -m tests.rules.requirements`: the compiled requirements are those of pyproject.toml, pinned and explained."""

import re
import sys
import tomllib
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

DIRECT = "ehr-connector (pyproject.toml"
ENTRY = re.compile(r"^(?P<pin>[A-Za-z0-9].*?) *\\?\n(?P<rest>(?:^[ #].*\n?)*)", re.MULTILINE)


def entries(text: str) -> dict[str, tuple[Requirement, str]]:
    """Compiled requirements by canonical name: the pin, and the lines (hashes, `via`) below it."""
    found = [(Requirement(match["pin"]), match["rest"]) for match in ENTRY.finditer(text)]
    return {canonicalize_name(pin.name): (pin, rest) for pin, rest in found}


def faults(file: str, compiled: dict[str, tuple[Requirement, str]], wanted: list[str]) -> list[str]:
    """One sentence for each requirement that is unpinned, without a hash, missing, outdated or no longer asked for."""
    asked = {canonicalize_name(one.name): one for one in map(Requirement, wanted)}
    direct = {name for name, (_, rest) in compiled.items() if DIRECT in rest}
    unpinned = [
        n for n, (pin, rest) in compiled.items() if not str(pin.specifier).startswith("==") or "--hash" not in rest
    ]
    unlike = [n for n in asked.keys() & direct if not asked[n].specifier.contains(str(compiled[n][0].specifier)[2:])]
    return [
        *(f"{file}: {name} has no version or no hash" for name in unpinned),
        *(f"{file}: {name} is not the version that pyproject.toml asks for" for name in unlike),
        *(f"{file}: {name} is in pyproject.toml and not here" for name in sorted(asked.keys() - direct)),
        *(f"{file}: {name} is no longer in pyproject.toml" for name in sorted(direct - asked.keys())),
    ]


def main() -> None:
    """Exit with a sentence a fault, and how to mend them."""
    project = tomllib.loads(Path("pyproject.toml").read_text())
    runtime: list[str] = project["project"]["dependencies"]
    ours, all_of_them = (entries(Path(f"requirements{kind}.txt").read_text()) for kind in ("", "-dev"))
    found = faults("requirements.txt", ours, runtime)
    found += faults("requirements-dev.txt", all_of_them, runtime + project["dependency-groups"]["dev"])
    differing = [name for name, (pin, _) in ours.items() if name not in all_of_them or pin != all_of_them[name][0]]
    found += [f"requirements-dev.txt: {name} differs from requirements.txt" for name in differing]
    page = Path("docs/dependencies.md").read_text()
    direct = [Requirement(one).name for one in runtime + project["dependency-groups"]["dev"]]
    found += [f"docs/dependencies.md does not say why {name} is here" for name in direct if f"| `{name}` |" not in page]
    if found:
        sys.exit("\n".join([*found, "`make lock` compiles them again."]))


if __name__ == "__main__":
    main()
