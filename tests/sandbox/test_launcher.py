"""The launcher: what it starts answers, and nothing outlives it."""

import os
import signal
import smtplib
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
import redis
import requests
from playwright.sync_api import Page
from psycopg.rows import DictRow

from sandbox.launcher.crew import Crew, LauncherError, Program, run
from sandbox.launcher.environment import SMTP, STAND_INS, urls_of
from sandbox.launcher.house import House
from sandbox.launcher.place import CHECKOUT, DataInUse, account_for, home, kept_secrets, occupied
from sandbox.launcher.ports import FIXED, fixed_ports, free_ports
from sandbox.launcher.services import Addresses, create_database, services
from sandbox.launcher.tour import page

SLEEPER = "import time; time.sleep(300)"
DEAF = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); time.sleep(300)"
SUPERVISOR = """
import pathlib, sys, time
from sandbox.launcher.services import services
with services(pathlib.Path(sys.argv[1]), {}, keep=False) as addresses:
    print(addresses.database_url, addresses.redis_url, flush=True)
    time.sleep(300)
"""


@pytest.fixture
def data() -> Iterator[Path]:
    """A data folder where the account that runs the services can reach it; forgotten afterwards."""
    folder = home() / f"test-{os.getpid()}"
    yield folder
    subprocess.run(["rm", "-rf", str(folder)], check=True)


@pytest.fixture
def program(tmp_path: Path) -> Callable[..., Program]:
    """A program made of a line of Python."""
    lock = os.open(tmp_path / "lock", os.O_RDWR | os.O_CREAT)

    def make(code: str, name: str = "clerk", **more: object) -> Program:
        command = [sys.executable, "-c", code]
        return Program(name, command, dict(os.environ), tmp_path / f"{name}.log", tmp_path, lock, **more)  # type: ignore[arg-type]

    return make


@pytest.fixture
def crew() -> Iterator[Crew]:
    crew = Crew()
    yield crew
    crew.stop(list(crew.programs))


def eventually(condition: Callable[[], bool], within: float = 10) -> bool:
    deadline = time.monotonic() + within
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.05)
    return condition()


def databases(url: str) -> list[str]:
    with psycopg.connect(url) as connection:
        return [name for (name,) in connection.execute("SELECT datname FROM pg_database")]


def test_the_services_answer_and_keep_what_they_were_given(data: Path) -> None:
    with services(data, {}) as first:
        create_database(first.database_url, "kept")
        redis.Redis.from_url(first.redis_url).set("kept", "yes")
    with services(data, {}) as second:
        assert "kept" in databases(second.database_url)
        broker = redis.Redis.from_url(second.redis_url)
        assert broker.get("kept") == b"yes"
        assert broker.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}
        assert redis.Redis.from_url(second.cache_url).get("kept") is None


def test_a_stranger_without_the_password_is_refused(data: Path) -> None:
    with services(data, {}, keep=False) as addresses:
        password = kept_secrets(data)["DATABASE_PASSWORD"]
        with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
            psycopg.connect(addresses.database_url.replace(password, "guess"))
        with pytest.raises(redis.AuthenticationError):
            redis.Redis.from_url(addresses.redis_url.replace(kept_secrets(data)["VALKEY_PASSWORD"], "guess")).ping()


def test_services_that_are_given_are_used_and_none_is_started(data: Path) -> None:
    given = {"DATABASE_URL": "postgresql://db.example/connector", "REDIS_URL": "redis://queue.example:6379/0"}
    with services(data, given) as addresses:
        cache = "redis://queue.example:6379/1"
        assert addresses == Addresses(given["DATABASE_URL"], given["REDIS_URL"], cache)
        assert not (data / "postgres").exists()


def test_data_in_use_is_refused_in_one_sentence(data: Path) -> None:
    with occupied(data), pytest.raises(DataInUse, match=rf"runs already \(process {os.getpid()}"), occupied(data):
        pass


def test_data_of_another_checkout_is_refused(data: Path) -> None:
    with occupied(data):
        (data / "checkout").write_text("/srv/elsewhere\n")
    with pytest.raises(LauncherError, match="belongs to the checkout /srv/elsewhere"), occupied(data):
        pass


def test_data_of_another_major_version_is_refused(data: Path) -> None:
    (data / "postgres").mkdir(parents=True)
    (data / "postgres" / "PG_VERSION").write_text("15\n")
    with pytest.raises(LauncherError, match="made by PostgreSQL 15"), services(data, {}):
        pass


def test_secrets_are_made_once_and_are_nobody_elses_to_read(tmp_path: Path) -> None:
    first = kept_secrets(tmp_path)
    assert kept_secrets(tmp_path) == first
    assert len(set(first.values())) == len(first)
    assert (tmp_path / "secrets.json").stat().st_mode & 0o777 == 0o600


def test_services_end_when_their_supervisor_is_killed(data: Path) -> None:
    command = [sys.executable, "-c", SUPERVISOR, str(data)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=CHECKOUT) as supervisor:
        assert supervisor.stdout
        database_url, redis_url = supervisor.stdout.readline().split()
        assert databases(database_url)
        supervisor.kill()
    with services(data, {}, keep=False) as again:  # the lock is free only when the last of them is gone
        assert databases(again.database_url)
    for url in (database_url, redis_url):
        with pytest.raises((psycopg.OperationalError, redis.ConnectionError)):
            psycopg.connect(url) if url == database_url else redis.Redis.from_url(url).ping()


