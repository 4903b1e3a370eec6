"""What clinicians and patients do over plain HTTP, from the EHR's button to the door of the Teams meeting."""

import json
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, unquote, urlencode, urljoin, urlsplit

import psycopg
from psycopg import sql
from psycopg.rows import DictRow, dict_row

from sandbox.epic.instance import SWITCHES
from sandbox.epic.records import FIELDS
from sandbox.launcher.house import House
from sandbox.launcher.services import with_path
from tests.database import OBSERVER, insisting
from tests.portal import steps as portal
from tests.portal.steps import Shown, Visitor, tell, words
from tests.stories.people import INSTANCE

Record = dict[str, str]
PRODUCTION = "interconnect-prd"
CSN = "770011"
CARLA, DAVID, PIA, ROSA = "CMENDES", "DKIM", "pia", "rosa"
MICROSOFT = {CARLA: "Dr. Carla Mendes", DAVID: "Dr. David Kim"}
PRACTITIONERS = {CARLA: "e-cmendes", DAVID: "e-dkim"}
SECONDS_TO_THE_CHART = 20
PICKER = "Pick an account"
YES = "Yes, both are mine"
KEPT = ("visits_visit", "visits_participant", "visits_ehruserlink", "visits_fact", "connector_user")
CUT = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
CUT += " WHERE datname = %s AND pid <> %s AND application_name <> %s"
COUNTED = ("visits_subscription", "visits_writeback", "connector_entry", "connector_decision", "connector_revision")


@dataclass(frozen=True)
class Clinic:
    """The house with an approved connection to the testing EHR and one to production that was returned."""

    house: House
    database: psycopg.Connection[DictRow]
    ref: str
    returned_ref: str
    records: dict[str, Record]
    administrator: Visitor

    def tidy_up(self) -> None:
        """No visit, no link, no meeting, no fault, nothing cached; the connections stay as the portal made them."""
        self.house.mend()
        self.forget_cache()
        tables = self.rows("SELECT tablename AS name FROM pg_tables WHERE tablename LIKE %s", "visits_%")
        names = sql.SQL(", ").join(sql.Identifier(table["name"]) for table in tables)
        insisting(lambda: self.database.execute(sql.SQL("TRUNCATE {}").format(names)))
        for name in ("graph", "teams"):
            tell(self.house, name, "reset")
        for name in ("entra", "epic"):
            tell(self.house, name, "faults", "DELETE")
        portal.switch(self.house, "epic", **dict.fromkeys(SWITCHES, False))
        for slot, record in self.records.items():
            self.paste(slot, record)

    def rows(self, query: str, *values: object) -> list[DictRow]:
        return self.database.execute(query.encode(), values).fetchall()

    def paste(self, slot: str, record: Record, instance: str = INSTANCE) -> None:
        """Paste an integration record into the EHR."""
        tell(self.house, "epic", f"{instance}/records/{slot}", "PUT", **record)

    def press(self, login: str, csn: str = CSN, instance: str = INSTANCE) -> str:
        """Press *Begin virtual visit* in the EHR: the address that its window opens."""
        slot = "provider" if login.isupper() else "patient"
        pressed = tell(self.house, "epic", f"{instance}/launches", record=slot, user=login, csn=csn)
        return str(pressed["url"])

    def add_visit(self, login: str) -> str:
        """One more visit of Pia Sandberg on a clinician's schedule: its csn."""
        visit = {"practitioner": PRACTITIONERS[login], "patient": "p-sandberg"}
        return str(tell(self.house, "epic", f"{INSTANCE}/visits", **visit)["csn"])

    def meetings(self) -> list[dict[str, Any]]:
        return list(tell(self.house, "graph", "meetings", "GET"))

    def subscriptions(self) -> list[dict[str, Any]]:
        return list(tell(self.house, "graph", "subscriptions", "GET"))

    def fail(self, stand_in: str, path: str, kind: str, value: float | None = None) -> None:
        portal.fault(self.house, stand_in, path, kind, value)

    def forget_cache(self) -> None:
        portal.forget_cache(self.house)

    def visitor(self) -> Visitor:
        """Somebody with a browser of his own."""
        return Visitor(self.house)


@contextmanager
def opened(house: House) -> Iterator[Clinic]:
    """Configure and approve through the portal, paste both records, and have a production connection returned."""
    ada = portal.administrator(house)
    ben, page = portal.approved(house, ada)
    panels = zip(("provider", "patient"), page.soup.select(".panel"), strict=False)  # the group pair follows
    records = {slot: {name: page.rows(name, panel)[0] for name in FIELDS} for slot, panel in panels}
    production = portal.submit(ada, base_url=f"{house.urls['epic']}/{PRODUCTION}/api/FHIR/R4")
    refs = [address.path.split("/")[2] for address in (page, production)]
    returned = ben.press(ben.open(f"/approve/{refs[1]}/"), "Return to the administrator", reason="Not yet.")
    assert returned.path == "/approve/", returned.text
    with psycopg.connect(house.environment["DATABASE_URL"], autocommit=True, row_factory=dict_row) as database:
        # Who leaves is told of soon: the grace for coming back has tests of its own, without a clock on the wall.
        database.execute("UPDATE connector_revision SET settings = settings || '{\"rejoin_seconds\": 1}'")
        yield Clinic(house, database, refs[0], refs[1], records, ada)


def enter(clinic: Clinic, login: str, csn: str = CSN, visitor: Visitor | None = None) -> Shown:
    """Press the button and go on to where one ends up: a clinician at the door of Teams, a patient waiting."""
    visitor = visitor or clinic.visitor()
    page = visitor.open(clinic.press(login, csn))
    if page.heading == PICKER:
        page = confirm(visitor, visitor.press(page, MICROSOFT[login]))
    return page


