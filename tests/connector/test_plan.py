"""What an Appointment or an Encounter says of the visit, and which of its times count."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.ehr import fhir
from connector.ehr.fhir import Plan


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("2026-11-26T09:00:00Z", "2026-11-26T09:00:00+00:00"),
        ("2026-11-26T09:00:00.123+01:00", "2026-11-26T08:00:00.123000+00:00"),
        (" 2026-11-26T09:00:00-06:00 ", "2026-11-26T15:00:00+00:00"),
        ("2026-11-26T09:00:00", None),  # whose nine o'clock?
        ("2026-11-26", None),
        ("08/11/2020 02:00 PM", None),
        ("9999-12-31T23:59:59-14:00", None),
        ("0001-01-01T00:00:00+14:00", None),
        ("2026-02-30T09:00:00Z", None),
        ("%APPTTIME%", None),
        ("", None),
        (1764147600, None),
        (None, None),
    ],
)
def test_a_time_counts_where_it_is_a_point_in_time(value: object, expected: str | None) -> None:
    found = fhir.instant(value)
    assert (found and found.isoformat()) == expected


@given(st.text() | st.datetimes(timezones=st.timezones() | st.none()).map(str) | st.integers() | st.binary())
def test_whatever_stands_for_a_time_is_one_in_utc_or_none(value: object) -> None:
    found = fhir.instant(value)
    assert found is None or (found.utcoffset() == timedelta(0) and found + timedelta(days=7) > found)


APPOINTMENT = {
    "resourceType": "Appointment",
    "status": "booked",
    "start": "2026-11-26T09:00:00Z",
    "end": "2026-11-26T09:20:00Z",
    "participant": [
        {"actor": {"reference": "Patient/p1"}, "status": "accepted"},
        {"actor": {"reference": "https://ehr.example/R4/Practitioner/e1"}, "status": "accepted"},
        {"actor": {"reference": "Practitioner/e2"}, "status": "declined"},
        {"actor": {"reference": "PractitionerRole/e3"}},
        {"actor": {"display": "Room 4"}},
    ],
}
NINE, TWENTY_PAST = (datetime(2026, 11, 26, 9, minute, tzinfo=UTC) for minute in (0, 20))


def test_an_appointment_says_when_it_is_and_with_whom() -> None:
    expected = Plan(NINE, TWENTY_PAST, cancelled=False, clinicians=("Practitioner/e1", "PractitionerRole/e3"))
    assert fhir.plan_of(APPOINTMENT) == expected


def test_an_encounter_says_it_with_its_period() -> None:
    period = {"start": "2026-11-26T10:00:00+01:00"}
    people = [{"individual": {"reference": "Practitioner/e1"}}]
    encounter = {"resourceType": "Encounter", "status": "planned", "period": period, "participant": people}
    assert fhir.plan_of(encounter) == Plan(NINE, None, cancelled=False, clinicians=("Practitioner/e1",))


@pytest.mark.parametrize(
    ("status", "cancelled"),
    [
        ("cancelled", True),
        ("Canceled", True),
        ("noshow", True),
        ("entered-in-error", True),
        ("booked", False),
        ("in-progress", False),
        (" Checked-In ", False),
        ("", None),
        ("%APPTSTATUS%", None),
        ("unknown", None),
        ("Scheduled", None),
        (None, None),
        (["cancelled"], None),
    ],
)
def test_a_status_says_whether_it_takes_place(status: object, cancelled: bool | None) -> None:
    assert fhir.plan_of(APPOINTMENT | {"status": status}).cancelled is cancelled


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
NAMES = st.sampled_from(["status", "start", "end", "period", "participant"])


@given(st.sampled_from(["Appointment", "Encounter", 7]), st.dictionaries(NAMES, JSON))
def test_a_resource_of_any_shape_is_read_without_an_error(kind: object, members: dict[str, Any]) -> None:
    fhir.plan_of({"resourceType": kind} | members)
    people = [{"actor": members.get("period")}, {"individual": {"reference": members.get("status")}}]
    fhir.plan_of({"resourceType": kind} | members | {"participant": people})
