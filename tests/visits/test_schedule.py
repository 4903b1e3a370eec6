"""When patients come too early, too late, or for a visit that is off; and what nobody told turns nobody away."""

from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest
from bs4 import BeautifulSoup
from django.db.models import F
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from tests.servers import Reply
from tests.visits import factories
from tests.visits.pressing import CLIENTS, CLINICIAN, PATIENT, PROXY, arrive, leads_to
from tests.visits.test_ending import graph
from tests.visits.test_writeback.ehr import Ehr
from visits import summary
from visits.models import EhrUserLink, Fact, Participant, Visit

pytestmark = pytest.mark.django_db
GRANTED = "launch openid fhirUser patient/Appointment.read user/Appointment.rs patient/Encounter.rs"
EARLY, LATE, OFF = "You are early", "The time for this visit is over", "This visit will not take place"
WAITING, READY = "You are in the right place", "Your visit is ready"


@pytest.fixture
def window(ehr: Ehr) -> Ehr:
    """Patients may come in from 15 minutes before the start until 30 minutes after the end."""
    factories.approve(ehr.connection, early_minutes=15, late_minutes=30, **CLIENTS)
    return ehr


def at(minutes: float) -> str:
    """So many minutes from now, as an EHR writes it."""
    return (timezone.now() + timedelta(minutes=minutes)).isoformat()


def serve(ehr: Ehr, path: str, *replies: Reply) -> None:
    """What the EHR answers when a resource is read."""
    ehr.server.answer(f"{urlsplit(ehr.connection.base_url).path}/{path}", *replies)


def appointment(start: str, end: str = "", **changes: Any) -> Reply:
    return Reply({"resourceType": "Appointment", "status": "booked", "start": start, "end": end} | changes)


def reads(ehr: Ehr, kind: str) -> int:
    return len([one for one in ehr.server.requests if f"/{kind}/" in one.path])


def shown(browser: Client, answer: Any) -> tuple[str, str]:
    """(heading, text) of the page that an answer leads to."""
    page = browser.get(answer["Location"])
    assert page.status_code == 200
    soup = BeautifulSoup(page.content, "html.parser")
    return str(soup.h1 and soup.h1.get_text(strip=True)), " ".join(soup.body.get_text(" ").split()) if soup.body else ""


def comes(ehr: Ehr, who: str = PATIENT, **context: Any) -> str:
    """What somebody is shown who presses now."""
    browser = Client()
    return shown(browser, arrive(ehr, browser, who, **context))[0]


# ------------------------------------------------------------------------------------------------------- the window


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        (60, 80, EARLY),
        (16, None, EARLY),
        (14, 34, WAITING),
        (-10, 10, WAITING),
        (-40, -20, WAITING),
        (-60, -31, LATE),
        (-31, None, LATE),
        (-29, None, WAITING),
    ],
)
def test_a_patient_comes_in_within_the_window(window: Ehr, start: float, end: float | None, expected: str) -> None:
    times = {"startsAt": at(start)} | ({"endsAt": at(end)} if end is not None else {})
    assert comes(window, **times) == expected
    assert Fact.objects.filter(kind="waiting").exists() is (expected == WAITING)


@pytest.mark.parametrize("start", [6000, -6000])
def test_without_a_window_everybody_comes_at_any_time(ehr: Ehr, start: float) -> None:
    assert comes(ehr, startsAt=at(start)) == WAITING


@pytest.mark.parametrize("start", [6000, -6000])
def test_clinicians_come_at_any_time_and_read_a_note(window: Ehr, start: float) -> None:
    arrive(window, Client(), CLINICIAN)
    link(window)
    assert leads_to(arrive(window, Client(), CLINICIAN, startsAt=at(start)), "join")
    note = str(summary.of(Participant.objects.get()).note)
    assert ("too early" in note, "time is over" in note) == (start > 0, start < 0)


@pytest.mark.parametrize(
    "value", ["2026-11-26", "tomorrow", "%APPTTIME%", "2026-11-26T09:00:00", "9999-12-31T00:00:00Z", 7, None]
)
def test_what_is_no_point_in_time_says_nothing(window: Ehr, value: Any) -> None:
    assert comes(window, startsAt=value) == WAITING
    assert visit_of(window).starts_at is None


def visit_of(ehr: Ehr) -> Visit:
    return Visit.objects.exclude(pk=ehr.visit.pk).get()


