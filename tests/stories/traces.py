"""What a story has left behind: every column, log line, message, cache entry, address, cookie, error page, mail, file,
metric and span, searched for what must not be there."""

import base64
import json
import re
import sqlite3
import threading
import zipfile
import zlib
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from io import BytesIO
from pathlib import Path
from typing import Any
from urllib.parse import unquote_plus, urljoin, urlsplit

import psycopg
import redis
import requests
from django.urls import Resolver404, resolve
from psycopg import sql
from psycopg.rows import DictRow

from sandbox.launcher.house import CONNECTOR, House
from tests.database import OBSERVER
from tests.portal.steps import WATCHING
from tests.servers import Reply, Server, serving

ENCODED = re.compile(r"[A-Za-z0-9+/_-]{16,}")
TOO_LONG = 20_000  # for a part that is decoded again
COLUMNS = """
SELECT table_name, column_name FROM information_schema.columns
WHERE table_schema = 'public' AND table_name <> 'django_migrations'
"""
# The names that the data map gives to the places outside the database.
BROKER, CACHE, LOG, METRICS, ADDRESS = "broker", "cache", "log", "metrics", "address"
REDIRECT, ERROR_PAGE, MAIL, EXPORT = "redirect", "error page", "mail", "export"
COOKIE, SPANS = "cookie", "traces"
LOGGED = (*CONNECTOR, "migrate", "manage")
SHOWN = ("problem shown", "error page shown")  # the lines of the log that tell of an error page
COLLECTED = "/v1/traces"
TAKEN = "taken"  # the folder, beside the house's data, into which commands write their files
JSON_WEB_TOKEN = r"eyJ[\w-]{8,}\.eyJ[\w-]{8,}\.[\w-]{8,}"


def revealed(text: str, depth: int = 2) -> str:
    """A text and, below it, what is encoded in it: percent signs, base64, and what was compressed before that."""
    plain = unquote_plus(text)
    parts = {part for part in ENCODED.findall(plain) if len(part) < TOO_LONG} if depth else set()
    inner = [revealed(decoded, depth - 1) for decoded in map(_decoded, parts) if decoded]
    return "\n".join([text, plain, *inner])


def _decoded(part: str) -> str:
    """What base64 hides, as text; empty when it hides none."""
    try:
        octets = base64.urlsafe_b64decode(part.translate(str.maketrans("+/", "-_")) + "=" * (-len(part) % 4))
        with suppress(zlib.error):
            octets = zlib.decompress(octets)
        return octets.decode()
    except ValueError:
        return ""


def word(*texts: str) -> str:
    """A pattern of numbers or names of which one stands alone, and is no part of a longer one or of a second."""
    return rf"(?<![0-9A-Za-z.])(?:{'|'.join(map(re.escape, sorted(set(texts))))})(?![0-9A-Za-z])"


def named(name: str) -> str:
    """A pattern of a name in the three ways in which it is written."""
    return "|".join({name, name.upper(), name.lower()})


