"""Group visits: records of their own; patients with charts of their own come to one conference and one meeting."""

from urllib.parse import urlsplit

import pytest

from tests.portal.steps import tell
from tests.stories.people import INSTANCE
from tests.visits.steps import CARLA, CSN, PIA, ROSA, Clinic, enter, meeting_at

GROUP = "sessionId=%CONFERENCEID%&externalId=%EXTERNALID%&externalIdType=%EXTERNALIDTYPE%"


@pytest.fixture
def group(clinic: Clinic) -> Clinic:
    """The group pair stands behind both buttons, and in the client records."""
    for slot, record in clinic.records.items():
        url = record["URL"].replace(f"/{slot}/", f"/group-{slot}/")
        clinic.paste(slot, record | {"URL": url, "CONTEXT": GROUP})
        path = f"{INSTANCE}/clients/{record['CLIENTID']}"
        redirects = [f"{record['URL']}callback", f"{url}callback"]
        tell(clinic.house, "epic", path, "PUT", redirect_uris=redirects)
    return clinic


def test_a_conference_is_a_visit_of_its_own_beside_the_appointment_of_the_same_number(group: Clinic) -> None:
    door, key = meeting_at(group, enter(group, CARLA))
    assert door == "teams"
    waiting = enter(group, PIA)
    assert waiting.heading == "Your visit is ready"
    kinds = group.rows("SELECT session_kind, patient_hash FROM visits_visit")
    assert [(row["session_kind"], row["patient_hash"]) for row in kinds] == [("conference", "")]
    assert [meeting["key"] for meeting in group.meetings()] == [key]


def test_no_patient_opens_a_groups_meeting_though_its_clinician_is_named(group: Clinic) -> None:
    enter(group, CARLA, "770012")
    record = group.records["patient"]
    url = record["URL"].replace("/patient/", "/group-patient/")
    group.paste("patient", record | {"URL": url, "CONTEXT": f"{GROUP}&clinician=e-cmendes"})
    assert enter(group, PIA).heading == "You are in the right place"
    assert len(group.meetings()) == 1


def test_a_clinician_at_the_patients_group_door_is_refused(group: Clinic) -> None:
    address = group.records["patient"]["URL"].replace("/patient/", "/group-patient/")
    group.paste("provider", group.records["provider"] | {"URL": address, "CONTEXT": GROUP})
    page = group.visitor().open(group.press(CARLA))
    assert page.status in {400, 403}
    assert urlsplit(page.url).path.startswith("/launch/")


def test_somebody_who_acts_for_a_patient_comes_too(group: Clinic) -> None:
    enter(group, CARLA)
    assert enter(group, ROSA, CSN).heading == "Your visit is ready"
