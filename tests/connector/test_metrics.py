"""/metrics: who may read it, what it says, and what it still says when PostgreSQL or the cache is away."""

import os
import socket
import subprocess
import sys
from datetime import timedelta

import pytest
from django.core.cache import cache
from django.test import Client
from django.utils import timezone
from prometheus_client.parser import text_string_to_metric_families
from pytest_django import Settings

from connector import health, mail, tally, tasks, trail
from connector.models import Notice
from sandbox.launcher.place import CHECKOUT
from tests.visits import factories

pytestmark = pytest.mark.django_db
TOKEN = "a-token-of-these-tests"
BEARER = {"Authorization": f"Bearer {TOKEN}"}
Found = dict[tuple[str, tuple[str, ...]], float]

# A process whose database and cache are where nobody answers.
ALONE = f"""
import django
django.setup()
from django.test import Client
for path in ("/metrics", "/health/ready"):
    answer = Client().get(path, headers={BEARER!r})
    print(answer.status_code)
    print(answer.content.decode())
"""


@pytest.fixture(autouse=True)
def _with_a_token(settings: Settings) -> None:
    settings.METRICS_TOKEN = TOKEN
    tally.flush()
    cache.clear()
    health._seen = (0.0, {})


def parsed(text: str) -> Found:
    """Each sample by its name and its labels' values, in the order of their names."""
    return {
        (
            sample.name.removeprefix("ehr_connector_"),
            tuple(value for _, value in sorted(sample.labels.items())),
        ): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def scraped() -> Found:
    answer = Client().get("/metrics", headers=BEARER)
    assert answer.status_code == 200
    return parsed(answer.content.decode())


@pytest.mark.parametrize("said", [None, "Bearer ", "Bearer wrong", TOKEN, "Basic x"])
def test_nobody_reads_it_without_the_token(said: str | None) -> None:
    answer = Client().get("/metrics", headers={"Authorization": said} if said else {})
    assert (answer.status_code, answer["WWW-Authenticate"]) == (401, "Bearer")
    assert b"ehr_connector" not in answer.content


def test_without_a_token_in_the_settings_there_is_no_such_page(settings: Settings) -> None:
    settings.METRICS_TOKEN = ""
    for headers in ({}, {"Authorization": "Bearer "}):
        assert Client().get("/metrics", headers=headers).status_code == 404


def test_requests_and_error_pages_are_counted_by_route_and_code() -> None:
    connection = factories.connection()
    client = Client()
    client.get("/health/live")
    client.get(f"/launch/{connection.ref}/provider/")
    client.get("/launch/no-such-ref/provider/")
    client.get("/no/such/page/Ana-Betz")
    client.get("/signin/microsoft/callback/?state=forged&code=x")
    client.post("/notifications/graph/", {"value": [{"clientState": "forged"}] * 3}, content_type="application/json")
    found = scraped()
    assert found["notifications_not_ours_total", ("event",)] == 3
    assert found["requests_total", ("live", "200")] == 1
    assert found["requests_total", ("", "404")] == 1
    assert found["problems_total", ("launch-token-missing", connection.ref, "launch")] == 1
    assert found["problems_total", ("launch-unknown", "", "launch")] == 1
    assert found["problems_total", ("404", "", "")] == 1
    assert found["problems_total", ("sign-in-expired", "", "microsoft_callback")] == 1
    assert not [key for key in found if "Ana" in str(key) or "forged" in str(key)]


def test_a_histogram_adds_up() -> None:
    for seconds in (0.2, 0.3, 40.0):
        tally.observe("outgoing_seconds", seconds, service="graph", outcome="200")
    found = scraped()
    buckets = [found["outgoing_seconds_bucket", (bound, "200", "graph")] for bound in ("0.1", "0.25", "30.0", "+Inf")]
    assert buckets == [0, 1, 2, 3]
    assert found["outgoing_seconds_sum", ("200", "graph")] == pytest.approx(40.5)
    assert found["outgoing_seconds_count", ("200", "graph")] == 3


def test_mail_and_trail_that_wait_are_as_old_as_they_are(settings: Settings) -> None:
    assert scraped()["mail_waiting_seconds", ()] == scraped()["trail_unsealed_seconds", ()] == 0
    settings.EMAIL_HOST = "smtp.example"
    connection = factories.connection()
    mail.tell(connection.organization, connection, "edited", ["it@riverside.example"], by="Ada", path="/")
    Notice.objects.update(next_at=timezone.now() - timedelta(hours=2))
    entry = trail.record(connection.organization, "launched")
    type(entry).objects.update(recorded_at=timezone.now() - timedelta(minutes=3))
    found = scraped()
    assert found["mail_waiting_seconds", ()] == pytest.approx(7200, abs=60)
    assert found["trail_unsealed_seconds", ()] == pytest.approx(180, abs=60)
    assert {value for (name, _), value in found.items() if name in ("up", "levels_known")} == {1.0}


def test_a_trail_that_does_not_hold_is_counted_until_it_is_accepted() -> None:
    organization = factories.connection().organization
    trail.record(organization, "launched")
    trail.seal(organization.pk)
    tasks.verify_trails()
    assert scraped()["trails_broken", ()] == 0
    organization.trail.update(event="something-else")
    trail.ask(organization.pk, whole=True)
    tasks.verify_trails()
    assert scraped()["trails_broken", ()] == 1
    trail.accept(organization)
    assert scraped()["trails_broken", ()] == 0


def test_each_task_of_the_schedule_is_told_with_its_interval(settings: Settings) -> None:
    found = {labels[0]: value for (name, labels), value in scraped().items() if name == "task_interval_seconds"}
    assert found == {name: entry["schedule"] for name, entry in settings.CELERY_BEAT_SCHEDULE.items()}
    assert found["check_links"] == 3600
    assert set(found) == {entry["task"].rpartition(".")[2] for entry in settings.CELERY_BEAT_SCHEDULE.values()}


def test_it_answers_while_nothing_else_does() -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
        away = {
            "DATABASE_URL": f"postgresql://u:p@127.0.0.1:{port}/none?connect_timeout=1",
            "CACHE_URL": f"redis://127.0.0.1:{port}/0",
            "DJANGO_SETTINGS_MODULE": "connector.settings",
            "METRICS_TOKEN": TOKEN,
        }
        command = [sys.executable, "-c", ALONE.replace("Client()", "Client(HTTP_HOST='127.0.0.1')")]
        outcome = subprocess.run(
            command, cwd=CHECKOUT, env=os.environ | away, capture_output=True, text=True, timeout=60, check=True
        )
    scrape, _, ready = outcome.stdout.partition("\n503\n")
    status, _, text = scrape.partition("\n")
    found = parsed(text)
    assert status == "200"
    assert {part: found["up", (part,)] for part in ("database", "broker", "cache")} == {
        "database": 0,
        "broker": 1,
        "cache": 0,
    }
    assert found["levels_known", ()] == 0
    assert ready.split("\n")[:4] == ["database: does not answer", "broker: ok", "cache: does not answer", "process: ok"]
