"""What every test can ask for: the services, a whole house of processes, and people with browsers."""

import atexit
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import django
import hypothesis
import psycopg
import pytest
import redis
from django.conf import settings
from django.core.cache import cache
from django.core.management import call_command
from django.db import connection
from django.test import TransactionTestCase
from django.utils import translation
from hypothesis import HealthCheck
from playwright.sync_api import Browser, Page, Playwright, ViewportSize, expect, sync_playwright
from psycopg import sql
from psycopg.rows import DictRow, dict_row

from connector.cached import CACHE
from connector.waking import BROKER
from sandbox.launcher.crew import LauncherError
from sandbox.launcher.environment import connector_environment, urls_of
from sandbox.launcher.house import House
from sandbox.launcher.place import DataInUse, generated_secrets, home
from sandbox.launcher.ports import free_ports
from sandbox.launcher.services import Addresses, create_database, services, with_path
from tests.database import insisting
from tests.fuzz.regexes import modules

# A machine that is busy with browsers is slow now and then. Where a fixture serves all examples of a property, the
# property is written for that. A change is judged by the same examples each time; new ones are for `make fuzz`.
USUAL = hypothesis.settings(
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
hypothesis.settings.register_profile("usual", USUAL)
hypothesis.settings.register_profile("at_length", USUAL, derandomize=False, max_examples=3000)
hypothesis.settings.load_profile("usual")


def empty(_: TransactionTestCase) -> None:
    """What Django's flush does, in a tenth of its time: of a hundred tables nearly all are empty. What migrations have
    written stays. A thread that was left behind with a lock is an error after seconds."""
    tables = set(connection.introspection.django_table_names(only_existing=True, include_views=False)) - OF_MIGRATIONS
    deletions = [sql.SQL("DELETE FROM {}").format(sql.Identifier(table)) for table in sorted(tables)]
    with connection.cursor() as cursor:
        cursor.execute(sql.SQL("; ").join([sql.SQL("SET LOCAL lock_timeout = '10s'"), *deletions]))


OF_MIGRATIONS = {"django_content_type", "auth_permission", "django_site"}
TransactionTestCase._fixture_teardown = empty  # type: ignore[attr-defined]

VIEWPORTS: dict[str, ViewportSize] = {"desktop": {"width": 1200, "height": 800}, "phone": {"width": 390, "height": 844}}
HOUSES = {"house": 2, "https": 4}  # the houses that a worker may have, with the first of each one's Redis databases
CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome")
WINDOWLESS = "chromium-headless-shell"  # the same without what draws windows, which takes a fifth of the time
CHROMIUM_FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--use-fake-ui-for-media-stream",
    "--use-fake-device-for-media-stream",
)


def _start_services() -> Addresses:
    """PostgreSQL and Valkey for this run, in the first data folder that no other run uses; ended with the process."""
    given = {name: os.environ[name] for name in ("DATABASE_URL", "REDIS_URL", "CACHE_URL") if name in os.environ}
    for slot in range(10):
        try:
            running = ExitStack()
            addresses = running.enter_context(services(home() / f"tests-{slot}", given, keep=False))
        except DataInUse:
            continue
        atexit.register(running.close)
        return addresses
    raise LauncherError("Ten test runs use this checkout already.")


def _numbered(url: str, number: int) -> str:
    """The Redis database of this xdist worker: a broker and a cache for itself, and for each house of HOUSES."""
    worker = os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")
    return with_path(url, str(2 * (1 + len(HOUSES)) * int(worker) + number))


def _set_up_django() -> None:
    """Start what the settings name and load them, before any test module imports a model.

    The services start once: with xdist in the controller, whose environment the workers inherit. Each process loads the
    settings itself (the variable that names them is not handed on), so that every worker has a cache of its own.
    """
    if "PYTEST_XDIST_WORKER" not in os.environ:
        os.environ.update(connector_environment(urls_of(free_ports()), generated_secrets(), _start_services()))
        static = tempfile.TemporaryDirectory(prefix="ehr-connector-static-")
        atexit.register(static.cleanup)
        os.environ["STATIC_ROOT"] = static.name
    os.environ["DJANGO_SETTINGS_MODULE"] = "connector.settings"
    os.environ["REDIS_URL"] = _numbered(os.environ["REDIS_URL"], 0)
    os.environ["CACHE_URL"] = _numbered(os.environ["CACHE_URL"], 1)
    django.setup()
    settings.WHITENOISE_AUTOREFRESH = True  # else each of Django's test clients reads all static files when it is made
    del os.environ["DJANGO_SETTINGS_MODULE"]
    if "PYTEST_XDIST_WORKER" not in os.environ:
        call_command("collectstatic", interactive=False, verbosity=0)


