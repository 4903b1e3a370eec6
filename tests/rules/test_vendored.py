"""Every vendored file is listed in docs/dependencies.md as it is on disk, and nothing else is."""

import hashlib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
VENDORED = ROOT / "static/vendor"


def listed() -> dict[str, str]:
    """File and sha256 of each row of the table under "Vendored files"."""
    section = (ROOT / "docs/dependencies.md").read_text().split("## Vendored files", 1)[1].split("\n## ", 1)[0]
    rows = [[cell.strip(" `") for cell in line.strip("|").split("|")] for line in section.splitlines() if "|" in line]
    heading = rows[0]
    return {row[heading.index("File")]: row[heading.index("sha256")] for row in rows[2:]}


def test_vendored_files_are_the_listed_ones_byte_for_byte() -> None:
    files = (path for path in VENDORED.rglob("*") if path.is_file())
    on_disk = {str(path.relative_to(ROOT)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}
    assert on_disk
    assert on_disk == listed()