def link(ehr: Ehr) -> None:
    """The clinician who has pressed is linked to a Microsoft account."""
    person = Participant.objects.get(role="provider")
    EhrUserLink.objects.create(
        connection=ehr.connection,
        ehr_user_hash=person.ehr_user_hash,
        hash_kid=person.hash_kid,
        user=factories.user(ehr.connection.organization.tid),
    )


# ------------------------------------------------------------------------------------------------------------- the page


def test_htmx_takes_the_inside_alone(window: Ehr) -> None:
    browser = Client()
    answer = arrive(window, browser, PATIENT, status="cancelled")
    inside = browser.get(answer["Location"], headers={"HX-Request": "true"}).content.decode()
    assert OFF in inside
    assert "<html" not in inside


def test_who_is_early_reads_when_it_opens_and_goes_on_by_himself(window: Ehr) -> None:
    browser = Client()
    answer = arrive(window, browser, PATIENT, startsAt=at(75))
    heading, text = shown(browser, answer)
    assert heading == EARLY
    assert "It opens in 59" in text.replace("\xa0", " ") or "It opens in 1 hour" in text.replace("\xa0", " ")
    assert "+1 555 0100" in text
    Visit.objects.update(starts_at=F("starts_at") - timedelta(hours=1))
    assert shown(browser, answer)[0] == WAITING
    assert Fact.objects.get().kind == "waiting"


@pytest.mark.parametrize(
    "context",
    [{"startsAt": at(75)}, {"startsAt": at(-75)}, {"status": "cancelled"}],
    ids=["early", "late", "cancelled"],
)
def test_when_the_meeting_is_open_everybody_comes_in(window: Ehr, context: dict[str, str]) -> None:
    browser = Client()
    answer = arrive(window, browser, PATIENT, **context)
    assert shown(browser, answer)[0] in {EARLY, LATE, OFF}
    visit = visit_of(window)
    visit.seal("join_url", "https://teams.example/x")
    visit.save()
    assert shown(browser, answer)[0] == READY
    assert comes(window, PROXY, **context) == READY


@pytest.mark.parametrize("context", [{"startsAt": at(-75)}, {"status": "noshow"}], ids=["late", "cancelled"])
def test_late_and_cancelled_are_told_with_the_number_to_call(window: Ehr, context: dict[str, str]) -> None:
    browser = Client()
    heading, text = shown(browser, arrive(window, browser, PATIENT, **context))
    assert heading == (OFF if "status" in context else LATE)
    assert "call the number below" in text
    assert "+1 555 0100" in text


def test_who_waits_is_not_sent_away_when_it_gets_late_or_he_presses_again(window: Ehr) -> None:
    browser = Client()
    first = arrive(window, browser, PATIENT, startsAt=at(-25))
    Visit.objects.update(starts_at=F("starts_at") - timedelta(hours=1))
    assert shown(browser, first)[0] == WAITING
    again = arrive(window, browser, PATIENT, startsAt=at(-85))
    assert shown(browser, again)[0] == WAITING


@pytest.mark.parametrize("context", [{"startsAt": at(-75)}, {"status": "cancelled"}], ids=["late", "cancelled"])
def test_who_is_turned_away_leaves_a_visit_ended(window: Ehr, context: dict[str, str]) -> None:
    comes(window, startsAt=at(-20))  # he was in it
    Visit.objects.filter(pk=visit_of(window).pk).update(ended_at=timezone.now())
    assert comes(window, **context) in {LATE, OFF}
    ended = visit_of(window)
    assert (ended.ended_at is None, ended.generation) == (False, 1)
    arrive(window, Client(), CLINICIAN, **context)  # whom nobody turns away
    assert (visit_of(window).ended_at, visit_of(window).generation) == (None, 2)


def test_who_is_early_or_in_time_begins_another_meeting_of_a_visit_that_has_ended(window: Ehr) -> None:
    browser = Client()
    first = arrive(window, browser, PATIENT, startsAt=at(75))
    for minutes, expected in ((75, EARLY), (5, WAITING)):
        Visit.objects.filter(pk=visit_of(window).pk).update(ended_at=timezone.now())
        assert comes(window, startsAt=at(minutes)) == expected
        assert visit_of(window).ended_at is None
    assert shown(browser, first)[0] == WAITING


