"""Words and shapes of the fold: what happened goes in, who is where comes out."""

from dataclasses import dataclass
from datetime import datetime, timedelta

EXPECTED, WAITING, SENT, LOBBY = "expected", "waiting", "sent", "lobby"
CONNECTED, DISCONNECTED, GONE, CALL_ENDED = "connected", "disconnected", "gone", "call-ended"
CALL, EVERYBODY = "call", "everybody"  # whose time is over when a call ends: of those in it, or in its lobby too
PROVIDER = "provider"
PRESENT = (CONNECTED, LOBBY)  # in the roster; the first outweighs the second
ROSTER = (*PRESENT, DISCONNECTED)
AWAITED = (WAITING, SENT)  # not in the roster, but about to be
CLOCKS_DIFFER = timedelta(minutes=1)  # at most, between the clock of the roster and that of a report
OURS_DIFFERS = timedelta(minutes=2.5)  # at most, between our clock (sent) and that of the roster
TO_TEAMS = timedelta(minutes=5)  # after being sent to Teams, until somebody who is in no roster is not on the way


@dataclass(frozen=True)
class FactLine:
    """A fact. `participant_key` is a Person's key for page facts and names an entry of a roster for all others: for
    facts of an attendance report one stay of one person. `foreign`: with another organization's account. `report`
    names the report that tells it."""

    kind: str
    participant_key: str
    oid: str
    at: datetime
    event_id: str
    foreign: bool = False
    report: str = ""


@dataclass(frozen=True)
class Person:
    """One of our participants. `oid` is that of the linked account, or empty."""

    key: str
    role: str
    oid: str


@dataclass(frozen=True)
class PersonState:
    """Where a participant is: expected, waiting, sent, lobby, connected or disconnected. Expected has no `since` until
    a waiting person was taken back."""

    presence: str
    since: datetime | None


@dataclass(frozen=True)
class Outsider:
    """A roster entry that is none of our participants, as far as can be known; `colleague`: of the organization;
    `foreign`: of another one."""

    presence: str
    since: datetime
    colleague: bool
    foreign: bool = False


@dataclass(frozen=True)
class Change:
    """A line of the visit's story. `key` is the participant's, or empty for somebody unattributed, of whom `colleague`
    and `foreign` are said as of an Outsider; `inferred`: only the end of the call tells that he is gone; `reported`: no
    notification told it, only an attendance report."""

    at: datetime
    key: str
    presence: str
    inferred: bool = False
    reported: bool = False
    colleague: bool = False
    foreign: bool = False


@dataclass(frozen=True)
class VisitState:
    """The visit as its facts tell it. `call_since`: somebody is in the call since then. `empty_since`: after a call,
    nobody is there, waits or is on the way."""

    people: dict[str, PersonState]
    unattributed: tuple[Outsider, ...]
    in_call: bool
    call_since: datetime | None
    empty_since: datetime | None
    changes: tuple[Change, ...]

    @property
    def somebody_there(self) -> bool:
        """Whether anybody is in the call or in its lobby."""
        everybody: list[PersonState | Outsider] = [*self.people.values(), *self.unattributed]
        return any(one.presence in PRESENT for one in everybody)
