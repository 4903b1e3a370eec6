"""Stand-ins as real processes, on free ports, with a folder of their own."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import requests

from sandbox.launcher.ports import different_ports

NAMES = ("entra", "graph", "teams", "epic", "mail")
ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Sandbox:
    """The stand-ins of one test module: their environment, and `start`, which answers when they are healthy."""

    environment: dict[str, str]
    start: Callable[..., None]

    def url(self, name: str, path: str = "") -> str:
        """The URL of `path` at the stand-in, or at the connector."""
        return self.environment[f"SANDBOX_{name.upper()}_URL"] + path

    def reset(self, *names: str) -> None:
        """Make the stand-ins forget everything, faults included."""
        for name in names:
            requests.post(self.url(name, "/sandbox/reset"), timeout=10).raise_for_status()


def make_environment(folder: Path) -> dict[str, str]:
    """What the launcher gives every stand-in."""
    *ports, smtp, connector = different_ports(len(NAMES) + 2)
    urls = {f"SANDBOX_{name.upper()}_URL": f"http://localhost:{port}" for name, port in zip(NAMES, ports, strict=True)}
    return urls | {
        "SANDBOX_SMTP_PORT": str(smtp),
        "SANDBOX_DATA": str(folder),
        "SANDBOX_SECRET": "cookie-key-of-the-tests",
        "SANDBOX_CONNECTOR_URL": f"http://127.0.0.1:{connector}",
        "SANDBOX_APP_CLIENT_ID": "c0000000-0000-4000-8000-00000000c1d1",
        "SANDBOX_APP_CLIENT_SECRET": "secret-of-the-tests",
    }


def wait_until_healthy(process: "subprocess.Popen[bytes]", url: str) -> None:
    """Return when the stand-in answers; fail when it ends or takes longer than 20 s."""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline and process.poll() is None:
        try:
            requests.get(url, timeout=1).raise_for_status()
        except requests.RequestException:
            time.sleep(0.1)
        else:
            return
    pytest.fail(f"{url} never answered")


@contextmanager
def stand_ins(folder: Path) -> Iterator[Sandbox]:
    """Stand-ins that are started one by one and end with the block."""
    environment = make_environment(folder)
    processes: list[subprocess.Popen[bytes]] = []

    def start(*names: str) -> None:
        for name in names:
            command = [sys.executable, "-m", f"sandbox.{name}"]
            processes.append(subprocess.Popen(command, cwd=ROOT, env=os.environ | environment))
        for name, process in zip(names, processes[-len(names) :], strict=True):
            wait_until_healthy(process, environment[f"SANDBOX_{name.upper()}_URL"] + "/sandbox/health")

    yield Sandbox(environment, start)
    for process in processes:
        process.terminate()
    for process in processes:
        process.wait(10)
