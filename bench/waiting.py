"""`python -m bench.waiting [--pages 200] [--seconds 10]`: how many refreshes of waiting pages a second a house answers.

A house of its own on loopback; every page waits in a visit of its own, and as many clients as threads ask as htmx does.
They share the machine with the house, so a deployment answers more. The end is what PostgreSQL was asked meanwhile,
without what the house asks by itself.
"""

import argparse
import itertools
import shutil
import statistics
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from urllib.parse import urlsplit

import psycopg
from urllib3 import HTTPConnectionPool

from sandbox.launcher.house import House
from sandbox.launcher.place import home
from tests.visits import steps
from tests.visits.steps import CARLA, PIA, Clinic

CLIENTS = 8
MOST_PAGES, MOST_SECONDS = 1000, 60
INTERVAL = 2.5  # of a page's refreshes, in seconds
TRANSACTIONS = "SELECT xact_commit + xact_rollback FROM pg_stat_database WHERE datname = current_database()"
STATISTICS_LATE = 2.0  # seconds until PostgreSQL has counted everything


@dataclass(frozen=True)
class Page:
    """An open waiting page: its address, and what it says that it shows."""

    path: str
    shown: str


def open_pages(clinic: Clinic, count: int) -> tuple[list[Page], str]:
    """(as many waiting pages, each in a visit of its own, the cookie of their browser)."""
    visitor, pages = clinic.visitor(), []
    for _ in range(count):
        page = visitor.open(clinic.press(PIA, clinic.add_visit(CARLA)))
        state = page.soup.select("#state")[0]
        pages.append(Page(page.path, str(state["hx-headers"]).split('"')[3]))
    [cookie] = [one for one in visitor.cookies if one.name == "visit"]
    return pages, f"{cookie.name}={cookie.value}"


def refresh(house: House, pages: list[Page], cookie: str, seconds: float, *, changed: bool) -> list[float]:
    """The time of each answer, in milliseconds. `changed`: the page shows something else, so all of it is sent."""
    address, turn, lock = urlsplit(house.urls["web"]), itertools.cycle(pages), threading.Lock()
    until = time.monotonic() + seconds

    def client(_: int) -> list[float]:
        took = []
        with HTTPConnectionPool(str(address.hostname), address.port, maxsize=1) as pool:
            while time.monotonic() < until:
                with lock:
                    page = next(turn)
                headers = {"Cookie": cookie, "HX-Request": "true", "X-Shown": "" if changed else page.shown}
                began = time.perf_counter()
                answer = pool.request("GET", page.path, headers=headers, redirect=False)
                took.append(1000 * (time.perf_counter() - began))
                if answer.status not in {200, 204}:
                    raise SystemExit(f"{answer.status} for a refresh")
        return took

    with ThreadPoolExecutor(CLIENTS) as clients:
        return [one for took in clients.map(client, range(CLIENTS)) for one in took]


def transactions(house: House) -> int:
    time.sleep(STATISTICS_LATE)
    with psycopg.connect(house.environment["DATABASE_URL"]) as database:
        [[count]] = database.execute(TRANSACTIONS).fetchall()
    return int(count)


def measure(house: House, pages: list[Page], cookie: str, seconds: float, *, changed: bool) -> str:
    """One line of the outcome."""
    before = transactions(house)
    time.sleep(seconds)
    idle = transactions(house) - before
    took = refresh(house, pages, cookie, seconds, changed=changed)
    asked = transactions(house) - before - 2 * idle
    rate, percentiles = len(took) / seconds, statistics.quantiles(took, n=100)
    return (
        f"{'with' if changed else 'without'} a change: {rate:.0f} refreshes/s ({rate * INTERVAL:.0f} pages can wait), "
        f"median {percentiles[49]:.1f} ms, 95 % within {percentiles[94]:.1f} ms; "
        f"{max(0, asked)} transactions in PostgreSQL for {len(took)} refreshes"
    )


def main() -> None:
    """Run the house, open the pages, refresh them, forget the house."""
    parser = argparse.ArgumentParser(description="How many refreshes of waiting pages a second are answered.")
    parser.add_argument("--pages", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=10)
    wanted = parser.parse_args()
    count, seconds = min(wanted.pages, MOST_PAGES), min(wanted.seconds, MOST_SECONDS)
    data = home() / "bench-waiting"
    shutil.rmtree(data, ignore_errors=True)
    with House(data) as house, steps.opened(house) as clinic:
        clinic.tidy_up()  # pastes the records
        pages, cookie = open_pages(clinic, count)
        refresh(house, pages, cookie, 3, changed=True)  # each page once: what it shows is in the cache
        print(f"{count} waiting pages, {CLIENTS} clients", flush=True)  # noqa: T201
        for changed in (False, True):
            print(measure(house, pages, cookie, seconds, changed=changed), flush=True)  # noqa: T201
    shutil.rmtree(data)


if __name__ == "__main__":
    main()
