"""Who pressed and for which visit, as each EHR says it: by OpenID or by the client, in CONTEXT or in references."""

from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from bs4 import BeautifulSoup
from django.test import Client
from django.urls import reverse
from hypothesis import given
from hypothesis import strategies as st

from connector.agreement import Settings
from connector.ehr.smart import Granted
from connector.http import Deadline
from tests.servers import Reply
from tests.visits import factories
from tests.visits.pressing import (
    CLIENTS,
    CLINICIAN,
    CONTEXT,
    PATIENT,
    arrive,
    come_back,
    describe,
    heading,
    leads_to,
    press,
)
from tests.visits.test_writeback.ehr import TOKEN, Ehr
from visits import schedule
from visits.arrival.press import named, read_press
from visits.doors import DOORS
from visits.models import Launch, Participant, Visit

pytestmark = pytest.mark.django_db
WRONG_DOOR = ("This is the other side's button", 403)
NO_CONTEXT: dict[str, Any] = dict.fromkeys(CONTEXT)
UNSAID = "The EHR did not say which visit this is"


def at_microsoft(answer: Any) -> bool:
    """Whether a clinician was let in and asked, for the first time, which Microsoft account is his."""
    return answer.status_code == 302 and "/oauth2/v2.0/authorize" in answer["Location"]


# ---------------------------------------------------------------------------------------------------------- the person


@pytest.mark.parametrize("who", ["Practitioner/e1", "PractitionerRole/e1", "Person/e1", "Device/e1", ""])
def test_the_provider_client_lets_in_staff_and_whom_the_ehr_does_not_place(ehr: Ehr, who: str) -> None:
    assert at_microsoft(arrive(ehr, Client(), who, "provider"))
    assert Participant.objects.get().role == "provider"


@pytest.mark.parametrize(
    ("who", "role"),
    [
        ("Patient/p1", "patient"),
        ("RelatedPerson/r1", "proxy"),
        ("Person/e1", "patient"),
        ("Device/e1", "patient"),
        ("", "patient"),
    ],
)
def test_the_patient_client_lets_in_the_patients_side(ehr: Ehr, who: str, role: str) -> None:
    assert leads_to(arrive(ehr, Client(), who, "patient", patient="p1"), "visit")
    assert Participant.objects.get().role == role


@pytest.mark.parametrize(
    ("who", "door"),
    [(kind, "provider") for kind in ("Patient/p1", "RelatedPerson/r1")]
    + [(kind, "patient") for kind in ("Practitioner/e1", "PractitionerRole/e1")],
)
def test_nobody_comes_in_by_the_other_sides_door(ehr: Ehr, who: str, door: str) -> None:
    assert heading(arrive(ehr, Client(), who, door)) == WRONG_DOOR
    assert not Participant.objects.exists()


def test_a_patient_with_another_patients_chart_open_acts_for_that_one(ehr: Ehr) -> None:
    arrive(ehr, Client(), PATIENT, patient="p2")
    assert Participant.objects.get().role == "proxy"


def test_the_token_response_may_name_the_person_where_the_id_token_does_not(ehr: Ehr) -> None:
    assert heading(arrive(ehr, Client(), "", "provider", fhirUser="https://ehr.example/R4/Patient/p1")) == WRONG_DOOR
    assert leads_to(arrive(ehr, Client(), "", "patient", fhirUser="RelatedPerson/r1"), "visit")
    assert Participant.objects.get().role == "proxy"


def test_what_the_id_token_says_outweighs_the_token_response(ehr: Ehr) -> None:
    assert heading(arrive(ehr, Client(), PATIENT, "provider", fhirUser=CLINICIAN)) == WRONG_DOOR


@pytest.mark.parametrize("who", ["", "Person/e1"])
def test_one_client_for_both_sides_cannot_tell_a_clinician_where_the_ehr_does_not(ehr: Ehr, who: str) -> None:
    factories.approve(ehr.connection, provider_client_id="one", patient_client_id="one")
    assert heading(arrive(ehr, Client(), who, "provider")) == ("The EHR did not say who you are", 403)
    assert at_microsoft(arrive(ehr, Client(), CLINICIAN))
    assert leads_to(arrive(ehr, Client(), who, "patient"), "visit")


WAYS = ["opened", "posted"]  # a window, a frame or a web view opens an address; Epic since November 2020 may post


@pytest.mark.parametrize("kept", [True, False], ids=["cookies", "no cookies"])
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("iss", ["{}", "{}/"])
def test_a_launch_begins_in_every_way_in_which_an_ehr_opens_it(ehr: Ehr, iss: str, way: str, kept: bool) -> None:
    first, second = (Client(enforce_csrf_checks=True) for _ in range(2))
    opens = first.get if way == "opened" else first.post
    said = {"iss": iss.format(ehr.connection.base_url), "launch": "l" * 5000}
    answer = opens(reverse("launch", args=[ehr.connection.ref, "patient"]), said)
    asked = {name: value for name, [value] in parse_qs(urlsplit(answer["Location"]).query).items()}
    assert (asked["aud"], asked["launch"]) == (said["iss"], said["launch"])
    assert leads_to(come_back(ehr, first if kept else second, PATIENT, asked), "visit")