@pytest.mark.parametrize(
    ("context", "expected"),
    [({"startsAt": at(75)}, EARLY), ({"startsAt": at(-75)}, LATE), ({"status": "cancelled"}, OFF)],
    ids=["early", "late", "cancelled"],
)
def test_the_device_check_lets_nobody_wait_who_cannot_come_in(
    window: Ehr, context: dict[str, str], expected: str
) -> None:
    browser = Client()
    answer = arrive(window, browser, PATIENT, **context)
    check = browser.get(f"{answer['Location']}devices/")
    assert check["Location"] == answer["Location"]
    assert shown(browser, check)[0] == expected
    assert not Fact.objects.exists()


def test_a_visit_that_is_on_again_lets_its_patient_in(window: Ehr) -> None:
    assert comes(window, status="cancelled") == OFF
    assert comes(window, status="booked") == WAITING


def test_a_clinician_whose_visit_is_off_sees_so_before_teams_opens(window: Ehr) -> None:
    arrive(window, Client(), CLINICIAN)
    link(window)
    browser = Client()
    answer = arrive(window, browser, CLINICIAN, status="cancelled")
    assert leads_to(answer, "visit")
    _heading, text = shown(browser, answer)
    assert "does not take place" in text
    assert "Join in Teams" in text


# -------------------------------------------------------------------------------------------------------- what is read


def test_the_appointment_is_read_where_the_launch_grants_it(window: Ehr) -> None:
    serve(window, "Appointment/a1", appointment(at(75), at(95)))
    assert comes(window, appointment="a1", scope=GRANTED) == EARLY
    [asked] = [one for one in window.server.requests if one.path.endswith("/Appointment/a1")]
    assert asked.headers["authorization"] == "Bearer granted"
    kept = visit_of(window)
    assert kept.starts_at
    assert kept.ends_at
    assert kept.ends_at - kept.starts_at < timedelta(minutes=21)


def test_the_encounter_is_read_where_there_is_no_appointment(window: Ehr) -> None:
    encounter = {"resourceType": "Encounter", "status": "planned", "period": {"start": at(75)}}
    serve(window, "Encounter/v1", Reply(encounter))
    references = [{"reference": f"{window.connection.base_url}/Encounter/v1"}]
    assert comes(window, fhirContext=references, scope=GRANTED) == EARLY


def test_what_the_record_says_outweighs_what_is_read(window: Ehr) -> None:
    serve(window, "Appointment/a1", appointment(at(75), status="cancelled"))
    said = {"appointment": "a1", "scope": GRANTED}
    assert comes(window, startsAt=at(5), status="booked", **said) == WAITING
    assert comes(window, PROXY, startsAt=at(5), **said) == OFF


@pytest.mark.parametrize("status", ["%APPTSTATUS%", "Scheduled", "unknown", ""])
def test_a_status_that_says_nothing_does_not_outweigh_what_is_read(window: Ehr, status: str) -> None:
    serve(window, "Appointment/a1", appointment(at(5), status="cancelled"))
    assert comes(window, appointment="a1", scope=GRANTED, status=status) == OFF


def test_nothing_is_read_that_was_not_granted(window: Ehr) -> None:
    serve(window, "Appointment/a1", appointment(at(75)))
    for scope in ("launch openid fhirUser", "launch patient/Encounter.rs", "patient/Appointment.write"):
        assert comes(window, appointment="a1", scope=scope) == WAITING
    assert reads(window, "Appointment") == 0


def test_a_server_that_repeats_no_scopes_has_granted_what_was_asked(window: Ehr) -> None:
    asked = {"early_minutes": 15, "patient_scopes": "launch openid fhirUser patient/Appointment.rs"}
    factories.approve(window.connection, **CLIENTS | asked)
    serve(window, "Appointment/a1", appointment(at(75)))
    assert comes(window, appointment="a1", scope=None) == EARLY


@pytest.mark.parametrize(
    "reply",
    [
        Reply(status=403),
        Reply(status=404),
        Reply(status=503),
        Reply(hang_up=True),
        Reply("<h1>Sign in</h1>"),
        Reply({"resourceType": "OperationOutcome"}),
        Reply({"resourceType": "Appointment", "start": ["x"], "participant": 7}),
    ],
    ids=lambda reply: str(reply.status if reply.status != 200 else reply.body)[:30],
)
def test_a_read_that_fails_turns_nobody_away(window: Ehr, reply: Reply) -> None:
    serve(window, "Appointment/a1", reply)
    assert comes(window, appointment="a1", scope=GRANTED) == WAITING