def confirm(visitor: Visitor, asked: Shown) -> Shown:
    """Answer *Is this you?*; the page leads on to Teams by itself."""
    return visitor.follow(visitor.press(asked, YES), "Join in Teams")


def until(visitor: Visitor, page: Shown, text: str) -> Shown:
    """Refresh a page, as it does itself, until it says something."""
    deadline = time.monotonic() + SECONDS_TO_THE_CHART
    while text not in page.text:
        assert time.monotonic() < deadline, page.text
        time.sleep(0.3)
        page = visitor.open(page.url)
    return page


def walk(visitor: Visitor, address: str, until: Callable[[str], bool]) -> str:
    """Follow redirects one by one; the first address that `until` recognises, not opened yet."""
    for _ in range(12):
        if until(address):
            return address
        response = visitor.open(address, follow=False).response
        assert response.is_redirect, f"{response.status_code} at {urlsplit(address).path}: {response.text[:300]}"
        address = urljoin(address, response.headers["Location"])
    raise AssertionError("The redirects never end.")


def callback_of(clinic: Clinic, visitor: Visitor, login: str, csn: str = CSN) -> str:
    """The address with code and state to which the EHR sends the browser back, not opened yet."""
    return walk(visitor, clinic.press(login, csn), lambda address: "/callback?" in address)


def state_of(address: str) -> str:
    return parse_qs(urlsplit(address).query)["state"][0]


def denied(address: str) -> str:
    """The callback as the EHR calls it when the person may not or will not sign in."""
    query = urlencode({"error": "access_denied", "state": state_of(address)})
    return f"{address.partition('?')[0]}?{query}"


def is_teams(clinic: Clinic, address: str) -> bool:
    return address.startswith(clinic.house.urls["teams"])


def meeting_at(clinic: Clinic, page: Shown) -> tuple[str, str]:
    """(door, meeting key) of the Teams page that was reached; door `visit` is the virtual-appointment link's."""
    assert is_teams(clinic, page.url), f"{page.status} {page.url}: {page.text}"
    _, _, door, key = urlsplit(page.url).path.split("/")
    return door, unquote(key)


def asked_at_microsoft(clinic: Clinic, page: Shown) -> list[str]:
    """The authorize addresses of the connector's own sign-ins on the way to a page."""
    addresses = [step.url for step in (*page.response.history, page.response)]
    client_id = clinic.house.environment["ENTRA_CLIENT_ID"]
    return [one for one in addresses if "/oauth2/v2.0/authorize" in one and client_id in one]


@contextmanager
def nothing_changed(clinic: Clinic) -> Iterator[None]:
    """Hold that the block leaves no row behind, and changes none, but for the press itself."""
    _let_writebacks_end(clinic)
    before = _snapshot(clinic)
    yield
    changed = {name: (before[name], now) for name, now in _snapshot(clinic).items() if now != before[name]}
    assert changed == {}, changed


def _let_writebacks_end(clinic: Clinic) -> None:
    """What the worker still delivers of earlier presses adds its own lines to the trail."""
    until = time.monotonic() + 15
    while clinic.rows("SELECT 1 FROM visits_writeback WHERE state = 'waiting'") and time.monotonic() < until:
        time.sleep(0.1)


def _snapshot(clinic: Clinic) -> dict[str, Any]:
    whole = {name: sorted(row["row"] for row in dump(clinic, name)) for name in KEPT}
    return whole | {name: len(dump(clinic, name)) for name in COUNTED}


@contextmanager
def database_away(clinic: Clinic) -> Iterator[None]:
    """PostgreSQL ends every connection of the product, and takes no other. Those of the tests stay."""
    url = clinic.house.environment["DATABASE_URL"]
    [ours] = clinic.rows("SELECT current_database() AS name, pg_backend_pid() AS pid")
    allowed = sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS {}")
    with psycopg.connect(with_path(url, "postgres"), autocommit=True) as elsewhere:
        elsewhere.execute(allowed.format(sql.Identifier(ours["name"]), sql.Literal(False)))
        try:
            elsewhere.execute(CUT, [ours["name"], ours["pid"], OBSERVER])
            yield
        finally:
            elsewhere.execute(allowed.format(sql.Identifier(ours["name"]), sql.Literal(True)))


def dump(clinic: Clinic, table: str) -> list[DictRow]:
    query = sql.SQL("SELECT {0}::text AS row FROM {0}").format(sql.Identifier(table))
    return clinic.database.execute(query).fetchall()


def explained(clinic: Clinic, page: Shown, heading: str, status: int) -> None:
    """An error page says what to check, who can help and the help line, and its reference stands in the log."""
    assert (page.heading, page.status) == (heading, status), f"{page.url}: {page.text}"
    assert words(page.soup.select_one(".problem .lead"))
    assert [words(one) for one in page.soup.select(".problem h2")] == ["What to check", "Who can help"]
    assert "+1 555 0100" in words(page.soup.body)
    assert re.fullmatch(r"[0-9A-F]{8}", page.reference)
    shown = [line for line in log_lines(clinic, "web") if line["event"] == "problem shown"]
    assert [line["status"] for line in shown if line["reference"] == page.reference] == [status]


def log_lines(clinic: Clinic, process: str) -> list[dict[str, Any]]:
    """What a process of the connector has logged, a dictionary a line."""
    return [json.loads(line) for line in clinic.house.log(process).splitlines() if line.startswith("{")]