# ---------------------------------------------------------------------------------------------------- what is asked


OLD_EPIC = {"resourceType": "CapabilityStatement", "software": {"name": "Epic", "version": "November 2018"}}
SCOPES = "launch openid fhirUser user/Practitioner.read"
ASKED_OF_ALL = {"response_type", "client_id", "redirect_uri", "scope", "state", "aud", "launch"}


def before_openid(ehr: Ehr) -> None:
    """The EHR is an Epic of November 2018: no smart-configuration, and metadata that say so."""
    base = "/Interconnect/api/FHIR/R4"
    uris = [{"url": name, "valueUri": f"{ehr.server.url}/oauth2/{name}"} for name in ("authorize", "token")]
    oauth = {"url": "http://fhir-registry.smarthealthit.org/StructureDefinition/oauth-uris", "extension": uris}
    ehr.server.answer(f"{base}/.well-known/smart-configuration", Reply(status=404))
    ehr.server.answer(f"{base}/metadata", Reply(OLD_EPIC | {"rest": [{"security": {"extension": [oauth]}}]}))


def test_an_epic_before_pkce_and_openid_is_asked_for_neither(ehr: Ehr) -> None:
    before_openid(ehr)
    asked = press(ehr, Client(), CLINICIAN)
    assert (set(asked), asked["scope"]) == (ASKED_OF_ALL, "launch user/Practitioner.read")


def test_before_openid_the_client_tells_the_side_and_context_the_person(ehr: Ehr) -> None:
    before_openid(ehr)
    assert at_microsoft(arrive(ehr, Client(), CLINICIAN))
    assert leads_to(arrive(ehr, Client(), PATIENT, externalId=" 900101"), "visit")
    assert "code_verifier" not in ehr.server.asked(TOKEN)[-1].form
    assert sorted(Participant.objects.values_list("role", flat=True)) == ["patient", "provider"]
    assert heading(arrive(ehr, Client(), PATIENT, externalId=None)) == (UNSAID, 400)


def test_an_id_token_that_was_not_asked_for_names_nobody(ehr: Ehr) -> None:
    describe(ehr, issuer=None, jwks_uri=None, capabilities=["launch-ehr"])
    assert "nonce" not in press(ehr, Client(), PATIENT)
    assert leads_to(arrive(ehr, Client(), PATIENT, id_token="e30.e30.e30"), "visit")


@pytest.mark.parametrize(
    ("capabilities", "scope"),
    [
        (["permission-v2", "sso-openid-connect"], "launch openid fhirUser user/Practitioner.rs"),
        (["permission-v1", "permission-v2"], SCOPES),
        (["permission-user"], SCOPES),
    ],
)
def test_another_ehr_is_asked_with_pkce_and_in_its_own_grammar(ehr: Ehr, capabilities: list[str], scope: str) -> None:
    describe(ehr, capabilities=capabilities)
    asked = press(ehr, Client(), CLINICIAN)
    assert set(asked) == ASKED_OF_ALL | {"nonce", "code_challenge", "code_challenge_method"}
    assert asked["scope"] == scope


# ---------------------------------------------------------------------------------------------------------- the visit


FHIR_CONTEXTS: list[Any] = [
    {"appointment": "a1"},
    {"appointment": "Appointment/a1"},
    {"fhirContext": [{"reference": "Appointment/a1"}]},
    {"fhirContext": [{"reference": "https://ehr.example/R4/Appointment/a1"}, {"reference": "Location/a1"}]},
    {"fhirContext": [{"reference": "Appointment/a1/_history/2"}, {"canonical": "x"}, None, 7]},
    {"fhirContext": [{"reference": "Appointment/a1"}, {"reference": "Appointment/a1"}]},
    {"appointment": "a1", "fhirContext": [{"reference": "Appointment/a2"}]},
]


def by_resource(ehr: Ehr, kind: str) -> None:
    """The connection to an EHR without CONTEXT keys, which knows visits by a resource and its client by a secret."""
    factories.approve(ehr.connection, ehr_kind="oracle", session_kind=kind, **CLIENTS)


def test_an_appointment_is_the_same_visit_however_it_is_named(ehr: Ehr) -> None:
    by_resource(ehr, "appointment")
    for said in FHIR_CONTEXTS:
        assert leads_to(arrive(ehr, Client(), PATIENT, **NO_CONTEXT | said), "visit")
    visit = Visit.objects.exclude(pk=ehr.visit.pk).get()
    assert visit.unseal("session") == "a1"


