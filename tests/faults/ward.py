"""A house of its own with three connections: two organizations, two EHRs of which each may be down alone."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import chain
from pathlib import Path
from threading import Lock
from typing import Any

import psycopg
import redis
from psycopg.rows import DictRow, dict_row

from sandbox.cast import LAKESIDE, LAKESIDE_TID, RIVERSIDE, RIVERSIDE_TID
from sandbox.epic.records import FIELDS
from sandbox.launcher.house import CONNECTOR, House
from tests.portal import steps as portal
from tests.portal.steps import Shown, Visitor, tell
from tests.visits.steps import MICROSOFT, PICKER, YES

TEST, PRODUCTION = "interconnect-tst", "interconnect-prd"
CODES = {"EHR_PRODUCTION_STATUS_CODES": "connected=1,disconnected=2,waiting=3"}
SENT_BEFORE = "Open Teams again"
PATIENTS = {"pia": ("p-sandberg", "Pia Sandberg"), "tom": ("p-ash", "Tom Ash")}  # login: (id, as the EHR names them)


# A line of the product's own about something that is not as it should be: its first words, without what libraries say.
COMPLAINT = re.compile(r'"event": "([a-z ]+)", "level": "(?:warning|error)", "logger": "(?:connector|portal|visits)')
LEASE_OVER = 61.0  # seconds until what somebody who died had claimed is free again
LEASES = (
    "UPDATE visits_lane SET leased_until = leased_until - {0} WHERE lease IS NOT NULL",
    "UPDATE visits_receipt SET next_at = next_at - {0} WHERE state = 'new'",
)
RESTS = (
    "UPDATE visits_target SET open_until = open_until - {0}, failing_since = failing_since - {0}",
    "UPDATE visits_writeback SET next_at = next_at - {0}, created_at = created_at - {0}"
    " WHERE state = 'waiting' AND lease IS NULL",
    "UPDATE visits_ending SET due_at = due_at - {0} WHERE due_at IS NOT NULL",
)


@dataclass(frozen=True)
class Plan:
    """Who works at a connection, and where it leads."""

    name: str
    instance: str
    environment: str
    tid: str
    administrator: str
    approver: str
    clinician: str  # login at the EHR
    practitioner: str
    shown_as: str  # as the EHR names the clinician
    microsoft: str
    oid: str


RIVERSIDE_TESTING = Plan(
    "Riverside, testing",
    TEST,
    "testing",
    RIVERSIDE_TID,
    "Ada Lindqvist",
    "Ben Okafor",
    "CMENDES",
    "e-cmendes",
    "Carla Mendes, MD",
    MICROSOFT["CMENDES"],
    RIVERSIDE.accounts[2].oid,
)
PLANS = (
    RIVERSIDE_TESTING,
    replace(RIVERSIDE_TESTING, name="Riverside, production", instance=PRODUCTION, environment="production"),
    Plan(
        "Lakeside, testing",
        TEST,
        "testing",
        LAKESIDE_TID,
        "Lena Larsen",
        "Gita Rao",
        "DKIM",
        "e-dkim",
        "David Kim, MD",
        "Dr. Luis Ortega",
        LAKESIDE.accounts[2].oid,
    ),
)


@dataclass
class Site:
    """A connection in use. Its clinician has one browser, in which one thing happens after the other."""

    plan: Plan
    records: dict[str, dict[str, str]]
    browser: Visitor
    busy: Lock = field(default_factory=Lock)


@dataclass
class Ward:
    """The house and its three connections."""

    house: House
    sites: list[Site] = field(default_factory=list)
    clock_off: float = 0.0  # seconds that the stand-ins' time is ahead of ours
    moved: float = 0.0  # seconds that have passed on the fast clock alone
    _pasting: Lock = field(default_factory=Lock)
    _pasted: dict[tuple[str, str], Site] = field(default_factory=dict)

    def tell(self, stand_in: str, address: str, method: str = "POST", **body: Any) -> Any:
        return tell(self.house, stand_in, address, method, **body)

    def rows(self, query: str, *values: object) -> list[DictRow]:
        """The rows of a query, by a connection of its own: others are cut, now and then."""
        with connected(self.house) as database:
            return database.execute(query.encode(), values).fetchall()

    def execute(self, *statements: str) -> None:
        with connected(self.house) as database:
            for statement in statements:
                database.execute(statement.encode())

    def time_passes(self, seconds: float) -> None:
        """Let what is put off or at rest be so many seconds nearer its time: nobody waits for that."""
        self._move(seconds, RESTS)

    def leases_end(self) -> None:
        """Let the minute pass after which what the dead had claimed is free again."""
        self._move(LEASE_OVER, (*LEASES, *RESTS))
        with redis.Redis.from_url(self.house.environment["CACHE_URL"]) as cache:
            for key in cache.scan_iter("*alone:*"):  # who died in a sweep had it for himself, for as long
                cache.delete(key)

    def _move(self, seconds: float, statements: Iterable[str]) -> None:
        self.moved += seconds
        self.execute(*(statement.format(f"interval '{seconds:f} seconds'") for statement in statements))

    def press(self, site: Site, slot: str, login: str, csn: str) -> str:
        """Press *Begin virtual visit* in the EHR: the address that its window opens. Two connections share the test
        EHR, which has one record a button."""
        instance = site.plan.instance
        with self._pasting:
            if self._pasted.get((instance, slot)) is not site:
                self.tell("epic", f"{instance}/records/{slot}", "PUT", **site.records[slot])
                self._pasted[instance, slot] = site
            pressed = self.tell("epic", f"{instance}/launches", record=slot, user=login, csn=csn)
        return str(pressed["url"])

    def add_visit(self, site: Site, patient: str) -> str:
        visit = {"practitioner": site.plan.practitioner, "patient": PATIENTS[patient][0]}
        return str(self.tell("epic", f"{site.plan.instance}/visits", **visit)["csn"])

    def reports_are_read(self, visits: Iterable[str], seconds: float) -> None:
        """Let it be so many seconds nearer that the reports of these visits are read."""
        self.moved += seconds
        nearer = "UPDATE visits_visit SET look_at = look_at - make_interval(secs => %s) WHERE id = ANY(%s) RETURNING id"
        self.rows(nearer, seconds, list(visits))

    def have_waited(self, visits: Iterable[str], minutes: int) -> None:
        """Let the patients of these visits have come to their waiting page so many minutes earlier."""
        earlier = (
            "UPDATE visits_fact SET at = at - make_interval(mins => %s) WHERE kind = 'waiting' AND source = 'page'"
        )
        self.rows(f"{earlier} AND visit_id = ANY(%s) RETURNING id", minutes, list(visits))

    def complaints(self) -> Counter[str]:
        """How often the product's processes have logged each of their warnings and errors so far."""
        lines = chain.from_iterable(self.house.log(name).splitlines() for name in CONNECTOR)
        return Counter(found[1] for line in lines if (found := COMPLAINT.search(line)))

    def forget_tokens(self) -> None:
        """Let the product have no access token of the EHR's or of Microsoft's."""
        with redis.Redis.from_url(self.house.environment["CACHE_URL"]) as cache:
            for key in cache.scan_iter("*token*"):
                cache.delete(key)

    def no_faults(self) -> None:
        for name in ("entra", "graph", "epic"):
            self.tell(name, "faults", "DELETE")


