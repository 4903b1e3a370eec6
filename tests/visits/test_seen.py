"""The processes as a hospital runs them, by the command lines of docs/deploy: one visit followed from the button to the
EHR's own record, its numbers, its traces, and a stop in the middle of work."""

import json
import os
import re
import shlex
import signal
import subprocess
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from prometheus_client.parser import text_string_to_metric_families

from sandbox.epic.people import PEOPLE
from sandbox.launcher.place import CHECKOUT
from tests.portal.steps import tell
from tests.servers import Reply, Server, serving
from tests.stories.people import INSTANCE
from tests.visits.call import begun, shows, until
from tests.visits.steps import CARLA, PIA, Clinic, callback_of, enter

UNITS = CHECKOUT / "docs/deploy/systemd"
GIVEN = "0af7651916cd"  # as the reverse proxy numbers a request
PROCESSES = {"web": "web", "notifications": "notifications", "worker": "worker@", "scheduler": "scheduler"}


@dataclass
class Process:
    """A process that runs by its unit's command line, and what it has written."""

    name: str
    running: subprocess.Popen[str]
    said: list[str] = field(default_factory=list)

    def lines(self) -> list[dict[str, Any]]:
        """Each is a JSON object, whoever wrote it."""
        return [json.loads(line) for line in self.said]

    def seconds_to_stop(self) -> float:
        """Send SIGTERM, as a supervisor does; how long it took to end by itself."""
        began = time.monotonic()
        self.running.send_signal(signal.SIGTERM)
        self.running.wait(60)
        return time.monotonic() - began


@dataclass
class Deployment:
    """The clinic, with its processes in a hospital's hands, and a collector of traces."""

    clinic: Clinic
    folder: Path
    collector: Server
    stack: ExitStack

    def start(self, name: str) -> Process:
        house = self.clinic.house
        house.stop(name)
        environment = house.environment | {
            "OTEL_EXPORTER_OTLP_ENDPOINT": self.collector.url,
            "OTEL_BSP_SCHEDULE_DELAY": "200",
            "OUTGOING_ALLOWED_HOSTS": f"{house.environment['OUTGOING_ALLOWED_HOSTS']},{self.collector.host}",
            "TRUSTED_PROXY": "True",
            "PYTHONUNBUFFERED": "1",
            "PYTHONWARNINGS": "ignore::RuntimeWarning",  # Celery's, of running as root, which units do not
        }
        command = self.command(name)
        running = subprocess.Popen(
            command, cwd=CHECKOUT, env=environment, stderr=subprocess.PIPE, text=True, start_new_session=True
        )
        process = Process(name, running)
        reader = threading.Thread(target=lambda: process.said.extend(running.stderr or ()), daemon=True)
        reader.start()
        self.stack.callback(self.end, running)
        return process

    def command(self, name: str) -> list[str]:
        """ExecStart of the unit, with this checkout's interpreter, address, files and log level in its places."""
        [line] = re.findall("^ExecStart=(.*)$", (UNITS / f"ehr-connector-{PROCESSES[name]}.service").read_text(), re.M)
        here = {
            "/opt/ehr-connector/.venv/bin": str(Path(sys.executable).parent),
            "127.0.0.1:8000": urlsplit(self.clinic.house.urls["web"]).netloc,
            "127.0.0.1:8001": urlsplit(self.clinic.house.urls["notifications"]).netloc,
            "--workers 4": "--workers 2",
            "/var/lib/ehr-connector": str(self.folder),
            "worker%i@%H": "worker1@tests",
        }
        for theirs, ours in here.items():
            line = line.replace(theirs, ours)
        return shlex.split(line)

    @staticmethod
    def end(running: subprocess.Popen[str]) -> None:
        if running.poll() is None:
            os.killpg(running.pid, signal.SIGKILL)
            running.wait()

    def health(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "manage.py", "health", *arguments]
        return subprocess.run(
            command, cwd=CHECKOUT, env=self.clinic.house.environment, capture_output=True, text=True, timeout=90
        )

    def ready(self, name: str = "web") -> bool:
        try:
            return requests.get(f"{self.clinic.house.urls[name]}/health/ready", timeout=5).status_code == 200
        except requests.RequestException:
            return False

    def metrics(self, name: str = "web") -> dict[tuple[str, frozenset[str]], float]:
        house = self.clinic.house
        bearer = {"Authorization": f"Bearer {house.environment['METRICS_TOKEN']}"}
        answer = requests.get(f"{house.urls[name]}/metrics", headers=bearer, timeout=10)
        families = text_string_to_metric_families(answer.text)
        samples = [sample for family in families for sample in family.samples]
        return {(one.name.removeprefix("ehr_connector_"), frozenset(one.labels.values())): one.value for one in samples}

    def spans(self) -> list[bytes]:
        return [one.body for one in self.collector.asked("/v1/traces")]


