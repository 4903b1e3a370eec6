"""Another implementation of the cryptography: openssl's own commands."""

import subprocess
from pathlib import Path


def run(folder: Path, command: str, given: bytes | None = None) -> bytes:
    return subprocess.check_output(command.split(), cwd=folder, input=given, timeout=30)
