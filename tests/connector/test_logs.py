"""What a log line holds, and what it never does. The lines are those a real process writes."""

import json
import subprocess
import sys
from typing import Any

from sandbox.launcher.place import CHECKOUT

START = """
import logging
from connector import logs
logs.configure({"level": "INFO"})
log = logging.getLogger("connector.example")
"""


def lines(code: str) -> list[dict[str, Any]]:
    """The log lines of a process that runs this code."""
    command = [sys.executable, "-c", START + code]
    outcome = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, check=True)
    assert outcome.stdout == ""
    return [json.loads(line) for line in outcome.stderr.splitlines()]


def test_a_line_is_one_json_object_with_allowed_keys_only() -> None:
    (line,) = lines(
        """log.info("launch", extra={"door": "patient", "patient_name": "Ana", "token": "t", "_hidden": "h"})"""
    )
    assert line.pop("timestamp").endswith("Z")
    assert line == {"event": "launch", "level": "info", "logger": "connector.example", "door": "patient"}


def test_the_reference_of_the_request_stands_in_every_line() -> None:
    first, second = lines("""logs.reference.set("4F2A"); log.info("one"); logging.getLogger("celery").warning("two")""")
    assert (first["reference"], second["reference"]) == ("4F2A", "4F2A")


def test_a_traceback_keeps_places_and_type_but_no_message() -> None:
    (line,) = lines("""
def chart():
    name = "Ana Betz"
    raise LookupError(f"no chart of {name} at https://ehr.example/Patient/e63")
try:
    chart()
except LookupError as error:
    log.error("unexpected error", exc_info=error, extra={"method": "GET"})
""")
    assert line["exception_type"] == "LookupError"
    assert all(place.startswith("<string>:") for place in line["where"])
    assert len(line["where"]) == 2
    assert "Ana" not in json.dumps(line)
    assert "e63" not in json.dumps(line)


def test_a_warning_of_python_is_a_line_too_and_keeps_no_text() -> None:
    (line,) = lines("""import warnings; warnings.warn("no chart of Ana Betz", RuntimeWarning)""")
    assert (line["event"], line["exception_type"]) == ("warning", "RuntimeWarning")
    assert line["where"][0].startswith("<string>:")
    assert "Ana" not in json.dumps(line)


def test_log_exception_keeps_no_message_either() -> None:
    (line,) = lines("""
try:
    try:
        int("Ana Betz")
    except ValueError as error:
        raise RuntimeError("chart of Ana Betz") from error
except RuntimeError:
    log.exception("unexpected error", stack_info=True)
""")
    assert line["exception_type"] == "RuntimeError"
    assert "Ana" not in json.dumps(line)


def test_libraries_that_would_write_addresses_are_silent() -> None:
    quiet = ["urllib3.connectionpool", "requests", "fhirclient.client", "mozilla_django_oidc.auth", "django.request"]
    quiet += ["django.security.csrf"]
    assert lines("\n".join(f"logging.getLogger({name!r}).error('https://ehr.example/?code=1')" for name in quiet)) == []


def test_a_request_that_django_refuses_is_named_by_its_kind_and_not_by_what_was_in_it() -> None:
    (line,) = lines("logging.getLogger('django.security.DisallowedHost').error('Invalid HTTP_HOST: %r', 'ana.example')")
    assert (line["event"], line["code"], line["level"]) == ("request refused", "DisallowedHost", "error")
    assert "ana" not in json.dumps(line)


def test_lines_below_the_level_are_not_written() -> None:
    assert [line["event"] for line in lines("log.debug('one'); log.info('two')")] == ["two"]


def test_checkpoints_of_the_audit_trail_are_written_at_every_level() -> None:
    (line,) = lines("""
logs.configure({"level": "ERROR"})
log.warning("not this")
logging.getLogger("connector.trail.checkpoints").info("trail checkpoint", extra={"checkpoint": "trail-v1 …"})
""")
    assert (line["event"], line["checkpoint"]) == ("trail checkpoint", "trail-v1 …")