@pytest.fixture
def deployment(clinic: Clinic, tmp_path: Path) -> Iterator[Deployment]:
    with ExitStack() as stack:
        stack.callback(clinic.house.mend)
        collector = stack.enter_context(serving())
        collector.answer("/v1/traces", Reply(b"", headers={"Content-Type": "application/x-protobuf"}))
        yield Deployment(clinic, tmp_path, collector, stack)


def told(clinic: Clinic) -> list[dict[str, Any]]:
    """The EHR's own record of what it was told."""
    calls: list[dict[str, Any]] = tell(clinic.house, "epic", f"{INSTANCE}/status", "GET")
    return calls


def test_a_visit_is_followed_from_the_button_to_the_ehr(deployment: Deployment) -> None:
    clinic = deployment.clinic
    clinic.house.stop("scheduler")  # a sweep might be there first, and nobody's number
    web, notifications, worker = (deployment.start(name) for name in ("web", "notifications", "worker"))
    until(deployment.ready)
    until(lambda: deployment.ready("notifications"))
    assert deployment.health("worker", "--name", "worker1@tests", "--wait", "60").returncode == 0
    assert "does not answer" in deployment.health("worker", "--name", "nobody@tests").stderr

    csn = clinic.add_visit(CARLA)
    patient = clinic.visitor()
    patient.headers["X-Request-ID"] = GIVEN
    handle = urlsplit(enter(clinic, PIA, csn, patient).url).path
    shows(clinic, csn, patient="waiting")

    # By grep: the proxy's number, the visit that it began, the delivery for that visit, the EHR's record of it.
    [launched] = [line for line in web.lines() if line["event"] == "launched" and line["reference"] == GIVEN]
    until(lambda: [line for line in worker.lines() if line["event"] == "writeback"])
    [delivery] = [
        line for line in worker.lines() if line["event"] == "writeback" and line["visit"] == launched["visit"]
    ]
    assert delivery["reference"] in [call["request"] for call in told(clinic) if call["ConferenceID"] == csn]
    assert delivery["origin"] == GIVEN, "the request that woke the worker"
    calls = [line for line in worker.lines() if line["event"] == "outgoing request"]
    assert delivery["reference"] in [line["reference"] for line in calls]

    patient.open("/launch/no-such-ref/patient/")
    scheduler = deployment.start("scheduler")
    assert deployment.health("scheduler", "--wait", "60").returncode == 0
    swept = ("task_last_success_timestamp_seconds", frozenset(("sweep_writebacks",)))
    until(lambda: swept in deployment.metrics())
    found = deployment.metrics()
    assert found["requests_total", frozenset(("launch", "302"))] >= 1
    assert found["problems_total", frozenset(("launch-unknown", "launch", ""))] == 1
    assert found["writebacks_total", frozenset((clinic.ref, "accepted"))] >= 1
    assert found["outgoing_seconds_count", frozenset(("ehr", "200"))] >= 1
    assert found["tasks_total", frozenset(("drain", "success"))] >= 1
    now = time.time()
    assert now - found["scheduler_last_sent_timestamp_seconds", frozenset()] < 30
    assert now - found[swept] < 30

    wanted = {"GET launch/<slug:ref>/<slug:door>/", "GET ehr", "visits.tasks.drain"}
    until(lambda: wanted <= {span.name for span in spans_of(deployment)})
    marked = [person.external_id.strip() for person in PEOPLE] + [csn, handle.split("/")[2]]
    marked += [person.name for person in PEOPLE] + ["iss=", "launch=", "SELECT", "INSERT"]
    sent = b"".join(deployment.spans())
    assert [text for text in marked if text.encode() in sent] == []
    together: defaultdict[bytes, set[str]] = defaultdict(set)
    for span in spans_of(deployment):
        together[span.trace_id].add(span.name)
    woken = [one for one in together.values() if "visits.tasks.drain" in one]
    assert any(name.startswith("GET launch/") for one in woken for name in one), (
        "the press and the delivery are one trace"
    )

    # The notification service, as Graph asks it before it sends, and as Prometheus does.
    asked = f"{clinic.house.urls['notifications']}/notifications/graph/?validationToken=one"
    assert requests.post(asked, timeout=10).text == "one"
    assert deployment.metrics("notifications")["up", frozenset(("database",))] == 1

    assert scheduler.seconds_to_stop() < 10
    assert worker.seconds_to_stop() < 30
    assert web.seconds_to_stop() < 10
    assert notifications.seconds_to_stop() < 10
    ended = (scheduler, worker, web, notifications)
    assert [one.running.returncode for one in ended] == [0, 0, 0, 0]
    assert all(one.lines() for one in (web, notifications)), "gunicorn's own among them"


