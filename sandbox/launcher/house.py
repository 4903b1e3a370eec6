"""The whole house: services, stand-ins and the connector's processes, started in order and stopped in order."""

import os
import signal
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Literal, Self
from urllib.parse import urlsplit

import requests

from sandbox.launcher.crew import Crew, Program, run
from sandbox.launcher.environment import STAND_INS, connector_environment, stand_in_environment, urls_of
from sandbox.launcher.place import CHECKOUT, kept_secrets, occupied
from sandbox.launcher.ports import fixed_ports, free_ports
from sandbox.launcher.services import Site, start_services
from sandbox.launcher.tls import Papers, issue, trusting

CONNECTOR = ("web", "notifications", "worker", "scheduler")
THREADS = ("--worker-class", "gthread", "--threads", "8")
LONG_ADDRESSES = ("--limit-request-line", "8190")  # launch tokens and codes may be JWTs
LINES = ("--logger-class", "connector.serving.Lines")
GUNICORN = ("gunicorn", "connector.wsgi", *THREADS, *LONG_ADDRESSES, *LINES, "--no-control-socket")
CELERY = ("celery", "-A", "connector")


def answers(url: str, verify: bool | str = True) -> Callable[[], bool]:
    """A question: does this URL answer 200 now? `verify` is `requests`' own: which authority its certificate needs."""

    def ask() -> bool:
        try:
            return requests.get(url, timeout=2, allow_redirects=False, verify=verify).status_code == 200
        except requests.RequestException:
            return False

    return ask


