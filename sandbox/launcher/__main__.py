"""`python -m sandbox.launcher demo | reset | services`."""

import os
import shutil
import signal
import sys
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path
from types import FrameType
from typing import NoReturn

from sandbox.launcher.crew import LauncherError, tail
from sandbox.launcher.house import House
from sandbox.launcher.place import home, occupied
from sandbox.launcher.services import services
from sandbox.launcher.tour import page

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
RESTARTS = 3


def say(text: str) -> None:
    """Print at once, also into a pipe."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def _end(_number: int, _frame: FrameType | None) -> NoReturn:
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)  # stopping is quick; a second Ctrl-C must not cut it short
    raise KeyboardInterrupt


def demo(data: Path) -> None:
    """Run the house until a signal ends it."""
    say("Starting. The first time takes a little longer.")
    since = time.monotonic()
    with suppress(KeyboardInterrupt), House(data, ports="fixed") as house:
        say(page(house.urls, data))
        say(f"Ready after {time.monotonic() - since:.1f} seconds.")
        try:
            watch(house)
        finally:
            say("\nStopping.")
    say("Stopped. The data is kept: `make demo` goes on where this ended.")


def watch(house: House) -> None:
    """Report every process that ends by itself, with the end of its log, and start it again a few times."""
    ends: Counter[str] = Counter()
    while True:
        for name, code in house.fallen():
            ends[name] += 1
            log = house.data / "logs" / f"{name}.log"
            say(f"\n{name} ended by itself (exit code {code}). The last lines of {log}:\n{tail(log)}")
            _revive(house, name, ends[name])
        time.sleep(0.3)


def _revive(house: House, name: str, end: int) -> None:
    if end > RESTARTS:
        say(f"{name} is not started again: it ended {end} times. The others go on.")
        return house.give_up(name)
    try:
        house.start(name)
        say(f"{name} was started again ({end} of {RESTARTS}).")
    except LauncherError as error:
        say(str(error))


def reset(data: Path) -> None:
    """Forget the demo's data. Raises LauncherError while it runs."""
    if data.exists():
        with occupied(data, any_checkout=True):
            shutil.rmtree(data)
    say(f"Forgotten: {data}")


def only_services(data: Path) -> None:
    """PostgreSQL and Valkey alone, with the demo's data, until a signal ends them."""
    with services(data, os.environ) as addresses:
        say(f"DATABASE_URL={addresses.database_url}\nREDIS_URL={addresses.redis_url}\nCACHE_URL={addresses.cache_url}")
        signal.pause()


COMMANDS = {"demo": demo, "reset": reset, "services": only_services}


def main() -> None:
    """Run the command that was named; a LauncherError becomes one sentence and exit code 1."""
    for number in SIGNALS:
        signal.signal(number, _end)
    command = COMMANDS.get(sys.argv[1] if len(sys.argv) == 2 else "")
    if command is None:
        sys.exit(f"Usage: python -m sandbox.launcher {' | '.join(COMMANDS)}")
    try:
        command(home() / "demo")
    except LauncherError as error:
        sys.exit(str(error))
    except KeyboardInterrupt:
        return


if __name__ == "__main__":
    main()
