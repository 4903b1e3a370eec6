"""One settings file: what the environment says decides how it behaves. Each is read in a process of its own."""

import json
import os
import subprocess
import sys
from typing import Any

import pytest

from sandbox.launcher.place import CHECKOUT, generated_secrets
from tests.rules.production import ENVIRONMENT


def run(*command: str, **changes: str) -> "subprocess.CompletedProcess[str]":
    """A command of ours in production's environment with changes."""
    given = {"PATH": os.environ["PATH"]} | generated_secrets() | ENVIRONMENT | changes
    command = (sys.executable, *command)
    return subprocess.run(command, env=given, cwd=CHECKOUT, capture_output=True, text=True, check=False)


def values(*names: str, **changes: str) -> list[Any]:
    """These settings as a process sees them."""
    code = f"import json; from connector import settings; print(json.dumps([getattr(settings, n) for n in {names!r}]))"
    outcome = run("-c", code, **changes)
    assert outcome.returncode == 0, outcome.stderr
    found: list[Any] = json.loads(outcome.stdout)
    return found


def test_over_https_cookies_are_for_this_host_and_secure() -> None:
    names = ("SESSION_COOKIE_NAME", "CSRF_COOKIE_NAME", "SESSION_COOKIE_SECURE", "CSRF_COOKIE_SECURE")
    assert values(*names, "SECURE_HSTS_SECONDS") == ["__Host-portal", "__Host-csrf", True, True, 31_536_000]


def test_over_http_cookies_have_no_prefix_so_that_the_demo_works() -> None:
    names = ("SESSION_COOKIE_NAME", "SESSION_COOKIE_SECURE", "SECURE_HSTS_SECONDS")
    assert values(*names, PUBLIC_URL="http://127.0.0.1:8000") == ["portal", False, 0]


def test_only_our_own_addresses_are_answered() -> None:
    assert values("ALLOWED_HOSTS", "CSRF_TRUSTED_ORIGINS") == [
        ["connector.hospital.example", "notifications.hospital.example"],
        ["https://connector.hospital.example"],
    ]


def test_notifications_come_to_the_public_address_unless_another_is_given() -> None:
    assert values("NOTIFICATION_URL", NOTIFICATION_URL="") == ["https://connector.hospital.example"]


def test_the_database_is_postgresql_with_a_pool() -> None:
    (databases,) = values("DATABASES", DATABASE_URL="postgresql://u:p@db.example:6432/name", DATABASE_POOL_SIZE="7")
    default = databases["default"]
    assert [default[key] for key in ("NAME", "USER", "PASSWORD", "HOST", "PORT")] == [
        "name",
        "u",
        "p",
        "db.example",
        6432,
    ]
    assert default["OPTIONS"]["pool"]["max_size"] == 7


@pytest.mark.parametrize("scheme", ["redis", "valkey"])
def test_a_valkey_is_spoken_to_as_a_redis(scheme: str) -> None:
    urls = {"REDIS_URL": f"{scheme}://queue.example/0", "CACHE_URL": f"{scheme}://cache.example/1"}
    broker, caches = values("CELERY_BROKER_URL", "CACHES", **urls)
    assert (broker, caches["default"]["LOCATION"]) == ("redis://queue.example/0", "redis://cache.example/1")


def test_a_worker_whose_clock_is_almost_two_minutes_ahead_takes_every_sweep() -> None:
    [schedule] = values("CELERY_BEAT_SCHEDULE")
    for name, entry in schedule.items():
        assert entry["options"]["expires"] >= max(120, 3 * entry["schedule"]), name


def test_a_proxy_is_believed_only_when_it_is_named() -> None:
    code = "from connector import settings; print(hasattr(settings, 'SECURE_PROXY_SSL_HEADER'))"
    assert [run("-c", code, TRUSTED_PROXY=given).stdout.strip() for given in ("", "True")] == ["False", "True"]


def test_client_ids_and_status_codes_are_kept_by_environment() -> None:
    given = {"EHR_TESTING_PATIENT_CLIENT_ID": "t-2", "EHR_PRODUCTION_STATUS_CODES": "connected=1,disconnected=2"}
    clients, codes = values("EHR_CLIENT_IDS", "EHR_STATUS_CODES", **given)
    assert clients["testing"] == {"provider": "", "patient": "t-2", "backend": ""}
    assert codes == {"testing": {"connected": "1"}, "production": {"connected": "1", "disconnected": "2"}}


def test_a_production_deployment_passes_the_deployment_check() -> None:
    outcome = run("manage.py", "check", "--deploy", "--fail-level", "WARNING")
    assert outcome.returncode == 0, outcome.stderr


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"PUBLIC_URL": "http://connector.hospital.example"}, "PUBLIC_URL is not https"),
        ({"NOTIFICATION_URL": "http://notifications.hospital.example"}, "NOTIFICATION_URL is not https"),
        ({"ENTRA_ALLOWED_TENANTS": "*"}, "ENTRA_ALLOWED_TENANTS is *"),
    ],
)
def test_the_deployment_check_tells_what_no_production_has(changes: dict[str, str], told: str) -> None:
    outcome = run("manage.py", "check", "--deploy", "--fail-level", "WARNING", **changes)
    assert outcome.returncode == 1
    assert told in outcome.stderr


def test_a_wrong_variable_ends_the_worker_and_the_web_server_with_the_same_sentence() -> None:
    for command in (("-m", "celery", "-A", "connector", "report"), ("-c", "import connector.wsgi")):
        outcome = run(*command, LOG_LEVEL="loud")
        assert outcome.returncode != 0
        assert "LOG_LEVEL: Must be one of: DEBUG, INFO, WARNING, ERROR." in outcome.stderr
        assert "Traceback" not in outcome.stderr