class Traces:
    """What is found, by its place: `table.column`, or a name of the data map's places. `settled`: what the processes
    are told through their environment, beside where their spans go."""

    def __init__(self, house: House, database: psycopg.Connection[DictRow], **settled: str) -> None:
        self.house, self.database, self.settled = house, database, settled
        database.execute("SELECT set_config('application_name', %s, false)", [OBSERVER])
        self.texts: dict[str, set[str]] = defaultdict(set)
        self.policies: set[str] = set()  # what our pages say about the Referer
        self.routes: set[str] = set()  # whose addresses were answered with what was asked for
        self.codes: set[str] = set()  # of the problems that were shown
        self.cookies: set[str] = set()  # by name
        self._logged = {name: len(house.log(name)) for name in LOGGED}

    def watch(self, answer: requests.Response) -> None:
        """Keep what one answer shows to others than its reader: its address, where it leads, what it says of an error,
        and what it gives as a file."""
        ours = (self.house.urls["web"], self.house.urls["notifications"])
        if not answer.url.startswith(ours):
            return
        self.texts[ADDRESS].add(answer.url)
        self.policies.add(answer.headers.get("Referrer-Policy", ""))
        self._note_route(answer)
        for cookie in answer.cookies:
            self.cookies.add(cookie.name)
            self.texts[COOKIE].add(cookie.value or "")
        if leads := urljoin(answer.url, answer.headers.get("Location", "")):
            self.texts[ADDRESS if leads.startswith(ours) else REDIRECT].add(leads)
        if answer.status_code >= 400 and answer.status_code != 422:  # that is his own form, shown once more
            self.texts[ERROR_PAGE].add(answer.text)
        if "attachment" in answer.headers.get("Content-Disposition", ""):
            self.texts[EXPORT] |= set(_files(answer))

    def _note_route(self, answer: requests.Response) -> None:
        """Whoever is sent to the sign-in has reached nothing."""
        if answer.ok and "/signin/?next=" not in answer.headers.get("Location", ""):
            with suppress(Resolver404):
                self.routes.add(str(resolve(urlsplit(answer.url).path).url_name))

    def look(self) -> None:
        """Keep what the database holds at this moment."""
        for row in self.database.execute(COLUMNS).fetchall():
            table, column = row["table_name"], row["column_name"]
            query = sql.SQL("SELECT DISTINCT {0}::text AS value FROM {1} WHERE {0} IS NOT NULL")
            found = self.database.execute(query.format(sql.Identifier(column), sql.Identifier(table)))
            self.texts[f"{table}.{column}"] |= {value["value"] for value in found}

    def read(self) -> None:
        """Keep what the connector's processes have written to their logs and files, the mails that came, and the
        metrics."""
        for name, before in self._logged.items():
            written = self.house.log(name)
            self.texts[LOG].add(written[before if len(written) >= before else 0 :])
        lines = [json.loads(line) for text in self.texts[LOG] for line in text.splitlines() if line.startswith("{")]
        self.codes |= {line["code"] for line in lines if line["event"] in SHOWN}
        self.texts[EXPORT] |= {path.read_text() for path in (self.house.data / TAKEN).iterdir()}
        mails = requests.get(f"{self.house.urls['mail']}/sandbox/mails", timeout=10).json()
        self.texts[MAIL] |= {f"{one['recipients']}\n{one['subject']}\n{one['text']}" for one in mails}
        bearer = {"Authorization": f"Bearer {self.house.environment['METRICS_TOKEN']}"}
        measured = requests.get(f"{self.house.urls['web']}/metrics", headers=bearer, timeout=10)
        measured.raise_for_status()
        self.texts[METRICS].add(measured.text)

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Keep every answer that a visitor gets, and every command that Valkey is given for the house's broker and
        cache, so that nothing is gone before it was seen."""
        end = "the story is over"
        urls = {self.house.environment[name]: place for name, place in (("REDIS_URL", BROKER), ("CACHE_URL", CACHE))}
        places = {int(url.rpartition("/")[2]): place for url, place in urls.items()}
        WATCHING.append(self.watch)
        with self._traced(), redis.Redis.from_url(next(iter(urls))) as client, client.monitor() as monitor:
            listener = threading.Thread(target=self._listen, args=(monitor, places, end), daemon=True)
            listener.start()
            yield
            client.echo(end)
            listener.join(10)
        WATCHING.remove(self.watch)

    @contextmanager
    def _traced(self) -> Iterator[None]:
        """Let the processes send their spans to a collector here, which is told everything before it is read."""
        with serving() as collector:
            collector.answer(COLLECTED, Reply(b"", headers={"Content-Type": "application/x-protobuf"}))
            hosts = f"{self.house.environment['OUTGOING_ALLOWED_HOSTS']},{collector.host}"
            told = {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.url, "OTEL_BSP_SCHEDULE_DELAY": "200"} | self.settled
            with self.house.given("web", "notifications", "worker", OUTGOING_ALLOWED_HOSTS=hosts, **told):
                yield
            self._keep_spans(collector)

    def _keep_spans(self, collector: Server) -> None:
        """As they came: strings stand in Protocol Buffers as they are."""
        self.texts[SPANS] |= {one.body.decode("utf-8", "replace") for one in collector.asked(COLLECTED)}

    def _listen(self, monitor: Any, places: Mapping[int, str], end: str) -> None:
        for heard in monitor.listen():
            if end in heard["command"]:
                return
            if heard["db"] in places:
                self.texts[places[heard["db"]]].add(heard["command"])

    def places_of(self, *patterns: str) -> set[str]:
        """Where one of these patterns is found."""
        wanted = re.compile("|".join(patterns))
        return {place for place, texts in self._revealed().items() if any(wanted.search(text) for text in texts)}

    def _revealed(self) -> dict[str, set[str]]:
        if not hasattr(self, "_known"):
            self._known = {place: {revealed(text) for text in texts} for place, texts in self.texts.items()}
        return self._known


def _files(answer: requests.Response) -> Iterator[str]:
    """What was downloaded; of an archive each file."""
    if not zipfile.is_zipfile(BytesIO(answer.content)):
        yield answer.text
        return
    with zipfile.ZipFile(BytesIO(answer.content)) as archive:
        yield from (archive.read(name).decode() for name in archive.namelist())


def kept_by(house: House, stand_in: str, kind: str) -> list[str]:
    """The ids of what a stand-in keeps of one kind, read from its own file."""
    path = Path(house.environment["SANDBOX_DATA"]) / f"{stand_in}.sqlite3"
    connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    try:
        rows = connection.execute("SELECT id FROM documents WHERE kind LIKE ?", [f"%{kind}"])
        return [str(row[0]) for row in rows]
    finally:
        connection.close()
