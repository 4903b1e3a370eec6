"""Ports on the loopback interface: free ones for tests, the documented ones for the demo."""

import os
import random
import socket

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
    """A random free port, below the range that outgoing connections take theirs from."""
    while not is_free(port := random.SystemRandom().randrange(20_000, 32_000)):
        pass
    return port


def free_ports() -> dict[str, int]:
    """A free port for each server of the house, all different."""
    ports: set[int] = set()
    while len(ports) < len(FIXED):
        ports.add(free_port())
    return dict(zip(FIXED, ports, strict=True))


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