def test_a_slow_read_costs_two_seconds_and_nothing_else(window: Ehr) -> None:
    serve(window, "Appointment/a1", Reply(delay=8))
    serve(window, "Encounter/v1", Reply(delay=8))
    began = timezone.now()
    assert comes(window, appointment="a1", encounter="v1", scope=GRANTED) == WAITING
    assert timezone.now() - began < timedelta(seconds=6)


def test_a_time_that_is_not_told_again_is_remembered(window: Ehr) -> None:
    arrive(window, Client(), CLINICIAN, startsAt=at(75))
    assert comes(window) == EARLY


# -------------------------------------------------------------------------------------------- the scheduled clinician


def test_a_meeting_that_was_deleted_in_teams_is_made_anew_by_the_patients_press(
    window: Ehr, settings: Settings
) -> None:
    settings.ENTRA_AUTHORITY = settings.GRAPH_URL = window.server.url
    settings.TEAMS_HOSTS = frozenset({"teams.example"})
    arrive(window, Client(), CLINICIAN)
    link(window)
    visit = graph.opened(visit_of(window))
    user = EhrUserLink.objects.get().user
    window.server.answer(f"/{user.tid}/oauth2/v2.0/token", Reply({"access_token": "token", "expires_in": 3600}))
    window.server.answer(graph.path_of(visit), Reply({"error": {"code": "NotFound"}}, 404))
    made = {"id": "new", "joinWebUrl": "https://teams.example/l/meetup-join/new"}
    window.server.answer(f"/v1.0/users/{user.oid}/onlineMeetings/createOrGet", Reply(made, 201))
    assert comes(window, clinician="e1") == READY
    assert (visit_of(window).unseal("join_url"), visit_of(window).generation) == (made["joinWebUrl"], 2)


# ------------------------------------------------------------------------------------------------------- the department


@pytest.mark.parametrize(
    ("context", "kept"),
    [
        ({"departmentId": " 10501101 "}, "10501101"),
        ({"departmentId": 10501101}, "10501101"),
        ({"departmentId": "NONE", "loginDepartment": "77"}, "77"),
        ({"departmentId": "", "loginDepartment": "none"}, ""),
        ({"departmentId": "%PERFDEPID;;; ; ;;NONE;%"}, ""),
        ({"departmentId": "x" * 65}, ""),
        ({"departmentId": "1\u00002"}, ""),
        ({"departmentId": ["1"]}, ""),
        ({}, ""),
    ],
    ids=str,
)
def test_the_department_is_the_records_else_the_logins(ehr: Ehr, context: dict[str, Any], kept: str) -> None:
    arrive(ehr, Client(), CLINICIAN, **context)
    assert visit_of(ehr).department == kept


@pytest.mark.parametrize(
    ("context", "shows"),
    [
        ({"clinic": " Eye clinic, Main Street "}, "Eye clinic, Main Street"),
        ({"clinic": "%DEPTNAME%"}, "Riverside visits"),
        ({"clinic": "x" * 121}, "Riverside visits"),
        ({"clinic": "Eye\u202eclinic"}, "Riverside visits"),
        ({"clinic": None}, "Riverside visits"),
        ({}, "Eye clinic"),
    ],
    ids=["told", "token", "too long", "control sign", "none", "told before"],
)
def test_the_waiting_page_names_the_clinic_where_the_record_does(ehr: Ehr, context: dict[str, Any], shows: str) -> None:
    type(ehr.connection).objects.update(label="Riverside visits")
    if not context:
        arrive(ehr, Client(), CLINICIAN, clinic="Eye clinic")
    browser = Client()
    assert shows in shown(browser, arrive(ehr, browser, PATIENT, **context))[1]


def test_a_colleagues_login_does_not_move_the_visit(ehr: Ehr) -> None:
    arrive(ehr, Client(), CLINICIAN, loginDepartment="77")
    arrive(ehr, Client(), "Practitioner/e2", "provider", loginDepartment="88")
    assert visit_of(ehr).department == "77"


# ------------------------------------------------------------------------------------------------------- in a group


def test_in_a_group_one_patients_cancellation_is_his_alone(window: Ehr) -> None:
    browser = Client()
    off = arrive(window, browser, PATIENT, "group-patient", status="cancelled")
    assert shown(browser, off)[0] == OFF
    another = arrive(window, browser, "Patient/p2", "group-patient", status="booked")
    assert shown(browser, another)[0] == WAITING
