"""How long the pages of the reports take over a generated million visits: `make bench`, figures in bench/README.md.

It starts a PostgreSQL of its own, with the memory that PostgreSQL takes by default, and asks for the pages as a browser
would.
"""

import os
import resource
import shutil
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode, urlsplit

import django

from sandbox.launcher.environment import connector_environment, urls_of
from sandbox.launcher.place import generated_secrets, home
from sandbox.launcher.ports import free_ports
from sandbox.launcher.services import services

if TYPE_CHECKING:
    from django.test import Client

    from connector.models import Organization

VISITS, DAYS, RUNS = 1_000_000, 730, 5
RARE = "rare"  # a department of five visits
ZONE = "America/Chicago"

# Two years of one organization: three EHRs and forty departments of unequal size, office hours, one visit in three
# one-sided.
GENERATE = """
INSERT INTO visits_report (
    organization_id, connection_id, visit, generation, department, at, began_at, met_at, left_at,
    duration, waiting, lobby, attendants, outcome, told, told_after
)
SELECT
    %(organization)s, (%(connections)s::uuid[])[1 + floor(power(random(), 2) * 3)::int], gen_random_uuid(), 1,
    CASE WHEN number %% 200000 = 0 THEN 'rare' ELSE (100 + floor(power(random(), 2) * 38))::int::text END,
    at, at - waiting * interval '1 second', CASE WHEN outcome = 'held' THEN at END,
    CASE WHEN outcome = 'held' THEN at + duration * interval '1 second' END,
    CASE WHEN outcome = 'held' THEN duration ELSE 0 END, waiting, lobby,
    CASE WHEN outcome = 'held' THEN 2 + floor(power(random(), 4) * 4)::int ELSE 1 END, outcome,
    CASE WHEN luck < 0.97 THEN 'delivered' ELSE 'dead' END,
    CASE WHEN luck < 0.97 THEN floor(1 / (1.001 - random()))::int END
FROM (
    SELECT
        number, random() AS luck,
        %(until)s::timestamptz - floor(random() * %(days)s) * interval '1 day'
            - floor((4 + 9 * (random() + random()) / 2) * 3600) * interval '1 second' AS at,
        floor(120 + 3000 * power(random(), 2))::int AS duration,
        floor(1800 * power(random(), 3))::int AS waiting, floor(600 * power(random(), 3))::int AS lobby,
        CASE WHEN number %% 50000 = 0 THEN 'unknown'
             ELSE (ARRAY['held','held','held','held','held','held','held','no-clinician','clinician-only','nobody'])
                  [1 + floor(random() * 10)] END AS outcome
    FROM generate_series(1, %(visits)s) AS number
) AS drawn
"""


@contextmanager
def database() -> Iterator[None]:
    """A PostgreSQL of our own, as the product's settings find it, and every table."""
    folder = home() / "bench"
    with services(folder, {}) as addresses:
        static = {"STATIC_ROOT": str(folder / "static")}
        os.environ.update(connector_environment(urls_of(free_ports()), generated_secrets(), addresses) | static)
        django.setup()
        from django.core.management import call_command
        from django.db import connections

        call_command("migrate", verbosity=0)
        call_command("collectstatic", interactive=False, verbosity=0)
        try:
            yield
        finally:
            connections.close_all()
    shutil.rmtree(folder)


def generate(visits: int = VISITS, days: int = DAYS) -> "Organization":
    """An organization with that many visits."""
    from django.db import connection

    from tests.visits import factories

    organization = factories.organization()
    connections = [str(factories.connection(organization).pk) for _ in range(3)]
    until = datetime.now(UTC).replace(hour=23)
    given: dict[str, Any] = {"organization": organization.pk, "connections": connections, "until": until}
    with connection.cursor() as cursor:
        cursor.execute(GENERATE, given | {"visits": visits, "days": days})
        cursor.execute("VACUUM ANALYZE visits_report")
    return organization


