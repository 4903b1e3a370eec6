"""What a fault is, and what all kinds of them need."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Any

from psycopg.errors import OperationalError

from tests.faults.drive import Visit
from tests.faults.ward import TEST, Ward, connected

Act = Callable[[], None]
Breaks = Callable[[Ward, Sequence[Visit]], AbstractContextManager[Act | None]]
STATUS = f"{TEST}.*SetExternalConnectionStatus"  # of the EHR that two connections share
TOKEN = f"{TEST}/oauth2/token"
SECONDS_TO_BITE = 45.0


def _nothing(ward: Ward) -> str:
    return ""


@dataclass(frozen=True)
class Fault:
    """`does`: one sentence, what is done and how it is undone. `breaks`: breaks it, lets things happen, mends it;
    what it yields is done in the middle of that.
    `untold`: some of what happens is told by no notification, but by the attendance report alone, once the call has
    ended. `lasting`: visits begin and end under it. `nobody_comes`: none may begin under it. `needs` says why it
    cannot be run here, if it cannot."""

    name: str
    does: str
    breaks: Breaks
    untold: bool = False
    lasting: bool = False
    nobody_comes: bool = False
    needs: Callable[[Ward], str] = _nothing


def bites(what: Callable[[], Any], seconds: float = SECONDS_TO_BITE) -> Any:
    """Wait until the fault is felt. A fault that nobody feels shows nothing: then this fails."""
    deadline = time.monotonic() + seconds
    while True:
        if found := what():
            return found
        if time.monotonic() > deadline:
            raise AssertionError("nobody has felt the fault")
        time.sleep(0.05)


def dying(ward: Ward, name: str, seconds: float = 2) -> Act:
    """SIGKILL to a program, and so many seconds later another."""

    def act() -> None:
        ward.house.kill(name)
        time.sleep(seconds)
        ward.house.start(name)

    return act


def waiting_backends(ward: Ward) -> int:
    """How many connections of the product wait for a lock in PostgreSQL."""
    query = "SELECT count(*) AS found FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND pid <> pg_backend_pid()"
    return int(ward.rows(query)[0]["found"])


@contextmanager
def holding(ward: Ward, query: str) -> Iterator[None]:
    """Hold the rows that a locking query finds, once it finds some: whoever needs them waits there."""
    with connected(ward.house) as connection, connection.transaction():
        bites(lambda: connection.execute(query.encode()).fetchall())
        yield


def accepted(ward: Ward) -> int:
    """How many states the test EHR has accepted so far."""
    return sum(call["accepted"] for call in ward.tell("epic", f"{TEST}/status", "GET"))


def leased(ward: Ward) -> bool:
    """Whether a worker is telling the test EHR something."""
    query = """
        SELECT 1 FROM visits_writeback w JOIN visits_target t ON t.id = w.target_id
        JOIN connector_connection c ON c.id = t.connection_id
        WHERE w.state = 'waiting' AND w.lease IS NOT NULL AND c.base_url LIKE %s
    """
    return bool(ward.rows(query, f"%{TEST}%"))


def fault(ward: Ward, stand_in: str, path: str, kind: str, value: float | None = None, times: int = 0) -> None:
    ward.tell(stand_in, "faults", path=path, kind=kind, value=value, times=times)


def receipts(ward: Ward) -> int:
    """How many notifications have come in so far."""
    return int(ward.rows("SELECT count(*) AS found FROM visits_receipt")[0]["found"])


def errors(ward: Ward) -> int:
    """How many errors the product's processes have logged so far."""
    return _logged(ward, '"level": "error"')


def missed(ward: Ward) -> int:
    """How often they found the broker or the cache away so far."""
    return _logged(ward, ' unavailable"')


def _logged(ward: Ward, what: str) -> int:
    return sum(ward.house.log(name).count(what) for name in ("web", "notifications", "worker"))


def patiently(act: Callable[[], Any]) -> Any:
    """Ask PostgreSQL, which may be starting."""
    return bites(lambda: _or_none(act))


def _or_none(act: Callable[[], Any]) -> Any:
    try:
        return act() or True
    except OperationalError:
        return None
