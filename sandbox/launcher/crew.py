"""Child processes that never outlive whoever started them, each with a log file of its own."""

import ctypes
import os
import pwd
import signal
import subprocess
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

PR_SET_PDEATHSIG = 1
# Loaded before any fork: a child that has changed its account may not be allowed to read what an import needs.
_libc = ctypes.CDLL(None)


class LauncherError(Exception):
    """Why the house cannot run, as one sentence for whoever started it."""


@dataclass(frozen=True)
class Program:
    """How one process is started, asked whether it is ready, and told to end quickly. `ready` None: nothing to ask."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str]
    log: Path
    cwd: Path
    lock: int
    ready: Callable[[], bool] | None = None
    account: str | None = None
    farewell: signal.Signals = signal.SIGTERM
    patience: float = 60.0


class Identity(TypedDict, total=False):
    """The arguments of `subprocess` that say who a child is."""

    user: int
    group: int
    extra_groups: list[int]


def identity(account: str | None) -> Identity:
    """Who a child is: this account with its own group and no other; None: ourselves."""
    if account is None:
        return {}
    entry = pwd.getpwnam(account)
    return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}


def _tie(parent: int, farewell: int) -> Callable[[], None]:
    def tie() -> None:
        _libc.prctl(PR_SET_PDEATHSIG, farewell)
        if os.getppid() != parent:  # the parent died before the tie was made
            os._exit(1)

    return tie


def spawn(program: Program) -> subprocess.Popen[bytes]:
    """Start a process whose death signal follows the calling thread's end; its log gets its output, mode 0600.

    It holds the data folder's lock too, so that nobody starts on data which a dying process still uses, and has a
    session of its own, so that Ctrl-C reaches the supervisor alone and everything stops in order.
    """
    log = os.open(program.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        return subprocess.Popen(
            program.command,
            env=program.environment,
            cwd=program.cwd,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            pass_fds=(program.lock,),
            start_new_session=True,
            **identity(program.account),
            preexec_fn=_tie(os.getpid(), program.farewell),
        )
    finally:
        os.close(log)


def tail(log: Path, lines: int = 15) -> str:
    """The last lines of a log, indented; empty when there is none."""
    text = log.read_text(errors="replace") if log.exists() else ""
    return "\n".join(f"    {line}" for line in text.splitlines()[-lines:])


def run(program: Program) -> None:
    """Run a program to its end. Raises LauncherError with the tail of its log when it fails."""
    code = spawn(program).wait(program.patience)
    if code:
        raise LauncherError(f"{program.name} failed (exit code {code}). Its last lines:\n{tail(program.log)}")


def _family(pid: int) -> list[int]:
    """A process and all that come from it, each after its parent: PostgreSQL's are in no group of its own."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *(one for child in children for one in _family(int(child)))]


def signal_group(process: subprocess.Popen[bytes], number: int) -> None:
    """Send a signal to a process and whatever it started, if it is still there."""
    try:
        os.killpg(process.pid, number)
    except ProcessLookupError:
        return


class Crew:
    """The running programs, by name, in the order in which they first started."""

    def __init__(self, stop_within: float = 6.0) -> None:
        self._stop_within = stop_within
        self.programs: dict[str, Program] = {}
        self._processes: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, *programs: Program) -> None:
        """Start programs side by side and wait until each is ready. Raises LauncherError when one is not."""
        self.launch(*programs)
        self.wait_for(*(program.name for program in programs))

    def launch(self, *programs: Program) -> None:
        """Start programs without waiting."""
        for program in programs:
            self.programs[program.name] = program
            self._processes[program.name] = spawn(program)

    def wait_for(self, *names: str) -> None:
        """Wait until each of these answers. Raises LauncherError with the tail of the log of one that does not."""
        waiting, since = list(names), time.monotonic()
        while waiting:
            for program in [self.programs[name] for name in waiting]:
                self._must_live(program, time.monotonic() - since)
                if program.ready is None or program.ready():
                    waiting.remove(program.name)
            time.sleep(0.03 if waiting else 0)

    def _must_live(self, program: Program, waited: float) -> None:
        code = self._processes[program.name].poll()
        if code is None and waited < program.patience:
            return
        what = f"did not answer within {program.patience:.0f} seconds" if code is None else f"ended (exit code {code})"
        raise LauncherError(f"{program.name} {what}. Its last lines, from {program.log}:\n{tail(program.log)}")

    def fallen(self) -> list[tuple[str, int]]:
        """Names and exit codes of the programs that ended without being told to."""
        codes = [(name, process.poll()) for name, process in self._processes.items()]
        return [(name, code) for name, code in codes if code is not None]

    def pid(self, name: str) -> int:
        """The process id of a running program."""
        return self._processes[name].pid

    def absent(self) -> list[str]:
        """Names of the programs that do not run, for whatever reason."""
        fallen = {name for name, _ in self.fallen()}
        return [name for name in self.programs if name in fallen or name not in self._processes]

    def forget(self, name: str) -> None:
        """Take a program that has ended off the list of those that should run."""
        self._processes.pop(name, None)

    def stop(self, names: Iterable[str]) -> None:
        """End these programs, side by side: asked first, killed when they take too long."""
        processes = [(self.programs[n], self._processes.pop(n)) for n in list(names) if n in self._processes]
        for program, process in processes:
            if process.poll() is None:
                process.send_signal(program.farewell)
        deadline = time.monotonic() + self._stop_within
        for _, process in processes:
            try:
                process.wait(max(0.0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                signal_group(process, signal.SIGKILL)
                process.wait()
            signal_group(process, signal.SIGKILL)  # whatever a process that crashed has left behind

    @contextmanager
    def held(self, name: str) -> Iterator[None]:
        """Meanwhile a program and its children run on no processor: who asks them is connected and not answered."""
        family = _family(self._processes[name].pid)
        for pid in family:
            os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            for pid in family:
                os.kill(pid, signal.SIGCONT)

    def kill(self, name: str) -> None:
        """End a program and its children as a crash does: SIGKILL, nothing said."""
        process = self._processes.pop(name)
        signal_group(process, signal.SIGKILL)
        process.wait()
