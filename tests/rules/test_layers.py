"""The layers hold: portal above visits above connector, the sandbox beside them."""

import subprocess

from sandbox.launcher.place import CHECKOUT


def test_every_import_contract_is_kept() -> None:
    command = [str(CHECKOUT / ".venv/bin/lint-imports"), "--no-cache"]
    outcome = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, check=False)
    assert outcome.returncode == 0, outcome.stdout
    assert "0 broken" in outcome.stdout
