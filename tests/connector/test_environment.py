"""Reading the environment: what is missing or wrong is told in a sentence each, and nothing starts."""

import os
import subprocess
import sys
from base64 import b64encode
from collections.abc import Mapping
from pathlib import Path

import pytest
from marshmallow import ValidationError

from connector.environment import base_url, codes, hosts, key_ring
from sandbox.launcher.place import CHECKOUT, generated_secrets
from tests.rules.production import ENVIRONMENT

ONE, OTHER = (b64encode(bytes([number]) * 32).decode() for number in (1, 2))
REQUIRED = (
    "CACHE_URL",
    "DATABASE_URL",
    "ENTRA_ALLOWED_TENANTS",
    "ENTRA_CLIENT_ID",
    "ENTRA_CLIENT_SECRET",
    "KEY_ENCRYPTION_KEYS",
    "PUBLIC_URL",
    "REDIS_URL",
    "SECRET_KEY",
)


def check(given: Mapping[str, str]) -> "subprocess.CompletedProcess[str]":
    """`manage.py check` in a process that has these variables and no others."""
    system = {"PATH": os.environ["PATH"], "DJANGO_SETTINGS_MODULE": "connector.settings"}
    command = [sys.executable, "manage.py", "check"]
    return subprocess.run(command, env=system | dict(given), cwd=CHECKOUT, capture_output=True, text=True, check=False)


def refusal(*sentences: str) -> str:
    return "\n".join(["The connector cannot start:", *(f"  {sentence}" for sentence in sentences)]) + "\n"


def test_every_missing_variable_is_named_in_one_go() -> None:
    outcome = check({})
    assert outcome.returncode == 1
    assert outcome.stderr == refusal(*(f"{name}: Environment variable not set." for name in REQUIRED))


def test_an_empty_variable_is_a_missing_one() -> None:
    outcome = check(
        generated_secrets() | ENVIRONMENT | {"PUBLIC_URL": "", "ENTRA_ALLOWED_TENANTS": "", "LOG_LEVEL": ""}
    )
    missing = ("ENTRA_ALLOWED_TENANTS", "PUBLIC_URL")
    assert outcome.stderr == refusal(*(f"{name}: Environment variable not set." for name in missing))


def test_a_complete_environment_starts() -> None:
    outcome = check(generated_secrets() | ENVIRONMENT)
    assert outcome.returncode == 0, outcome.stderr


def test_wrong_values_are_named_without_being_shown() -> None:
    wrong = {
        "KEY_ENCRYPTION_KEYS": "k1:c2hvcnQ=",
        "PUBLIC_URL": "connector.hospital.example",
        "DATABASE_URL": "mysql://user:unsaid@database.hospital.example/x",
        "DATABASE_POOL_SIZE": "many",
        "LOG_LEVEL": "loud",
        "SECRET_KEY": "too short",
    }
    outcome = check(generated_secrets() | ENVIRONMENT | wrong)
    assert outcome.returncode == 1
    assert outcome.stderr == refusal(
        "DATABASE_POOL_SIZE: Not a valid integer.",
        "DATABASE_URL: must be postgresql://…",
        "KEY_ENCRYPTION_KEYS: must be id:base64 pairs of 32 random bytes, comma separated",
        "LOG_LEVEL: Must be one of: DEBUG, INFO, WARNING, ERROR.",
        "PUBLIC_URL: must be a URL such as https://connector.hospital.example",
        "SECRET_KEY: Shorter than minimum length 32.",
    )


def test_a_secret_is_read_from_the_file_that_its_variable_names(tmp_path: Path) -> None:
    given = generated_secrets() | ENVIRONMENT
    mounted = tmp_path / "secret"
    mounted.write_text(given.pop("SECRET_KEY") + "\n")
    assert check(given | {"SECRET_KEY_FILE": str(mounted)}).returncode == 0
    mounted.write_text("too short\n")
    assert check(given | {"SECRET_KEY_FILE": str(mounted)}).stderr == refusal(
        "SECRET_KEY: Shorter than minimum length 32."
    )


def test_a_file_that_cannot_be_read_is_told_beside_what_else_is_wrong(tmp_path: Path) -> None:
    given = {"REGION_FILE": str(tmp_path / "absent"), "LOG_LEVEL": "loud"}
    outcome = check(generated_secrets() | ENVIRONMENT | given)
    assert outcome.returncode == 1
    assert outcome.stderr == refusal(
        "LOG_LEVEL: Must be one of: DEBUG, INFO, WARNING, ERROR.",
        "REGION: REGION_FILE does not name a file that can be read.",
    )


def test_the_first_key_of_the_ring_is_the_one_that_wraps() -> None:
    assert list(key_ring(f"k2:{OTHER}, k1:{ONE}").items()) == [("k2", b"\x02" * 32), ("k1", b"\x01" * 32)]


@pytest.mark.parametrize(
    "ring", ["", "k1", f":{ONE}", f"k1:{ONE},", f"k 1:{ONE}", "k1:c2hvcnQ=", "k1:no base64", f"k1:{ONE},k1:{OTHER}"]
)
def test_a_wrong_key_ring_is_refused(ring: str) -> None:
    with pytest.raises(ValidationError, match="32 random bytes"):
        key_ring(ring)


@pytest.mark.parametrize(
    "url",
    [
        "connector.hospital.example",
        "ftp://connector.hospital.example",
        "https://",
        "https://connector.hospital.example?x=1",
        "https://connector.hospital.example#x",
        "https://user:password@connector.hospital.example",
        "https://connector.hospital.example:99999",
        "https://[::1",
    ],
)
def test_a_wrong_url_is_refused(url: str) -> None:
    with pytest.raises(ValidationError, match="must be a URL"):
        base_url(url)


def test_a_url_loses_its_last_slash() -> None:
    assert base_url("https://connector.hospital.example/") == "https://connector.hospital.example"


def test_pairs_and_hosts_are_read_with_or_without_spaces() -> None:
    assert codes("connected=1, disconnected = 2") == {"connected": "1", "disconnected": "2"}
    assert codes("") == {}
    assert hosts(" EHR.hospital.example:8443, ,localhost") == {"ehr.hospital.example:8443", "localhost"}
    with pytest.raises(ValidationError, match="name=value"):
        codes("connected")