@contextmanager
def opened(data: Path, **extra: str) -> Iterator[Ward]:
    """Start the house, and have its three connections configured, approved and pasted through the portal."""
    with House(data, extra_env=CODES | extra, own_services=True) as house:
        registered: dict[str, set[str]] = {}
        ward = Ward(house, [_site(house, plan, registered) for plan in PLANS])
        # Who leaves is told of soon: the grace for coming back has tests of its own.
        ward.execute("UPDATE connector_revision SET settings = settings || '{\"rejoin_seconds\": 1}'")
        portal.switch(house, "graph", batch=True)
        yield ward


@contextmanager
def connected(house: House) -> Iterator[psycopg.Connection[DictRow]]:
    """A connection to the house's database, each statement its own transaction, rows as dictionaries. It writes while
    nobody else may."""
    url, write = house.environment["DATABASE_URL"], "-c default_transaction_read_only=off"
    with psycopg.connect(url, autocommit=True, row_factory=dict_row, options=write) as connection:
        yield connection


def _site(house: House, plan: Plan, registered: dict[str, set[str]]) -> Site:
    administrator = portal.administrator(house, plan.administrator, plan.tid)
    base_url = f"{house.urls['epic']}/{plan.instance}/api/FHIR/R4"
    page = portal.submit(administrator, base_url=base_url, approver=plan.approver, environment=plan.environment)
    approver = Visitor(house)
    asked = approver.sign_in_by_link(page.rows("Link for the approver")[0], plan.approver)
    _enter_client_records(house, plan.instance, asked, registered)
    records = approver.press(portal.sign_in_at_ehr(approver, asked), "Approve")
    panels = zip(("provider", "patient"), records.soup.select(".panel"), strict=False)  # the group pair follows
    pasted = {slot: {name: records.rows(name, panel)[0] for name in FIELDS} for slot, panel in panels}
    return Site(plan, pasted, Visitor(house))


def _enter_client_records(house: House, instance: str, page: Shown, registered: dict[str, set[str]]) -> None:
    """Enter in the EHR what stands under *Before you sign in*, beside what stands there for another connection."""
    for section in page.soup.select("dl.copy-rows"):
        client_id, jwks_url = page.rows("Client ID", section)[0], page.rows("JWKS URL", section)[0]
        uris = registered.setdefault(client_id, set())
        uris.update(page.rows("Redirect URI", section))
        record = {"redirect_uris": sorted(uris), "jwks_url": jwks_url}
        tell(house, "epic", f"{instance}/clients/{client_id}", "PUT", **record)


def at_the_door(ward: Ward, site: Site, csn: str) -> Shown:
    """The clinician presses the button, signs in and confirms where that is asked, and stands before Teams. Whoever was
    sent there, though no answer reached him, comes to the visit's page and goes on from it."""
    with site.busy:
        page = site.browser.open(ward.press(site, "provider", site.plan.clinician, csn))
        if page.heading == PICKER:
            page = site.browser.press(page, site.plan.microsoft)
        if page.soup.find("button", string=lambda text: bool(text) and YES in str(text)):
            page = site.browser.follow(site.browser.press(page, YES), "Join in Teams")
        if page.soup.find("a", id="enter", string=SENT_BEFORE):
            page = site.browser.follow(page, SENT_BEFORE)
        return page
