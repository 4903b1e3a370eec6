"""The roster of each meeting's call. Every act changes it under the store's lock and is reported before it is kept."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from werkzeug.exceptions import NotFound

from sandbox.state import now, stamp
from sandbox.store import Document, Store
from sandbox.switches import value
from sandbox.teams import graph
from sandbox.teams.lobby import colleague, waits
from sandbox.teams.people import identity_of

LEFT = "Participant has left the meeting call."
# The first and second reasons are Graph's own; what it says of a removed or denied person is not documented.
REASONS = {
    "leave": LEFT,
    "drop": "Participant has entered an inactive state in the roster.",
    "remove": "Participant has been removed from the meeting call.",
    "deny": "Participant has been denied entry to the meeting call.",
    "end": LEFT,
}


def roster_of(store: Store, key: str) -> Document:
    """{seats: {seat id: person and state}, calling}: who is or was there. A seat is one stay of one person."""
    return store.table("rosters").get(key, {"seats": {}, "calling": False})


@contextmanager
def changing(store: Store, meeting: Document) -> Iterator[tuple[Document, list[Document]]]:
    """The roster and the deltas to report with it. Nothing is kept when Graph does not take the report."""
    with store.lock:
        roster, deltas = roster_of(store, meeting["key"]), list[Document]()
        yield roster, deltas
        report(meeting["key"], roster, deltas)
        store.table("rosters")[meeting["key"]] = roster


def report(key: str, roster: Document, deltas: list[Document]) -> None:
    """Tell Graph: the call starts with the first person who is in, and ends with the last."""
    present = any(seat["state"] == "in" for seat in roster["seats"].values())
    events: list[Document] = [{"eventType": "rosterUpdated", "participants@delta": deltas}] if deltas else []
    if present and not roster["calling"]:
        events.insert(0, {"eventType": "callStarted"})
    if roster["calling"] and not present:
        events.append({"eventType": "callEnded"})
    roster["calling"] = present
    begun = now()
    for step, event in enumerate(events):
        graph.tell(key, event | {"eventDateTime": stamp(begun + timedelta(milliseconds=step))})


def enter(store: Store, meeting: Document, person: Document) -> str:
    """Seat a person in the call or the lobby, and return the seat's id, which is also his first participant id."""
    with changing(store, meeting) as (roster, deltas):
        seat_id = str(uuid.uuid4())
        state = "lobby" if waits(person, meeting, staffed(roster, meeting)) else "in"
        seat = {**person, "id": seat_id, "identity": identity_of(store, person), "state": state, "since": stamp(now())}
        roster["seats"][seat_id] = seat
        deltas.append(delta(seat))
        if state == "in" and colleague(person, meeting):
            open_doors(store, meeting, roster, deltas)
    return seat_id


def staffed(roster: Document, meeting: Document) -> bool:
    return any(seat["state"] == "in" and colleague(seat, meeting) for seat in roster["seats"].values())


def open_doors(store: Store, meeting: Document, roster: Document, deltas: list[Document]) -> None:
    """Let in those who waited only for somebody of the tenant to be there."""
    if meeting["options"]["lobbyBypassSettings"]["scope"] != "everyone":
        return
    for seat in waiting(roster):
        deltas += let_in(store, seat)


def waiting(roster: Document) -> list[Document]:
    return [seat for seat in roster["seats"].values() if seat["state"] == "lobby"]


def delta(seat: Document) -> Document:
    return {"id": seat["id"], "isInLobby": seat["state"] == "lobby", "info": {"identity": seat["identity"]}}


def removal(seat: Document, reason: str) -> Document:
    return {**delta(seat), "removedState": {"reason": reason}}


def let_in(store: Store, seat: Document) -> list[Document]:
    """Move a seat from the lobby into the call; by the switch it gets a new participant id there."""
    change = value(store, "id-changes")
    gone = [removal(seat, LEFT)] if change and change != "silent" else []
    seat |= {"state": "in", "since": stamp(now())} | ({"id": str(uuid.uuid4())} if change else {})
    return [*gone, delta(seat)]


def admit(store: Store, meeting: Document, seat_id: str) -> Document:
    """Admit one who waits. Raises NotFound when nobody waits there (any more)."""
    with changing(store, meeting) as (roster, deltas):
        seat = seat_in(roster, seat_id, "lobby")
        deltas += let_in(store, seat)
    return seat


def take_away(store: Store, meeting: Document, seat_id: str, act: str) -> Document:
    """Somebody leaves, drops, is removed or denied. Raises NotFound when he is not there (any more)."""
    with changing(store, meeting) as (roster, deltas):
        seat = seat_in(roster, seat_id, "in", "lobby")
        deltas.append(removal(seat, REASONS[act]))
        seat |= {"state": "gone", "by": act, "since": stamp(now())}
    return seat


def end(store: Store, meeting: Document) -> None:
    """End the call for everybody, those in the lobby too."""
    with changing(store, meeting) as (roster, deltas):
        for seat in roster["seats"].values():
            if seat["state"] != "gone":
                deltas.append(removal(seat, REASONS["end"]))
                seat |= {"state": "gone", "by": "end", "since": stamp(now())}


def seat_in(roster: Document, reference: str, *states: str) -> Document:
    """The seat by its own id or by the participant id it has now."""
    for seat_id, seat in roster["seats"].items():
        if reference in (seat_id, seat["id"]) and seat["state"] in states:
            found: Document = seat
            return found
    raise NotFound
