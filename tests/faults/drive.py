"""People in many visits at once, over plain HTTP, and what truly happened to each, by the driver's own clock."""

import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import chain
from typing import TypeVar
from urllib.parse import unquote, urlsplit

import requests

from tests.faults.ward import PATIENTS, Site, Ward, at_the_door
from tests.portal.steps import Shown, Visitor

T = TypeVar("T")
THREADS = 8
SECONDS_TO_GET_IN = 90.0

PROVIDER, PATIENT = "provider", "patient"
WAITING, CONNECTED, DISCONNECTED = "waiting", "connected", "disconnected"

# What happens in a visit, step by step: one script after the other is given out.
SCRIPTS = (
    "clinician-comes patient-knocks admit patient-leaves clinician-leaves",
    "patient-knocks clinician-comes admit patient-drops patient-knocks admit clinician-leaves patient-leaves",
    "clinician-comes patient-knocks clinician-drops clinician-comes admit patient-leaves clinician-leaves",
    "patient-knocks clinician-comes admit end-for-all",
    "clinician-comes patient-knocks admit patient-leaves patient-knocks admit patient-drops clinician-leaves",
    "clinician-comes clinician-leaves patient-knocks clinician-comes admit clinician-leaves patient-leaves",
)

# Two stays of a patient, less than a minute apart, are one to an attendance report, which cannot name him.
SCRIPTS_OF_ONE_STAY = tuple(script for script in SCRIPTS if script.count("patient-knocks") == 1)


@dataclass(frozen=True)
class Happened:
    """Something that truly happened to somebody, between two moments of the driver's clock."""

    role: str
    what: str  # waiting, connected, disconnected
    after: datetime
    before: datetime


@dataclass
class Visit:
    """One visit: its people, how far its script has come, and what happened."""

    site: Site
    patient: str
    csn: str
    key: str = ""  # of the Teams meeting
    script: list[str] = field(default_factory=list)
    happened: list[Happened] = field(default_factory=list)
    seats: dict[str, str] = field(default_factory=dict)  # role: the roster's id, while somebody is there
    turned_away: int = 0  # presses that led to no page, and were repeated
    read: set[str] = field(default_factory=set)  # what the error pages were headed

    def names(self) -> dict[str, str]:
        """Role by the name that the EHR's chart has."""
        return {self.site.plan.shown_as: PROVIDER, PATIENTS[self.patient][1]: PATIENT}

    def now(self, role: str) -> str:
        """What somebody is at this moment."""
        return next((one.what for one in reversed(self.happened) if one.role == role), "")


def admitted(ward: Ward, many: int, offset: int = 0) -> list[Visit]:
    """So many visits, spread over the connections, in each of which the patient has waited and both are before
    Teams."""
    planned = [_planned(ward, number) for number in range(offset, offset + many)]
    return together(lambda visit: let_in(ward, visit), planned)


