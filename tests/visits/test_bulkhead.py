"""The bulkhead: an EHR's presses have their places in a process, and no more; another's are its own."""

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from connector.models import Connection
from visits import bulkhead
from visits.bulkhead import room
from visits.trouble import Stop

PLACES = 2


@pytest.fixture(autouse=True)
def places(settings: Any) -> Iterator[None]:
    settings.LAUNCHES_AT_ONCE = PLACES
    bulkhead._hosts.clear()
    yield
    bulkhead._hosts.clear()


def at(host: str, path: str = "prd") -> Connection:
    return Connection(base_url=f"https://{host}/{path}/api/FHIR/R4")


def fill(stack: ExitStack, connection: Connection) -> None:
    for _ in range(PLACES):
        stack.enter_context(room(connection, again=True))


def turned_away(connection: Connection, *, again: bool = True) -> Stop:
    with pytest.raises(Stop) as told, room(connection, again=again):
        pass
    return told.value


def test_who_finds_no_place_is_told_when_to_come_again() -> None:
    with ExitStack() as stack:
        fill(stack, at("ehr.example"))
        stop = turned_away(at("ehr.example"))
    assert stop.code == "ehr-crowded"
    assert stop.context["wait"] in bulkhead.AGAIN_SECONDS


def test_whose_code_is_old_is_not_told_to_come_again_with_it() -> None:
    with ExitStack() as stack:
        fill(stack, at("ehr.example"))
        assert turned_away(at("ehr.example"), again=False).context["wait"] == 0


def test_a_place_is_given_back_also_by_whom_the_ehr_refused() -> None:
    for _ in range(PLACES + 1):
        with pytest.raises(ValueError, match="refused"), room(at("ehr.example"), again=True):
            raise ValueError("refused")


def test_connections_to_one_server_share_its_places_and_another_server_has_its_own() -> None:
    with ExitStack() as stack:
        fill(stack, at("ehr.example"))
        turned_away(at("ehr.example", "tst"))
        with room(at("other.example"), again=True):
            pass


def test_without_a_limit_everybody_has_a_place(settings: Any) -> None:
    settings.LAUNCHES_AT_ONCE = 0
    with ExitStack() as stack:
        for _ in range(10):
            stack.enter_context(room(at("ehr.example"), again=True))
