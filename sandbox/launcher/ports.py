"""Ports on the loopback interface: free ones for tests, the documented ones for the demo."""

import fcntl
import os
import random
import socket
import tempfile
from pathlib import Path

from sandbox.launcher.crew import LauncherError

FIXED = {
    "web": 8000,
    "notifications": 8001,
    "entra": 8010,
    "graph": 8011,
    "teams": 8012,
    "epic": 8013,
    "mail": 8014,
    "smtp": 8015,
}


def is_free(port: int) -> bool:
    """Whether a server could listen on this port of 127.0.0.1 now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def free_port() -> int:
    """A random free port, below the range that outgoing connections take theirs from. As long as this process lives no
    other is given the same, though nobody listens there yet."""
    while not (is_free(port := random.SystemRandom().randrange(20_000, 32_000)) and _reserved(port)):
        pass
    return port


def _reserved(port: int) -> bool:
    folder = Path(tempfile.gettempdir(), f"ehr-connector-ports-{os.getuid()}")
    folder.mkdir(mode=0o700, exist_ok=True)
    paper = os.open(folder / str(port), os.O_CREAT | os.O_RDWR | os.O_CLOEXEC)
    try:
        fcntl.flock(paper, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(paper)
        return False
    return True  # the lock ends with the process, which leaves the file open


def different_ports(many: int) -> set[int]:
    """So many free ports, no two the same."""
    ports: set[int] = set()
    while len(ports) < many:
        ports.add(free_port())
    return ports


def free_ports() -> dict[str, int]:
    """A free port for each server of the house, all different."""
    return dict(zip(FIXED, different_ports(len(FIXED)), strict=True))


def fixed_ports() -> dict[str, int]:
    """The demo's ports; `DEMO_WEB_PORT` and its like move one. Raises LauncherError when one is taken."""
    ports = {name: int(os.environ.get(_variable(name), port)) for name, port in FIXED.items()}
    for name, port in ports.items():
        if not is_free(port):
            example = f"{_variable(name)}={free_port()} make demo"
            raise LauncherError(f"Port {port} (for {name}) is taken by another program. Another one: {example}")
    return ports


def _variable(name: str) -> str:
    return f"DEMO_{name.upper()}_PORT"
