"""Processes that die, at the step where it hurts. Each is brought to that step by what it waits for: a slow EHR, a row
that somebody else holds, a broker that pauses. The product has nothing in it for this."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import redis

from sandbox.launcher.crew import LauncherError
from sandbox.launcher.house import CONNECTOR
from tests.faults.breaking.shape import (
    STATUS,
    TOKEN,
    Act,
    Fault,
    accepted,
    bites,
    fault,
    holding,
    leased,
    waiting_backends,
)
from tests.faults.drive import Visit
from tests.faults.ward import Ward

UNTOLD = "SELECT id FROM visits_writeback WHERE state = 'waiting' AND lease IS NULL FOR UPDATE SKIP LOCKED"
BEING_TOLD = "SELECT id FROM visits_writeback WHERE state = 'waiting' AND lease IS NOT NULL FOR UPDATE SKIP LOCKED"
VISITS = "SELECT id FROM visits_visit {}"


def _another_worker_comes(ward: Ward) -> None:
    """What the dead one had claimed is free again after a minute."""
    ward.house.start("worker")
    ward.leases_end()


@contextmanager
def _while_leasing(ward: Ward, visits: Sequence[Visit]) -> Iterator[None]:
    yield
    with holding(ward, UNTOLD):
        bites(lambda: ward.rows("SELECT 1 FROM visits_lane WHERE lease IS NOT NULL") and waiting_backends(ward))
        ward.house.kill("worker")
    _another_worker_comes(ward)


@contextmanager
def _before_sending(ward: Ward, visits: Sequence[Visit]) -> Iterator[None]:
    ward.forget_tokens()
    fault(ward, "epic", TOKEN, "hang", 8)
    yield
    bites(lambda: leased(ward))
    ward.house.kill("worker")
    ward.no_faults()
    _another_worker_comes(ward)


@contextmanager
def _before_the_answer(ward: Ward, visits: Sequence[Visit]) -> Iterator[None]:
    fault(ward, "epic", STATUS, "delay", 4)
    yield
    bites(lambda: leased(ward))
    time.sleep(0.5)  # the call is on its way, and answered in four seconds
    before = accepted(ward)
    ward.house.kill("worker")
    bites(lambda: accepted(ward) > before)  # the EHR has taken what nobody knows to be told
    ward.no_faults()
    _another_worker_comes(ward)


@contextmanager
def _before_writing_down(ward: Ward, visits: Sequence[Visit]) -> Iterator[None]:
    fault(ward, "epic", STATUS, "delay", 2)
    yield
    with holding(ward, BEING_TOLD):
        before = accepted(ward)
        bites(lambda: accepted(ward) > before and waiting_backends(ward))
        ward.house.kill("worker")
    ward.no_faults()
    _another_worker_comes(ward)


@contextmanager
def _understanding(ward: Ward, visits: Sequence[Visit]) -> Iterator[None]:
    with holding(ward, VISITS.format("FOR UPDATE")):
        yield
        bites(lambda: waiting_backends(ward))
        ward.house.kill("worker")
    _another_worker_comes(ward)


@contextmanager
def _folding(ward: Ward, visits: Sequence[Visit]) -> Iterator[None]:
    facts = ward.rows("SELECT count(*) AS found FROM visits_fact")[0]["found"]
    with holding(ward, VISITS.format("FOR NO KEY UPDATE")):
        yield
        bites(lambda: ward.rows("SELECT count(*) AS found FROM visits_fact")[0]["found"] > facts)
        bites(lambda: waiting_backends(ward))
        ward.house.kill("worker")
    _another_worker_comes(ward)


@contextmanager
def _before_202(ward: Ward, visits: Sequence[Visit]) -> Iterator[None]:
    """The receipts are kept, and the wake-up waits for a broker that pauses: there the process dies."""
    kept = "SELECT count(*) AS found FROM visits_receipt"
    before = ward.rows(kept)[0]["found"]
    with redis.Redis.from_url(ward.house.environment["REDIS_URL"]) as broker:
        broker.execute_command("CLIENT PAUSE", 20_000, "WRITE")
    yield
    bites(lambda: ward.rows(kept)[0]["found"] > before)
    ward.house.kill("notifications")
    with redis.Redis.from_url(ward.house.environment["REDIS_URL"]) as broker:
        broker.execute_command("CLIENT UNPAUSE")
    ward.house.start("notifications")


@contextmanager
def _web_in_a_launch(ward: Ward, visits: Sequence[Visit]) -> Iterator[None]:
    fault(ward, "epic", TOKEN, "delay", 2)
    yield
    time.sleep(1)  # who comes now waits for the EHR, between the press and his page
    ward.house.kill("web")
    ward.no_faults()
    ward.house.start("web")


@contextmanager
def _all_at_once(ward: Ward, visits: Sequence[Visit]) -> Iterator[Act]:
    def act() -> None:
        for name in CONNECTOR:
            ward.house.kill(name)
        time.sleep(3)
        ward.house.mend()

    yield act
    ward.leases_end()


@contextmanager
def _rolling_restart(ward: Ward, visits: Sequence[Visit]) -> Iterator[Act]:
    def act() -> None:
        _migrated(ward)
        for name in CONNECTOR:
            ward.house.restart(name)

    yield act
    _migrated(ward, "next_release", "zero")


def _migrated(ward: Ward, *to: str) -> None:
    """As docs/operations.md has it: where people's work and the migration wait for each other, it is run again."""
    for tries_left in (2, 1, 0):
        try:
            ward.house.manage("migrate", "--verbosity", "0", *to, settings="tests.faults.next_release")
            break
        except LauncherError as error:
            if not tries_left or not any(met in str(error) for met in ("deadlock", "lock timeout")):
                raise


