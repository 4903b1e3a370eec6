"""Where the data lives, which account may read it, and who uses it now."""

import fcntl
import hashlib
import json
import os
import pwd
import secrets
import shutil
import time
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sandbox.launcher.crew import LauncherError

CHECKOUT = Path(__file__).resolve().parent.parent.parent
ROOT_HOME = Path("/var/lib/ehr-connector")
ACCOUNTS = ("postgres", "nobody")  # PostgreSQL refuses to run as root; accounts are used, never made
SETTLE_WITHIN = 15.0


class DataInUse(LauncherError):
    """Another supervisor holds the data folder."""


def home() -> Path:
    """The folder of everything this checkout keeps. As root it is where an unprivileged account can read it."""
    if os.geteuid():
        return CHECKOUT / ".data"
    return ROOT_HOME / hashlib.sha256(str(CHECKOUT).encode()).hexdigest()[:12]


def account_for(folder: Path) -> str | None:
    """The account that PostgreSQL and Valkey run as: None (ourselves) unless we are root, the same one ever after."""
    if os.geteuid():
        return None
    if folder.exists():
        return pwd.getpwuid(folder.stat().st_uid).pw_name
    known = {entry.pw_name for entry in pwd.getpwall()}
    return next(name for name in ACCOUNTS if name in known)


def private_folder(folder: Path, account: str | None) -> Path:
    """Make a folder that only `account` (None: ourselves) can read."""
    if not folder.exists():
        folder.mkdir(mode=0o700)
        if account:
            shutil.chown(folder, account, pwd.getpwnam(account).pw_gid)
    return folder


def private_file(path: Path, text: str, account: str | None = None) -> Path:
    """Write a file that only `account` (None: ourselves) can read."""
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
    if account:
        shutil.chown(path, account, pwd.getpwnam(account).pw_gid)
    return path


@contextmanager
def occupied(data: Path, any_checkout: bool = False) -> Iterator[int]:
    """Hold the data folder; yields the lock's descriptor, which children inherit. Raises DataInUse when it is held.

    The folder stays with its checkout: data of another one is refused, unless it is only to be forgotten.
    """
    data.mkdir(mode=0o711, parents=True, exist_ok=True)
    lock = os.open(data / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        _take(lock, data)
        os.ftruncate(lock, 0)
        os.pwrite(lock, str(os.getpid()).encode(), 0)
        if not any_checkout:
            _must_be_ours(data)
        yield lock
    finally:
        os.close(lock)


def _take(lock: int, data: Path) -> None:
    deadline = time.monotonic() + SETTLE_WITHIN
    while True:
        try:
            return fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            holder = os.pread(lock, 32, 0).decode()
            if _runs(holder) or time.monotonic() > deadline:
                message = f"It runs already (process {holder or 'unknown'}, data in {data}). Stop that one first."
                raise DataInUse(message) from error
            time.sleep(0.1)  # its supervisor is gone; its last processes are on their way


def _runs(pid: str) -> bool:
    return not pid.isdigit() or Path(f"/proc/{pid}").exists()


def _must_be_ours(data: Path) -> None:
    mark = data / "checkout"
    if not mark.exists():
        mark.write_text(f"{CHECKOUT}\n")
    owner = mark.read_text().strip()
    if owner != str(CHECKOUT):
        raise LauncherError(f"The data in {data} belongs to the checkout {owner}. `make demo-reset` forgets it.")


def generated_secrets() -> dict[str, str]:
    """Fresh secrets for every name that a house needs."""
    return {
        "SECRET_KEY": secrets.token_urlsafe(48),
        "KEY_ENCRYPTION_KEYS": f"k1:{b64encode(secrets.token_bytes(32)).decode()}",
        "ENTRA_CLIENT_SECRET": secrets.token_urlsafe(32),
        "METRICS_TOKEN": secrets.token_urlsafe(32),
        "SANDBOX_SECRET": secrets.token_urlsafe(32),
        "DATABASE_PASSWORD": secrets.token_urlsafe(24),
        "VALKEY_PASSWORD": secrets.token_urlsafe(24),
    }


def kept_secrets(data: Path) -> dict[str, str]:
    """The secrets of this data folder, made at the first start and kept with it (0600)."""
    path = data / "secrets.json"
    kept: dict[str, str] = json.loads(path.read_text()) if path.exists() else {}
    whole = generated_secrets() | kept  # a folder of an earlier version may lack one
    if whole != kept:
        private_file(path, json.dumps(whole, indent=1))
    return whole
