"""What gunicorn says by itself: a line as all others, and of a request no more than that it could not be served."""

import json
import socket
import subprocess
import sys
from collections.abc import Callable, Iterable
from typing import Any

from sandbox.launcher.place import CHECKOUT

TOKEN = "eyJhbGciOiJub25lIn0"
COMMAND = ("-m", "gunicorn", f"{__name__}:broken", "--logger-class", "connector.serving.Lines", "--no-control-socket")
THREADS = ("--worker-class", "gthread", "--threads", "2", "--graceful-timeout", "1")


def broken(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """An application that fails where nothing of ours stands around it."""
    raise LookupError(environ["QUERY_STRING"])


def answer(port: int, request: str) -> str:
    with socket.create_connection(("127.0.0.1", port), 10) as client:
        client.sendall(request.encode())
        return client.recv(1000).decode()


def test_every_line_is_json_and_none_holds_what_a_request_asked_for() -> None:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        listening.set_inheritable(True)
        port, number = listening.getsockname()[1], listening.fileno()
        command = [sys.executable, *COMMAND, *THREADS, "--bind", f"fd://{number}"]
        running = subprocess.Popen(command, cwd=CHECKOUT, stderr=subprocess.PIPE, text=True, pass_fds=(number,))
    try:
        asked = f"GET /launch/x/patient/?launch={TOKEN} HTTP/1.1\r\nHost: x\r\n"
        assert " 500 " in answer(port, f"{asked}Connection: close\r\n\r\n")
        assert " 400 " in answer(port, f"{asked}{TOKEN} no header\r\n\r\n")
        assert " 400 " in answer(port, f"{TOKEN}\r\n\r\n")
    finally:
        running.terminate()
        _, said = running.communicate(timeout=20)
    lines = [json.loads(line) for line in said.splitlines()]
    assert TOKEN not in said
    assert "127.0.0.1" not in "".join(line["event"] for line in lines if line["level"] != "info")
    assert [line["event"] for line in lines if line["level"] == "warning"] == ["request not read"] * 2
    [failed] = [line for line in lines if line["event"] == "request not served"]
    assert (failed["level"], failed["exception_type"]) == ("error", "LookupError")
    assert any(line["event"].startswith("Listening at") for line in lines), "the master's are among them"