def test_a_program_that_ends_while_starting_is_told_with_the_end_of_its_log(
    crew: Crew, program: Callable[..., Program]
) -> None:
    with pytest.raises(LauncherError, match=r"clerk ended \(exit code 3\)[\s\S]*no chart found"):
        crew.start(program("import sys; print('no chart found'); sys.exit(3)", ready=lambda: False))


def test_a_program_that_never_answers_is_told(crew: Crew, program: Callable[..., Program]) -> None:
    with pytest.raises(LauncherError, match="clerk did not answer within 0 seconds"):
        crew.start(program(SLEEPER, ready=lambda: False, patience=0.3))


def test_a_failed_step_is_told_with_the_end_of_its_log(program: Callable[..., Program]) -> None:
    with pytest.raises(LauncherError, match=r"migrate failed \(exit code 1\)[\s\S]*no such table"):
        run(program("raise SystemExit('no such table')", name="migrate"))


def test_a_crash_is_seen_and_mended(crew: Crew, program: Callable[..., Program]) -> None:
    crew.start(program(SLEEPER))
    os.kill(crew.pid("clerk"), signal.SIGKILL)
    assert eventually(lambda: crew.fallen() == [("clerk", -signal.SIGKILL)])
    assert crew.absent() == ["clerk"]
    crew.start(crew.programs["clerk"])
    assert crew.absent() == []


def test_a_program_deaf_to_its_signal_is_ended_all_the_same(program: Callable[..., Program]) -> None:
    crew, deaf = Crew(stop_within=0.5), program(DEAF)
    crew.start(deaf)
    assert eventually(lambda: deaf.log.exists() and "deaf" in deaf.log.read_text())
    pid = crew.pid("clerk")
    crew.stop(["clerk"])
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_logs_are_nobody_elses_to_read(crew: Crew, program: Callable[..., Program]) -> None:
    clerk = program(SLEEPER)
    crew.start(clerk)
    assert clerk.log.stat().st_mode & 0o777 == 0o600


def test_a_taken_port_is_told_with_the_way_out(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, port in free_ports().items():
        monkeypatch.setenv(f"DEMO_{name.upper()}_PORT", str(port))
    port = fixed_ports()["web"]
    sentence = rf"Port {port} \(for web\) is taken.*DEMO_WEB_PORT=\d+ make demo"
    with socket.create_server(("127.0.0.1", port)), pytest.raises(LauncherError, match=sentence):
        fixed_ports()


def test_the_stand_ins_live_on_another_host_name_than_the_connector() -> None:
    urls = urls_of(FIXED)
    assert {urls[name].split(":")[1] for name in (*STAND_INS, SMTP)} == {"//localhost"}
    assert {urls[name].split(":")[1] for name in ("web", "notifications")} == {"//127.0.0.1"}


def test_root_uses_an_existing_account_and_nobody_else_changes_theirs(tmp_path: Path) -> None:
    account = account_for(tmp_path / "postgres")
    assert account in (("postgres", "nobody") if os.geteuid() == 0 else (None,))


def test_the_printed_page_names_every_address(tmp_path: Path) -> None:
    urls = urls_of(FIXED)
    text = page(urls, tmp_path)
    for name in ("web", *STAND_INS):
        assert urls[name] in text


@pytest.mark.parametrize("name", [name for name in FIXED if name != SMTP])
def test_every_server_of_the_house_answers(house: House, name: str) -> None:
    path = "/sandbox/health" if name in STAND_INS else "/health/live"
    assert requests.get(f"{house.urls[name]}{path}", timeout=5).status_code == 200


def test_mail_is_taken_by_the_stand_in_and_gone_with_the_next_first_day(house: House) -> None:
    with smtplib.SMTP("localhost", int(house.urls[SMTP].rpartition(":")[2]), timeout=5) as server:
        server.sendmail("connector@sandbox.example", ["ada@riverside.example"], "Subject: Hello\n\nText")
    mails = f"{house.urls['mail']}/sandbox/mails"
    assert [one["subject"] for one in requests.get(mails, timeout=5).json()] == ["Hello"]
    house.reset_stand_ins()
    assert requests.get(mails, timeout=5).json() == []


def test_a_server_that_was_killed_answers_again_once_mended(house: House) -> None:
    house.kill("graph")
    with pytest.raises(requests.ConnectionError):
        requests.get(f"{house.urls['graph']}/sandbox/health", timeout=5)
    house.mend()
    assert requests.get(f"{house.urls['graph']}/sandbox/health", timeout=5).status_code == 200


@pytest.mark.parametrize("_time", ["first", "second"])
def test_each_test_finds_the_house_as_on_its_first_day(
    house: House, house_database: psycopg.Connection[DictRow], _time: str
) -> None:
    stores = [redis.Redis.from_url(house.environment[name]) for name in ("REDIS_URL", "CACHE_URL")]
    assert not house_database.execute("SELECT 1 FROM django_session").fetchall()
    assert not any(store.exists("left behind") for store in stores)
    house_database.execute("INSERT INTO django_session VALUES ('left behind', '', now())")
    for store in stores:
        store.set("left behind", "yes")


def test_two_people_share_no_cookie_and_one_has_no_javascript(house: House, person: Callable[..., Page]) -> None:
    script = "data:text/html,<p>plain</p><script>document.querySelector('p').textContent = 'scripted'</script>"
    pages = [person("phone", javascript=False), person()]
    for visitor in pages:
        visitor.goto(script)
    assert [visitor.inner_text("p") for visitor in pages] == ["plain", "scripted"]
    assert [visitor.viewport_size["width"] for visitor in pages if visitor.viewport_size] == [390, 1200]
    pages[0].context.add_cookies([{"name": "mine", "value": "1", "url": house.urls["web"]}])
    assert pages[1].context.cookies() == []