def spans_of(deployment: Deployment) -> list[Any]:
    found = []
    for body in deployment.spans():
        batch = ExportTraceServiceRequest.FromString(body)
        found += [span for of in batch.resource_spans for scope in of.scope_spans for span in scope.spans]
    return found


def test_a_stop_in_the_middle_loses_nothing(deployment: Deployment) -> None:
    clinic = deployment.clinic
    call = begun(clinic)
    web, worker = deployment.start("web"), deployment.start("worker")
    until(deployment.ready)
    assert deployment.health("worker", "--name", "worker1@tests", "--wait", "60").returncode == 0

    # A launch waits for the EHR, and a delivery too, while both are told to stop.
    other = clinic.visitor()
    callback = callback_of(clinic, other, PIA, clinic.add_visit(CARLA))
    clinic.fail("epic", "/oauth2/token|SetExternalConnectionStatus", "delay", 2)
    before, balancer, ready = len(told(clinic)), requests.Session(), f"{clinic.house.urls['web']}/health/ready"
    with ThreadPoolExecutor(3) as people:
        pressed = people.submit(other.open, callback, follow=False)
        call.clinician_comes()
        until(lambda: clinic.rows("SELECT 1 FROM visits_writeback WHERE lease IS NOT NULL"))
        assert balancer.get(ready, timeout=10).status_code == 200, "its connection stays open"
        stopping = [people.submit(process.seconds_to_stop) for process in (web, worker)]
        until(lambda: balancer.get(ready, timeout=10).status_code == 503)
        answer, stopped = pressed.result(), [one.result() for one in stopping]
    assert answer.status == 302, answer.text
    assert max(stopped) < 25, stopped
    assert (web.running.returncode, worker.running.returncode) == (0, 0)
    assert clinic.rows("SELECT 1 FROM visits_lane WHERE lease IS NOT NULL") == [], "every lane was given back"
    assert clinic.rows("SELECT 1 FROM visits_writeback WHERE lease IS NOT NULL AND state = 'waiting'") == []
    assert len(told(clinic)) > before, "what was at hand was delivered"
    clinic.house.mend()
    shows(clinic, call.csn, clinician="connected", patient="waiting")