def test_an_encounter_names_the_visit_where_the_connection_says_so(ehr: Ehr) -> None:
    by_resource(ehr, "encounter")
    for said in ({"encounter": "v1"}, {"fhirContext": [{"reference": "Encounter/v1"}]}):
        assert leads_to(arrive(ehr, Client(), PATIENT, **NO_CONTEXT | {"appointment": "a1"} | said), "visit")
    assert Visit.objects.exclude(pk=ehr.visit.pk).get().unseal("session") == "v1"


@pytest.mark.parametrize(
    "said",
    [
        {},
        {"appointment": ""},
        {"appointment": " "},
        {"appointment": ["a1"]},
        {"encounter": "v1"},
        {"fhirContext": "Appointment/a1"},
        {"fhirContext": [{"reference": "Appointment/a1"}, {"reference": "Appointment/a2"}]},
    ],
    ids=str,
)
def test_a_launch_that_names_no_single_appointment_says_what_to_do(ehr: Ehr, said: dict[str, Any]) -> None:
    by_resource(ehr, "appointment")
    answer = arrive(ehr, Client(), PATIENT, **NO_CONTEXT | said)
    assert heading(answer) == (UNSAID, 400)
    assert "Open the visit from its appointment" in BeautifulSoup(answer.content, "html.parser").get_text(" ")
    assert leads_to(arrive(ehr, Client(), PATIENT, **NO_CONTEXT | {"appointment": "a1"}), "visit")


BANNERS = st.sampled_from(["false", "true", False, True, None, "", "maybe"])
EXTRAS = st.fixed_dictionaries(
    {"need_patient_banner": BANNERS},
    optional={
        "tenant": st.text(),
        "smart_style_url": st.just("https://ehr.example/style.json"),
        "intent": st.text(),
        "fhirContext": st.recursive(st.none() | st.integers() | st.text(), lambda inner: st.lists(inner, max_size=3)),
        "departmentId": st.none() | st.text() | st.integers() | st.lists(st.text(), max_size=2),
        "startsAt": st.text() | st.integers(),
        "status": st.integers() | st.lists(st.text(), max_size=2),
        "clinician": st.text() | st.integers(),
        "fhirUser": st.integers() | st.none(),
    },
)


@given(EXTRAS)
def test_whatever_else_an_ehr_says_stops_nobody(extras: dict[str, Any]) -> None:
    granted = Granted("token", "", "launch", CONTEXT | extras)
    press = read_press(DOORS["patient"], Settings(), granted, named(None, granted))
    assert (press.role, press.session) == ("patient", CONTEXT["sessionId"])
    assert schedule.plan_of("https://ehr.example", "token", "", granted.context, Deadline.after(1)).cancelled is None
    assert schedule.code_of(extras.get("departmentId")).isprintable()


@pytest.mark.parametrize("banner", ["false", True])
def test_what_only_some_ehrs_say_stops_nobody(ehr: Ehr, banner: str | bool) -> None:
    said: dict[str, Any] = {
        "need_patient_banner": banner,
        "tenant": "t1",
        "smart_style_url": "https://ehr.example/style.json",
    }
    junk = {"departmentId": "1\u00002", "startsAt": 7, "status": ["x"], "clinician": {}, "fhirUser": None}
    assert leads_to(arrive(ehr, Client(), PATIENT, **said | junk), "visit")


# ------------------------------------------------------------------------------------------------- several at once


def test_several_patients_open_in_one_browser_never_cross(ehr: Ehr) -> None:
    """A clinician presses for three charts before any of them comes back, in whatever order they do."""
    charts = {f"p{number}": f" 77001{number}" for number in range(3)}
    for order in (("p2", "p0", "p1"), ("p1", "p2", "p0")):
        browser = Client()
        press(ehr, browser, CLINICIAN)  # the browser has its cookie
        asked = {patient: press(ehr, browser, CLINICIAN) for patient in charts}
        for patient in order:
            come_back(ehr, browser, CLINICIAN, asked[patient], patient=patient, sessionId=charts[patient])
    rows = Launch.objects.exclude(participant=None).select_related("participant__visit__connection")
    assert len(rows) == 6
    assert {row.participant.visit.unseal("session") for row in rows if row.participant} == set(charts.values())
    visits = Visit.objects.exclude(pk=ehr.visit.pk)
    assert len({visit.patient_hash for visit in visits}) == len(visits) == 3


def test_a_state_opens_only_the_launch_and_the_door_that_it_was_given_to(ehr: Ehr) -> None:
    browser = Client()
    press(ehr, browser, PATIENT)
    one, other = press(ehr, browser, PATIENT), press(ehr, browser, CLINICIAN)
    crossed = come_back(ehr, browser, CLINICIAN, one | {"nonce": other["nonce"]})
    assert heading(crossed) == ("This launch is too old", 400)
    borrowed = come_back(ehr, browser, PATIENT, one | {"nonce": other["nonce"]})
    assert heading(borrowed)[1] == 403
    assert not Participant.objects.exists()
