"""Facts in, state out: who is where in a visit. Pure and total: the same facts give the same state in every order, told
once or many times, and facts that were lost raise nothing."""

from visits.fold.shapes import (
    AWAITED,
    CALL,
    CLOCKS_DIFFER,
    CONNECTED,
    DISCONNECTED,
    EVERYBODY,
    EXPECTED,
    LOBBY,
    PRESENT,
    SENT,
    TO_TEAMS,
    WAITING,
    Change,
    FactLine,
    Outsider,
    Person,
    PersonState,
    VisitState,
)
from visits.fold.story import fold

__all__ = [
    "AWAITED",
    "CALL",
    "CLOCKS_DIFFER",
    "CONNECTED",
    "DISCONNECTED",
    "EVERYBODY",
    "EXPECTED",
    "LOBBY",
    "PRESENT",
    "SENT",
    "TO_TEAMS",
    "WAITING",
    "Change",
    "FactLine",
    "Outsider",
    "Person",
    "PersonState",
    "VisitState",
    "fold",
]