class House:
    """A context manager. Inside it everything runs; after it nothing does, and the data is kept.

    `ports`: "fixed" for the demo, "free" for tests. `extra_env` is handed to every process and wins; DATABASE_URL,
    REDIS_URL and CACHE_URL there, or in our own environment, name services that are used in place of embedded ones.
    `https`: every server speaks TLS, with certificates of an authority made for this run (`papers`).
    `own_services`: PostgreSQL and Valkey of its own, whatever our environment names: they may be broken.
    """

    def __init__(
        self,
        data: Path,
        ports: Literal["fixed", "free"] = "free",
        extra_env: Mapping[str, str] | None = None,
        *,
        https: bool = False,
        own_services: bool = False,
    ) -> None:
        self.data = data
        self._https = https
        self._own_services = own_services
        self.papers: Papers | None = None
        self._choose_ports = fixed_ports if ports == "fixed" else free_ports
        self._extra = dict(extra_env or {})
        self._crew = Crew()
        self.urls: dict[str, str] = {}
        self.environment: dict[str, str] = {}

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            self._lock = stack.enter_context(occupied(self.data))
            stack.callback(self._stop_all)
            self._move_in()
            self._open = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    def _move_in(self) -> None:
        self.urls = urls_of(self._choose_ports(), "https" if self._https else "http")
        self.papers = issue(self.data) if self._https else None
        for folder in ("logs", "sandbox"):
            (self.data / folder).mkdir(mode=0o700, exist_ok=True)
        for log in (self.data / "logs").glob("*.log"):
            log.unlink()
        secrets = kept_secrets(self.data)
        given = ({} if self._own_services else dict(os.environ)) | self._extra
        addresses = start_services(self._crew, Site(self.data, self._lock, secrets, keep=True), given)
        self.environment = (
            connector_environment(self.urls, secrets, addresses)
            | stand_in_environment(self.urls, secrets, self.data)
            | {"NO_PROXY": "localhost,127.0.0.1", "STATIC_ROOT": str(self.data / "static")}
            | (trusting(self.papers) if self.papers else {})
            | self._extra
        )
        self._crew.launch(*(self._stand_in(name) for name in STAND_INS))
        run(self._python("migrate", "manage.py", "migrate", "--verbosity", "0"))
        run(self._python("collectstatic", "manage.py", "collectstatic", "--noinput", "--verbosity", "0"))
        self._crew.wait_for(*STAND_INS)
        self._crew.start(*self._connector().values())

    def _python(self, name: str, *arguments: str, ready: str = "", farewell: int = signal.SIGTERM) -> Program:
        return Program(
            name,
            [sys.executable, *arguments],
            os.environ | self.environment,
            self.data / "logs" / f"{name}.log",
            CHECKOUT,
            self._lock,
            answers(ready, self.verify) if ready else None,
            farewell=signal.Signals(farewell),
        )

    def _stand_in(self, name: str) -> Program:
        return self._python(name, "-m", f"sandbox.{name}", ready=f"{self.urls[name]}/sandbox/health")

    def _gunicorn(self, name: str, workers: int) -> Program:
        url, papers = self.urls[name], self.papers
        bind = ("--bind", urlsplit(url).netloc, "--workers", str(workers))
        tls = ("--certfile", str(papers.chain), "--keyfile", str(papers.key)) if papers else ()
        # Gunicorn's quick end: a page in the middle of a download does not hold up Ctrl-C.
        return self._python(name, "-m", *GUNICORN, *bind, *tls, ready=f"{url}/health/live", farewell=signal.SIGINT)

    def _connector(self) -> dict[str, Program]:
        worker = ("worker", "--pool", "threads", "--concurrency", "8", "--loglevel", "warning")
        schedule = str(self.data / "celerybeat-schedule")
        beat = ("beat", "--schedule", schedule, "--pidfile", "", "--loglevel", "warning")
        return {
            "web": self._gunicorn("web", workers=2),
            "notifications": self._gunicorn("notifications", workers=1),
            "worker": self._python("worker", "-m", *CELERY, *worker),
            "scheduler": self._python("scheduler", "-m", *CELERY, *beat),
        }

    @property
    def verify(self) -> bool | str:
        """What `requests` is told of the certificates of this house."""
        return str(self.papers.authority) if self.papers else True

    def _stop_all(self) -> None:
        services = [name for name in self._crew.programs if name not in (*CONNECTOR, *STAND_INS)]
        self._crew.stop((*CONNECTOR, *STAND_INS))
        self._crew.stop(services)

    def start(self, name: str) -> None:
        """Start one process again and wait until it answers. Raises LauncherError when it does not."""
        self._crew.start(self._crew.programs[name])

    def stop(self, name: str) -> None:
        """End one process in order."""
        self._crew.stop([name])

    def kill(self, name: str) -> None:
        """End one process and its children by SIGKILL, as a crash does."""
        self._crew.kill(name)

    def held(self, name: str) -> AbstractContextManager[None]:
        """Hold one process and its children meanwhile (SIGSTOP): it takes questions and answers none."""
        return self._crew.held(name)

    def restart(self, name: str) -> None:
        """Stop one process, if it runs, and start it again."""
        self.stop(name)
        self.start(name)

    def mend(self) -> None:
        """Start whatever does not run. Raises LauncherError when one does not answer."""
        self._crew.start(*(self._crew.programs[name] for name in self._crew.absent()))

    def manage(self, *arguments: str, settings: str = "") -> None:
        """Run a management command to its end, with other settings where they are named. Raises LauncherError."""
        program = self._python("manage", "manage.py", *arguments)
        named = {"DJANGO_SETTINGS_MODULE": settings} if settings else {}
        run(replace(program, environment={**program.environment, **named}))

    @contextmanager
    def second(self, name: str, *arguments: str) -> Iterator[None]:
        """Another process of a kind that runs already, with arguments of its own."""
        first, other = self._crew.programs[name], f"second-{name}"
        log = self.data / "logs" / f"{other}.log"
        self._crew.start(replace(first, name=other, command=[*first.command, *arguments], log=log))
        try:
            yield
        finally:
            self._crew.stop([other])
            del self._crew.programs[other]

    @contextmanager
    def given(self, *names: str, **environment: str) -> Iterator[None]:
        """These processes, started again with more in their environment; and afterwards as they were."""
        before = [self._crew.programs[name] for name in names]
        self._crew.stop(names)
        self._crew.start(*(replace(one, environment={**one.environment, **environment}) for one in before))
        try:
            yield
        finally:
            self._crew.stop(names)
            self._crew.start(*before)

    def log(self, name: str) -> str:
        """What one process has written so far."""
        path = self.data / "logs" / f"{name}.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def fallen(self) -> list[tuple[str, int]]:
        """Names and exit codes of the processes that ended by themselves."""
        return self._crew.fallen()

    def give_up(self, name: str) -> None:
        """Leave a process that keeps ending as it is."""
        self._crew.forget(name)

    def reset_stand_ins(self) -> None:
        """Bring every stand-in back to its first day. Raises requests.RequestException when one cannot."""
        for name in STAND_INS:
            requests.post(f"{self.urls[name]}/sandbox/reset", timeout=10, verify=self.verify).raise_for_status()
