"""The doors of a connection: what stands behind each launch address. Who the person is comes from the token."""

from collections.abc import Callable
from dataclasses import dataclass

from connector.agreement import Settings
from connector.ehr.smart import Client
from connector.wires import patient_client, provider_client

CONFERENCE = "conference"  # the kind of session that the patients of a group visit share


@dataclass(frozen=True)
class Door:
    """One launch address. In a group visit each patient has a chart of his own, and all share one conference. Two
    lead to no visit: the device check alone, and the board."""

    client: Callable[[Settings, str], Client]
    staff: bool
    group: bool = False

    def scopes(self, agreed: Settings) -> str:
        """What is asked of the EHR at this door."""
        return agreed.provider_scopes if self.staff else agreed.patient_scopes

    def session_kind(self, agreed: Settings) -> str:
        """Which kind of id names the visit: a conference's stands apart from an appointment's of the same value."""
        return CONFERENCE if self.group else agreed.session_kind


DOORS: dict[str, Door] = {
    "provider": Door(provider_client, staff=True),
    "patient": Door(patient_client, staff=False),
    "group-provider": Door(provider_client, staff=True, group=True),
    "group-patient": Door(patient_client, staff=False, group=True),
    "device-test": Door(patient_client, staff=False),
    "board": Door(provider_client, staff=True),
}