def _planned(ward: Ward, number: int) -> Visit:
    site, patient = ward.sites[number % len(ward.sites)], list(PATIENTS)[number // 3 % len(PATIENTS)]
    return Visit(site, patient, insist(lambda: ward.add_visit(site, patient)))


def let_in(ward: Ward, visit: Visit) -> Visit:
    """The patient comes and waits, the clinician opens the meeting, and both stand before Teams."""
    browser = Visitor(ward.house)
    began = moment()
    page = _get_in(
        visit, lambda: browser.open(ward.press(visit.site, PATIENT, visit.patient, visit.csn)), "You are in the right"
    )
    visit.happened.append(Happened(PATIENT, WAITING, began, moment()))
    door = _get_in(visit, lambda: at_the_door(ward, visit.site, visit.csn), "", host=ward.house.urls["teams"])
    visit.key = unquote(urlsplit(door.url).path.split("/")[3])
    _get_in(visit, lambda: _on_to_teams(browser, browser.open(page.url)), "", host=ward.house.urls["teams"])
    return visit


def _on_to_teams(browser: Visitor, page: Shown) -> Shown:
    """By the page's one button: who was sent before, and met an error on the way, reads *Go back*."""
    sent = page.soup.find("a", id="go", string="Go back to your visit")
    return browser.follow(page, "Go back to your visit" if sent else "Go to your visit")


def _get_in(visit: Visit, press: Callable[[], Shown], heading: str, host: str = "") -> Shown:
    """Press until it leads where it should. Who meets an error presses again, as he is told to."""
    deadline = time.monotonic() + SECONDS_TO_GET_IN
    while True:
        try:
            page = press()
            if page.status == 200 and page.url.startswith(host) and page.heading.startswith(heading):
                return page
            if page.status >= 400:
                visit.read.add(page.heading)
            found = f"{page.status} {page.heading} at {urlsplit(page.url).path[:40]}: {page.text[:300]}"
        except (requests.RequestException, AssertionError) as error:
            found = f"{type(error).__name__}: {str(error)[:200]}"
        visit.turned_away += 1
        if time.monotonic() > deadline:
            raise AssertionError(f"Nobody gets in: {found}")
        time.sleep(1)


def insist(act: Callable[[], T], seconds: float = 30.0) -> T:
    """Ask a stand-in again while it does not answer."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            return act()
        except requests.RequestException:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.5)


def together(act: Callable[[Visit], Visit], visits: Sequence[Visit]) -> list[Visit]:
    """Do the same in all visits, several at once."""
    with ThreadPoolExecutor(THREADS) as pool:
        return list(pool.map(act, visits))


def hand_out(visits: Iterable[Visit], scripts: Sequence[str] = SCRIPTS) -> None:
    """Give each visit the script of its next call."""
    for number, visit in enumerate(visits):
        visit.script = scripts[number % len(scripts)].split()


def play(ward: Ward, visits: Sequence[Visit], share: tuple[float, float], pause: float = 0) -> None:
    """Let the part of every script happen that lies between two shares of it, in all visits at once, with so many
    seconds before each step."""

    def act(visit: Visit) -> Visit:
        begin, end = (round(len(visit.script) * one) for one in share)
        for step in visit.script[begin:end]:
            time.sleep(pause)
            STEPS[step](ward, visit)
        return visit

    together(act, visits)


def moment() -> datetime:
    return datetime.now(UTC)


def _note(ward: Ward, visit: Visit, began: datetime, *what: tuple[str, str]) -> None:
    """Write down, by the clock of whoever tells of it, what has happened."""
    ahead = timedelta(seconds=ward.clock_off)
    visit.happened += [Happened(role, one, began + ahead, moment() + ahead) for role, one in what]


def _participants(visit: Visit) -> str:
    return f"meetings/{visit.key}/participants"


def _clinician_comes(ward: Ward, visit: Visit) -> None:
    began, plan = moment(), visit.site.plan
    seat = ward.tell("teams", _participants(visit), kind="member", tid=plan.tid, oid=plan.oid)
    visit.seats[PROVIDER] = seat["id"]
    _note(ward, visit, began, (PROVIDER, CONNECTED))


def _patient_knocks(ward: Ward, visit: Visit) -> None:
    began = moment()
    seat = ward.tell("teams", _participants(visit), kind="va", name="Somebody")
    visit.seats[PATIENT] = seat["id"]
    _note(ward, visit, began, (PATIENT, WAITING))


def _admit(ward: Ward, visit: Visit) -> None:
    began = moment()
    ward.tell("teams", f"{_participants(visit)}/{visit.seats[PATIENT]}/admit")
    _note(ward, visit, began, (PATIENT, CONNECTED))


def _goes(role: str, act: str) -> Callable[[Ward, Visit], None]:
    def go(ward: Ward, visit: Visit) -> None:
        began = moment()
        ward.tell("teams", f"{_participants(visit)}/{visit.seats.pop(role)}/{act}")
        _note(ward, visit, began, (role, DISCONNECTED))

    return go


def _end(ward: Ward, visit: Visit) -> None:
    began = moment()
    ward.tell("teams", f"meetings/{visit.key}/end")
    _note(ward, visit, began, *((role, DISCONNECTED) for role in visit.seats))
    visit.seats.clear()


STEPS: dict[str, Callable[[Ward, Visit], None]] = {
    "clinician-comes": _clinician_comes,
    "patient-knocks": _patient_knocks,
    "admit": _admit,
    "patient-leaves": _goes(PATIENT, "leave"),
    "patient-drops": _goes(PATIENT, "drop"),
    "clinician-leaves": _goes(PROVIDER, "leave"),
    "clinician-drops": _goes(PROVIDER, "drop"),
    "end-for-all": _end,
}
assert set(chain.from_iterable(script.split() for script in SCRIPTS)) == set(STEPS)
