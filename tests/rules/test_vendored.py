"""Every vendored file is listed in docs/dependencies.md as it is on disk, and nothing else is."""

import hashlib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
VENDORED = ROOT / "static/vendor"


def rows() -> list[dict[str, str]]:
    """The rows of the table under "Vendored files", by its headings."""
    section = (ROOT / "docs/dependencies.md").read_text().split("## Vendored files", 1)[1].split("\n## ", 1)[0]
    lines = [[cell.strip(" `") for cell in line.strip("|").split("|")] for line in section.splitlines() if "|" in line]
    return [dict(zip(lines[0], line, strict=True)) for line in lines[2:]]


def listed() -> dict[str, str]:
    """File and sha256 of each row."""
    return {row["File"]: row["sha256"] for row in rows()}


def test_vendored_files_are_the_listed_ones_byte_for_byte() -> None:
    files = (path for path in VENDORED.rglob("*") if path.is_file())
    on_disk = {str(path.relative_to(ROOT)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}
    assert on_disk
    assert on_disk == listed()
