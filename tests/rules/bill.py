"""`python -m tests.rules.bill`: the bill of materials of what production runs (CycloneDX), and the list of licences."""

import hashlib
import json
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import metadata
from pathlib import Path
from typing import Any

from cyclonedx.spdx import fixup_id, is_expression

from tests.rules.test_vendored import rows

ROOT = Path(__file__).resolve().parents[2]
BILL, LICENCES = ROOT / "sbom.json", ROOT / "docs/licences.md"
INTRODUCTION = """# Licences

What production installs and serves, each with its licence: written by `make sbom`, which also writes the bill of
materials `sbom.json` (CycloneDX). [dependencies.md](dependencies.md) says what each is for; the connector itself is
under [Apache-2.0](../LICENSE).

| Package | Version | Licence |
|---|---|---|
"""
Document = dict[str, Any]


def licence(package: str) -> str:
    """The licence that an installed package names: as an SPDX expression, else by its classifiers, else in words."""
    told = metadata(package)
    named = [one.rpartition(" :: ")[2] for one in told.get_all("Classifier") or () if one.startswith("License :: ")]
    expressions, words = (told.get_all(name) or [""] for name in ("License-Expression", "License"))
    return str(expressions[0] or ", ".join(named) or words[0]).split("\n")[0]


def vendored() -> Iterator[Document]:
    """Each file that is kept as published, as a component."""
    for row in rows():
        content = (ROOT / row["File"]).read_bytes()
        yield {
            "type": "file",
            "bom-ref": row["File"],
            "name": row["File"],
            "version": row["Version"],
            "hashes": [{"alg": "SHA-256", "content": hashlib.sha256(content).hexdigest()}],
            "licenses": _licence(row["Licence"]),
        }


def _licence(text: str) -> list[Document]:
    if known := fixup_id(text):
        return [{"license": {"id": known}}]
    return [{"expression": text}] if is_expression(text) else [{"license": {"name": text}}]


def bill() -> Document:
    """The packages as cyclonedx-py reads them from the pinned requirements, their licences, and the vendored files."""
    made = ("requirements", "--output-reproducible", "--of=JSON", "--pyproject=pyproject.toml", "requirements.txt")
    tool = Path(sys.executable).with_name("cyclonedx-py")
    document: Document = json.loads(subprocess.run([tool, *made], cwd=ROOT, capture_output=True, check=True).stdout)
    for component in document["components"]:
        component["licenses"] = _licence(licence(component["name"]))
    document["components"] += vendored()
    references = [component["bom-ref"] for component in document["components"]]
    root = document["metadata"]["component"]["bom-ref"]
    document["dependencies"] = [{"ref": root, "dependsOn": references}, *({"ref": one} for one in references)]
    return document


def listed(document: Document) -> str:
    """The page of licences."""
    shown = sorted(document["components"], key=lambda component: str(component["name"]))
    return INTRODUCTION + "".join(f"| `{one['name']}` | {one['version']} | {_name(one)} |\n" for one in shown)


def _name(component: Document) -> str:
    (held,) = component["licenses"]
    return str(held.get("expression") or held["license"].get("id") or held["license"]["name"])


def main() -> None:
    document = bill()
    BILL.write_text(json.dumps(document, indent=2) + "\n")
    LICENCES.write_text(listed(document))


if __name__ == "__main__":
    main()