_set_up_django()


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what uses a house or a browser, and put it last; of that the stories first, whose few tests take longest.

    Playwright keeps an event loop in the main thread, and Django's ORM refuses to work beside one: such tests speak to
    the database through `house_database`, and no ORM test may come after them.
    """
    for item in items:
        if {"running_house", "playwright", "ward"} & set(getattr(item, "fixturenames", ())):
            item.add_marker("house")
    items.sort(key=lambda item: (item.get_closest_marker("house") is not None, "stories" not in item.path.parts))


def pytest_collection_finish() -> None:
    """Load the whole product: hypothesis draws now and then from the constants of what is loaded, and a change is to be
    judged by the same examples whichever tests have run before."""
    for _ in modules():
        pass


@pytest.fixture(scope="session")
def running_house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """Every process of the product and the sandbox on free ports, with a database of its own. Tests ask for `house`."""
    with House(tmp_path_factory.mktemp("house"), extra_env=house_addresses("house")) as house:
        yield house


def house_addresses(name: str) -> dict[str, str]:
    """A new database, and a broker and cache of its own, for a house of this worker."""
    url, worker = os.environ["DATABASE_URL"], os.environ.get("PYTEST_XDIST_WORKER", "gw0")
    database = f"{url.rpartition('/')[2]}_{name}_{worker}"
    create_database(url, database, fresh=True)
    first = HOUSES[name]
    return {
        "DATABASE_URL": with_path(url, database),
        "REDIS_URL": _numbered(os.environ["REDIS_URL"], first),
        "CACHE_URL": _numbered(os.environ["CACHE_URL"], first + 1),
    }


@pytest.fixture
def house(running_house: House) -> House:
    """The running house as on its first day."""
    return first_day(running_house)


def first_day(house: House) -> House:
    """Bring a house back to its first day: every process up, every table, queue, cache and stand-in empty."""
    house.mend()
    _forget_work(house.environment)
    _let_deliveries_end(house.environment["DATABASE_URL"])
    _forget_rows(house.environment["DATABASE_URL"])
    house.reset_stand_ins()
    return house


def _forget_work(environment: dict[str, str]) -> None:
    with redis.Redis.from_url(environment["CACHE_URL"]) as cache:
        cache.flushdb()
    with redis.Redis.from_url(environment["REDIS_URL"]) as broker:
        # Not FLUSHDB: producers that have declared their queue once would find no binding, and lose what they publish.
        queues = [key for key in broker.scan_iter() if not key.startswith(b"_kombu.binding.")]
        if queues:
            broker.delete(*queues)


def _let_deliveries_end(url: str, seconds: float = 3.0) -> None:
    """What a worker is about to tell would reach stand-ins that have forgotten all else. Leases of the dead run on."""
    with psycopg.connect(url, autocommit=True) as connection:
        leased, deadline = "SELECT 1 FROM visits_lane WHERE leased_until > now() LIMIT 1", time.monotonic() + seconds
        while connection.execute(leased).fetchone() and time.monotonic() < deadline:
            time.sleep(0.1)


def _forget_rows(url: str) -> None:
    migrated = ["django_migrations", "django_content_type", "auth_permission"]
    with psycopg.connect(url, autocommit=True, options="-c lock_timeout=10s") as connection:
        rows = connection.execute(
            "SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND NOT tablename = ANY(%s)", [migrated]
        ).fetchall()
        tables = sql.SQL(", ").join(sql.Identifier(row[0]) for row in rows)
        insisting(lambda: connection.execute(sql.SQL("TRUNCATE {} RESTART IDENTITY").format(tables)))


@pytest.fixture
def house_database(house: House) -> Iterator[psycopg.Connection[DictRow]]:
    """A connection to the house's own database, each statement its own transaction, rows as dictionaries."""
    with psycopg.connect(house.environment["DATABASE_URL"], autocommit=True, row_factory=dict_row) as connection:
        yield connection


@pytest.fixture(autouse=True)
def english() -> Iterator[None]:
    """What a request is answered in stays on in its thread, which is the tests' own where Django's client asks."""
    yield
    translation.activate("en")


@pytest.fixture(autouse=True)
def nothing_remembered(request: pytest.FixtureRequest) -> None:
    """The cache holds nothing of another test, whose server may have had the same port. A house has its own."""
    if request.node.get_closest_marker("house") is None:
        BROKER._until = CACHE._until = 0.0  # another test's server was away
        cache.clear()


def chromium_path(*rather: str) -> str:
    """Where the browser is; the test that asks fails when there is none."""
    found = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, (*rather, *CHROMIUM_NAMES))), None)
    if found is None:
        pytest.fail("No Chromium: set CHROMIUM to its path, or install it (Debian: apt-get install chromium).", False)
    return found


@pytest.fixture(scope="session")
def playwright() -> Iterator[Playwright]:
    """What drives browsers: one for all that a worker opens."""
    expect.set_options(timeout=20_000)  # the machine may be busy: where a time is the point, the test names it
    with sync_playwright() as running:
        yield running


@pytest.fixture(scope="session")
def chromium(playwright: Playwright) -> Iterator[Browser]:
    """The browser, with a pretended camera and microphone. Fails, never skips, when there is none. Who needs what a
    window alone has, such as a question for the camera, launches one of his own."""
    browser = playwright.chromium.launch(executable_path=chromium_path(WINDOWLESS), args=CHROMIUM_FLAGS)
    yield browser
    browser.close()


@pytest.fixture
def person(chromium: Browser) -> Iterator[Callable[..., Page]]:
    """Open a browser for one more person: `person("phone", javascript=False)` is a page that shares nothing."""
    with ExitStack() as contexts:

        def arrive(viewport: str = "desktop", javascript: bool = True) -> Page:
            context = chromium.new_context(viewport=VIEWPORTS[viewport], java_script_enabled=javascript)
            contexts.callback(context.close)
            context.set_default_timeout(10_000)
            return context.new_page()

        yield arrive
