"""What is kept of a visit: no name, no id of the EHR in clear, no token and no meeting link, wherever one looks."""

import re
import zlib
from base64 import urlsafe_b64decode
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

import pytest
import redis

from sandbox.launcher.house import CONNECTOR
from sandbox.store import Store
from tests.portal.steps import Shown
from tests.stories.people import INSTANCE
from tests.visits import steps
from tests.visits.steps import CARLA, CSN, PIA, ROSA, Clinic, enter

# As whole words: shorter ones would sooner or later stand in a random text.
CLINICAL = (
    *("Pia", "Rosa", "Sandberg", "Carla", "Mendes"),
    *(CSN, "165790", "900101", "900201"),
    *("p-sandberg", "r-sandberg", "e-cmendes", "a-770011", "v-770011", "carla.mendes@riverside.example"),
)
READ: dict[bytes, Callable[[Any, bytes], object]] = {
    b"string": lambda client, key: client.get(key),
    b"list": lambda client, key: client.lrange(key, 0, -1),
    b"hash": lambda client, key: client.hgetall(key),
    b"set": lambda client, key: client.smembers(key),
    b"zset": lambda client, key: client.zrange(key, 0, -1),
}
WEB_TOKEN = re.compile(r"eyJ[\w-]{10,}\.eyJ[\w-]{10,}\.[\w-]{20,}")


def tables(clinic: Clinic) -> Iterator[tuple[str, str]]:
    """(place, text) of every row of every table."""
    names = clinic.rows("SELECT tablename AS name FROM pg_tables WHERE schemaname = 'public'")
    for name in (row["name"] for row in names):
        for row in steps.dump(clinic, name):
            yield name, row["row"]


def sessions(clinic: Clinic) -> Iterator[tuple[str, str]]:
    """What Django's sessions hold once their packing is undone: in the table it is base64, mostly compressed."""
    for row in clinic.rows("SELECT session_data FROM django_session"):
        packed = row["session_data"].split(":")[0]
        data = urlsafe_b64decode(packed.removeprefix(".") + "==")
        yield "a session", (zlib.decompress(data) if packed.startswith(".") else data).decode()


def cached(clinic: Clinic) -> Iterator[tuple[str, str]]:
    """(place, text) of every entry of cache and broker, key and value."""
    for name in ("CACHE_URL", "REDIS_URL"):
        with redis.Redis.from_url(clinic.house.environment[name]) as client:
            for key in client.scan_iter():
                yield name, f"{key!r} {READ[client.type(key)](client, key)!r}"


def logged(clinic: Clinic) -> Iterator[tuple[str, str]]:
    for process in CONNECTOR:
        yield f"the log of {process}", clinic.house.log(process)


def everything(clinic: Clinic) -> list[tuple[str, str]]:
    return [*tables(clinic), *sessions(clinic), *cached(clinic), *logged(clinic)]


def secrets_of(clinic: Clinic, pages: list[Shown]) -> set[str]:
    """Whatever a token server, Graph or an address on the way has given out in this test."""
    epic = Store(clinic.house.data / "sandbox" / "epic.sqlite3")
    secrets = set(epic.table(f"{INSTANCE}/tokens"))
    for meeting in clinic.meetings():
        secrets |= {
            meeting["joinWebUrl"],
            meeting["passcode"],
            meeting["digits"],
            meeting["key"],
            quote(meeting["key"]),
        }
    for address in (step.url for page in pages for step in page.response.history):
        query = parse_qs(urlsplit(address).query)
        secrets |= {value for name in ("launch", "code", "state") for value in query.get(name, [])}
        if "/visit/" in address:
            secrets.add(urlsplit(address).path.split("/")[2])
    return secrets


@pytest.fixture
def pages(clinic: Clinic) -> list[Shown]:
    """A clinician's first launch, a patient's and a proxy's, all of them on to Teams."""
    shown = [enter(clinic, CARLA)]
    for login in (PIA, ROSA):
        visitor = clinic.visitor()
        waiting = visitor.open(clinic.press(login))
        steps.until(visitor, waiting, "Your visit is ready")
        shown += [waiting, visitor.follow(visitor.open(waiting.url), "Go to your visit")]
    return shown


def test_the_search_does_look_everywhere(clinic: Clinic, pages: list[Shown]) -> None:
    allowed = ("Ada Lindqvist", "_auth_user_id", "smart-configuration", "outgoing request", "launched")
    found = {(place, text) for place, whole in everything(clinic) for text in allowed if text in whole}
    expected = {
        ("connector_revision", "Ada Lindqvist"),
        ("a session", "_auth_user_id"),
        ("connector_entry", "launched"),
    }
    expected |= {("CACHE_URL", "smart-configuration"), ("the log of web", "outgoing request")}
    assert expected <= found


def test_after_a_visit_no_name_and_no_id_of_the_ehr_is_found_anywhere(clinic: Clinic, pages: list[Shown]) -> None:
    wanted = re.compile(rf"(?<![\w-])({'|'.join(map(re.escape, CLINICAL))})(?![\w-])")
    found = {(place, match[0]) for place, text in everything(clinic) for match in wanted.finditer(text)}
    assert found == set()


def test_after_a_visit_no_token_handle_or_meeting_link_is_found_anywhere(clinic: Clinic, pages: list[Shown]) -> None:
    secrets = secrets_of(clinic, pages)
    assert len(secrets) > 15
    found = {(place, secret) for place, text in everything(clinic) for secret in secrets if secret in text}
    assert found == set()


def test_after_a_visit_no_json_web_token_is_found_anywhere(clinic: Clinic, pages: list[Shown]) -> None:
    assert {place for place, text in everything(clinic) if WEB_TOKEN.search(text)} == set()
    assert clinic.rows("SELECT 1 FROM socialaccount_socialtoken") == []


def test_the_ids_that_are_written_back_are_kept_sealed(clinic: Clinic, pages: list[Shown]) -> None:
    rows = clinic.rows("SELECT external_id_sealed AS sealed FROM visits_participant")
    assert len(rows) == 3
    assert all(re.fullmatch(r"v1\.\w+\.[\w-]+\.[\w-]+", row["sealed"]) for row in rows)