def pages(last: str) -> Iterator[tuple[str, str, dict[str, str]]]:
    """What is measured: its name, the page, and what is asked of it. `last` is the address of a page deep inside."""
    for days in (30, 365, DAYS):
        since = {"since": f"{datetime.now(UTC) - timedelta(days=days - 1):%Y-%m-%d}", "zone": ZONE}
        yield f"list, {days} days", "reports", since
        yield f"list, {days} days, longest first", "reports", since | {"sort": "longest"}
        yield f"list, {days} days, longest waiting first", "reports", since | {"sort": "waited"}
        yield f"list, {days} days, a department of five visits", "reports", since | {"department": RARE}
        yield (
            f"list, {days} days, that and an outcome of twenty",
            "reports",
            since
            | {
                "department": RARE,
                "outcome": "unknown",
            },
        )
    yield "list, page 10 000 of 20 000", last, {}
    for days in (30, 92):
        since = {"since": f"{datetime.now(UTC) - timedelta(days=days - 1):%Y-%m-%d}", "zone": ZONE}
        yield f"charts, {days} days", "reports_charts", since
    yield "month", "reports_month", {"month": f"{datetime.now(UTC) - timedelta(days=40):%Y-%m}", "zone": ZONE}


def middle(organization: "Organization") -> str:
    """The query of the page in the middle of all of them."""
    from visits.models import Report

    row = Report.objects.filter(organization=organization).order_by("-at", "-id")[VISITS // 2]
    since = f"{datetime.now(UTC) - timedelta(days=DAYS):%Y-%m-%d}"
    return "reports?" + urlencode({"since": since, "after": f"{row.at.isoformat()}~{row.pk}"})


def measured(act: Callable[[], Any]) -> tuple[float, float]:
    """(median, slowest) of some runs in milliseconds, after one that warms up."""
    took = []
    for _ in range(RUNS + 1):
        begin = time.perf_counter()
        act()
        took.append(1000 * (time.perf_counter() - begin))
    return statistics.median(took[1:]), max(took[1:])


def opened(client: "Client", page: str, query: dict[str, str]) -> None:
    from django.urls import reverse

    name, _, more = page.partition("?")
    answer = client.get(f"{reverse(name)}?{more or urlencode(query)}")
    if answer.status_code != 200:
        raise RuntimeError(f"{page} answered {answer.status_code}")


def file_of(organization: "Organization") -> tuple[float, float, int]:
    """(seconds until the first rows, seconds until the last, bytes) of the file of all visits."""
    from django.http import QueryDict

    from portal.reports.export import written
    from portal.reports.filters import FilterForm

    asked = QueryDict(urlencode({"since": f"{datetime.now(UTC) - timedelta(days=DAYS):%Y-%m-%d}"}))
    form = FilterForm(organization, asked, ZONE)
    if not form.is_valid():
        raise RuntimeError(str(form.errors))
    begin, first, size = time.perf_counter(), 0.0, 0
    for number, text in enumerate(written(form)):
        size += len(text)
        first = first or (time.perf_counter() - begin if number else 0.0)
    return first, time.perf_counter() - begin, size


def run() -> Iterator[str]:
    """The lines of the table in bench/README.md."""
    from django.conf import settings
    from django.test import Client

    from tests.portal.deciding import BACKEND
    from tests.visits import factories

    organization = generate()
    client = Client(HTTP_HOST=urlsplit(settings.PUBLIC_URL).netloc)
    client.force_login(factories.administrator(organization), BACKEND)
    yield "| what | median, ms | slowest, ms |"
    yield "|---|--:|--:|"
    for name, page, query in pages(middle(organization)):
        median, slowest = measured(lambda page=page, query=query: opened(client, page, query))  # type: ignore[misc]
        yield f"| {name} | {median:.0f} | {slowest:.0f} |"
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    first, last, size = file_of(organization)
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024
    yield ""
    came = f"first row after {first:.2f} s, {size / 1e6:.0f} MB in {last:.0f} s, {grown} MB more memory"
    yield f"The file of all {VISITS:,} visits: {came}."


if __name__ == "__main__":
    with database():
        for line in run():
            sys.stdout.write(f"{line}\n")
            sys.stdout.flush()