@contextmanager
def _two_schedulers(ward: Ward, visits: Sequence[Visit]) -> Iterator[None]:
    with ward.house.second("scheduler", "--schedule", str(ward.house.data / "second-schedule")):
        yield
        time.sleep(12)  # two rounds of the sweeps


FAULTS = (
    Fault(
        "worker killed while it leases",
        "Rows to be told are held by another transaction until a lane is leased and its worker waits for them; SIGKILL;"
        " another worker is started.",
        _while_leasing,
    ),
    Fault(
        "worker killed before sending",
        "The EHR's token endpoint hangs; SIGKILL while a row is claimed and nothing is sent.",
        _before_sending,
    ),
    Fault(
        "worker killed after sending, before the answer",
        "The EHR takes four seconds to answer; SIGKILL within them, and it accepts the call afterwards.",
        _before_the_answer,
    ),
    Fault(
        "worker killed after the answer, before it is written down",
        "The row is held by another transaction while the EHR accepts the call; SIGKILL as the worker waits for it.",
        _before_writing_down,
    ),
    Fault(
        "worker killed before it has understood",
        "The visits are held by another transaction while notifications are understood; SIGKILL as they wait.",
        _understanding,
    ),
    Fault(
        "worker killed in the middle of a fold",
        "The visits are held so that facts can be kept and not folded; SIGKILL as the folds wait.",
        _folding,
    ),
    Fault(
        "notification service killed between receipt and answer",
        "The broker pauses while the service, which has kept the receipts, wakes workers; SIGKILL before the 202.",
        _before_202,
    ),
    Fault(
        "web server killed in the middle of launches",
        "The EHR's token endpoint takes two seconds; SIGKILL while people wait for it; started again.",
        _web_in_a_launch,
    ),
    Fault(
        "every process killed at once",
        "SIGKILL to web, notifications, worker and scheduler while people come and go; started again after three"
        " seconds.",
        _all_at_once,
    ),
    Fault(
        "rolling restart with a migration",
        "While people come and go an additive migration is applied under the running release, and each process is"
        " restarted in turn.",
        _rolling_restart,
    ),
    Fault("two schedulers", "A second scheduler runs beside the first for two rounds of the sweeps.", _two_schedulers),
)
