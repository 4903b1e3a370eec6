"""A visit's call, moved through Teams' own JSON interface, what Graph told of it, and what the EHR's chart says."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sandbox.cast import RIVERSIDE, RIVERSIDE_TID
from tests.portal.steps import Shown, Visitor, fault, tell
from tests.stories.people import INSTANCE
from tests.visits.steps import CARLA, PIA, Clinic, enter, meeting_at

CLINICIAN, PATIENT = "Carla Mendes, MD", "Pia Sandberg"  # as the EHR calls them
CARLA_OID = RIVERSIDE.accounts[2].oid
STATUS = "SetExternalConnectionStatus"
SECONDS_TO_THE_CHART = 45

Line = tuple[str, str, datetime]


def until(what: Callable[[], object], seconds: float = SECONDS_TO_THE_CHART) -> None:
    """Wait for something to become true; fail with what it was last when it does not."""
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline, f"not within {seconds:g} seconds"
        time.sleep(0.2)


def chart(clinic: Clinic, csn: str) -> dict[str, str]:
    """The state of each person of a visit that the EHR's status service accepted last."""
    calls = tell(clinic.house, "epic", f"{INSTANCE}/status", "GET")
    return {call["who"]: call["state"] for call in calls if call["accepted"] and call["ConferenceID"] == csn}


def shows(clinic: Clinic, csn: str, **states: str) -> None:
    """Wait until the chart shows `clinician` and `patient` like this."""
    wanted = {{"clinician": CLINICIAN, "patient": PATIENT}[who]: state for who, state in states.items()}
    deadline = time.monotonic() + SECONDS_TO_THE_CHART
    while (found := chart(clinic, csn)) != wanted:
        assert time.monotonic() < deadline, f"the chart shows {found}, not {wanted}"
        time.sleep(0.2)


def disturb(clinic: Clinic, kind: str, times: int, value: float | None = None) -> None:
    """Let Graph lose, double, delay or reorder its next notifications; `times` 0 = all from now on."""
    fault(clinic.house, "graph", "", f"notification-{kind}", value, times)


@dataclass
class Call:
    """The call of one visit. `seats` are the roster's ids, each with the role of who sits there."""

    clinic: Clinic
    csn: str
    key: str
    seats: dict[str, str] = field(default_factory=dict)

    def comes(self, role: str, **person: str) -> str:
        seat = tell(self.clinic.house, "teams", f"meetings/{self.key}/participants", **person)
        self.seats[seat["id"]] = role
        return str(seat["id"])

    def clinician_comes(self) -> str:
        return self.comes("provider", kind="member", tid=RIVERSIDE_TID, oid=CARLA_OID)

    def patient_knocks(self) -> str:
        return self.comes("patient", kind="va", name="Pia")

    def act(self, seat: str, act: str) -> None:
        """admit, leave, drop: what happens at a seat."""
        tell(self.clinic.house, "teams", f"meetings/{self.key}/participants/{seat}/{act}")

    def notifications(self) -> list[dict[str, Any]]:
        """What Graph has sent or will send of this call, lost ones left out."""
        known = tell(self.clinic.house, "graph", "notifications", "GET")
        return [item for item in known["waiting"] + known["sent"] if item["status"] != "lost by a fault"]

    def truth(self) -> list[Line]:
        """(role, trail event, time) of each connect and disconnect that Graph told, once each."""
        payloads = {item["payload"]["id"]: item["payload"] for item in self.notifications()}
        lines = [
            (self.seats[delta["id"]], _event(delta), datetime.fromisoformat(payload["eventDateTime"]))
            for payload in payloads.values()
            for delta in payload.get("participants@delta", [])
        ]
        return sorted((line for line in lines if line[1]), key=lambda line: line[2])

    def trail(self) -> list[Line]:
        """(role, event, time) of each connect and disconnect that the trail holds."""
        rows = self.clinic.rows(
            "SELECT role, event, at FROM connector_entry JOIN visits_participant ON participant = visits_participant.id"
            " WHERE event IN ('participant-connected', 'participant-disconnected') ORDER BY at"
        )
        return [(row["role"], row["event"], row["at"]) for row in rows]


def _event(delta: dict[str, Any]) -> str:
    if "removedState" in delta:
        return "participant-disconnected"
    return "" if delta["isInLobby"] else "participant-connected"


def arrived(clinic: Clinic, csn: str) -> tuple[Visitor, Shown]:
    """The patient with his waiting page, and the chart that shows it."""
    patient = clinic.visitor()
    page = enter(clinic, PIA, csn, patient)
    shows(clinic, csn, patient="waiting")
    return patient, page


def begun(clinic: Clinic) -> Call:
    """A visit of today whose patient has waited and whose clinician has opened the meeting: both are sent to Teams."""
    csn = clinic.add_visit(CARLA)
    patient, page = arrived(clinic, csn)
    key = meeting_at(clinic, enter(clinic, CARLA, csn))[1]
    patient.follow(patient.open(page.url), "Go to your visit")
    return Call(clinic, csn, key)
