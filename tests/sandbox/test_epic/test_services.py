"""What a token of the Epic stand-in is good for: FHIR reads and the telehealth status service."""

from collections.abc import Callable

import pytest
import requests
from bs4 import BeautifulSoup
from fhir.resources.R4B import get_fhir_model_class

from tests.sandbox.test_epic.client import BACKEND, PATIENT, PROVIDER, STATUS, Epic, json_of


def test_what_the_scope_grants_can_be_read_and_is_valid_fhir(epic: Epic) -> None:
    token = epic.launched()["access_token"]
    for kind, id in (("Patient", "p-sandberg"), ("Appointment", "a-770011"), ("Organization", "o-riverside")):
        body = json_of(epic.read(f"{kind}/{id}", token))
        assert get_fhir_model_class(kind).model_validate(body)


def test_reading_without_token_scope_or_resource_says_which(epic: Epic) -> None:
    token = epic.launched()["access_token"]
    assert epic.read("Patient/p-ash", None).status_code == 401
    refused = epic.read("Encounter/v-770011", token)
    assert (refused.status_code, refused.json()["resourceType"]) == (403, "OperationOutcome")
    assert refused.headers["WWW-Authenticate"] == 'Bearer error="insufficient_scope"'
    assert epic.read("Patient/nobody", token).status_code == 404


def test_a_patient_reads_nobody_elses_chart(epic: Epic) -> None:
    token = epic.launched(PATIENT, record="patient", user="pia")["access_token"]
    assert epic.read("Patient/p-sandberg", token).status_code == 200
    assert epic.read("Patient/p-ash", token).status_code == 403
    assert epic.read("Appointment/a-770012", token).status_code == 403


def test_a_client_record_without_an_api_is_not_granted_its_scope(epic: Epic) -> None:
    epic.client(PROVIDER, apis=["Patient"])
    assert epic.launched()["scope"] == "openid profile fhirUser launch user/Patient.read"


def test_a_switch_cancels_every_visit(epic: Epic) -> None:
    token = epic.launched()["access_token"]
    booked = json_of(epic.read("Appointment/a-770011", token))
    epic.switch(visits_cancelled=True)
    cancelled = json_of(epic.read("Appointment/a-770011", token))
    assert (booked["status"], cancelled["status"]) == ("booked", "cancelled")
    assert booked["start"][11:16] == "09:00"
    assert booked["end"][11:16] == "09:20"


def test_switches_bend_errors_of_fhir(epic: Epic) -> None:
    token = epic.launched()["access_token"]
    epic.switch(unauthorized_for_forbidden=True, errors_not_fhir=True)
    refused = epic.read("Encounter/v-770011", token)
    assert (refused.status_code, refused.headers["Content-Type"].split(";")[0]) == (401, "text/html")


def test_the_status_service_takes_padded_ids_and_shows_them_on_the_schedule(
    epic: Epic, backend: Callable[..., requests.Response]
) -> None:
    token = json_of(backend())["access_token"]
    answers = [epic.status(token), epic.status(token, ExternalID=" 900101", ExternalIDType="2", ConnectionStatus="3")]
    assert [(answer.status_code, answer.text) for answer in answers] == [(200, ""), (200, "")]
    assert [(call["who"], call["state"]) for call in epic.calls()] == [
        ("Carla Mendes, MD", "connected"),
        ("Pia Sandberg", "waiting"),
    ]
    browser = requests.Session()
    browser.post(f"{epic.root}/hyperspace/sign-in", data={"person": "hyperspace:CMENDES"}, timeout=10)
    page = BeautifulSoup(browser.get(f"{epic.root}/hyperspace", timeout=10).text, "html.parser")
    row = page.select_one("tr[data-csn='770011']")
    assert row is not None
    assert [part.text for part in row.select(".presence")] == ["Connected", "Waiting"]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"ExternalID": "165790"}, "ExternalID"),
        ({"ExternalIDType": "2"}, "ExternalID"),
        ({"ConferenceID": "1"}, "ConferenceID"),
        ({"ConnectionStatus": "9"}, "ConnectionStatus"),
        ({"VendorName": ""}, "VendorName"),
    ],
)
def test_the_status_service_refuses_what_it_does_not_know_and_says_so(
    epic: Epic, backend: Callable[..., requests.Response], changes: dict[str, str], reason: str
) -> None:
    answer = epic.status(json_of(backend())["access_token"], **changes)
    assert answer.status_code == 400
    assert reason in answer.text
    assert epic.calls()[-1]["accepted"] is False


def test_the_status_service_is_for_mapped_backend_clients(epic: Epic) -> None:
    assert epic.status("nonsense").status_code == 401
    refused = epic.status(epic.launched()["access_token"])
    assert (refused.status_code, refused.text) == (403, "")


def test_the_status_service_takes_the_background_users_password_with_a_client_id(epic: Epic) -> None:
    page = BeautifulSoup(requests.get(f"{epic.root}/clients", timeout=10).text, "html.parser")
    user, password = (code.text for code in page.select("section[aria-labelledby=background] dd code"))
    call = {"ConferenceID": "770011", "ExternalID": " 165790", "ExternalIDType": "1"}
    call |= {"VendorName": "Teams", "ConnectionStatus": "2"}
    url, headers = f"{epic.root}{STATUS}", {"Epic-Client-ID": BACKEND}
    assert requests.get(url, call, headers=headers, auth=(user, password), timeout=10).status_code == 200
    assert requests.get(url, call, headers=headers, auth=(user, "wrong"), timeout=10).status_code == 401
    assert requests.get(url, call, auth=(user, password), timeout=10).status_code == 403


def audited(line: str, **more: object) -> dict[str, object]:
    """A small AuditEvent with this tag."""
    return {
        "resourceType": "AuditEvent",
        "meta": {"tag": [{"system": "https://connector.example/fhir/entry", "code": line}]},
        "type": {"system": "http://dicom.nema.org/resources/ontology/DCM", "code": "110100"},
        "recorded": "2026-03-02T09:00:00+00:00",
        "agent": [{"requestor": True}],
        "source": {"observer": {"display": "the connector"}},
    } | more


def test_the_repository_keeps_each_audit_event_once_and_only_valid_ones(
    epic: Epic, backend: Callable[..., requests.Response]
) -> None:
    base, tag = f"{epic.root}/audit/R4", "https://connector.example/fhir/entry"
    granted = json_of(backend(scope="system/AuditEvent.write"))
    assert granted["scope"] == "system/AuditEvent.write"

    def create(event: dict[str, object], condition: str = "", token: str = "") -> requests.Response:
        headers = {"Authorization": f"Bearer {token or granted['access_token']}"}
        headers |= {"If-None-Exist": condition} if condition else {}
        return requests.post(f"{base}/AuditEvent", json=event, headers=headers, timeout=10)

    answers = [create(audited("1"), f"_tag={tag}|1"), create(audited("1"), f"_tag={tag}|1"), create(audited("2"))]
    assert [answer.status_code for answer in answers] == [201, 200, 201]
    assert answers[0].headers["Location"] == answers[1].headers["Location"]
    assert create(audited("3", agent=[])).status_code == 422
    assert create(audited("3"), "patient=1").status_code == 412, "who ignores the condition matches them all"
    assert create(audited("3"), token=json_of(backend())["access_token"]).status_code == 403
    assert create(audited("3"), token="nonsense").status_code == 401
    kept = requests.get(f"{epic.console}/audit", timeout=10).json()
    assert [one["event"]["meta"]["tag"][0]["code"] for one in kept] == ["1", "2"]
    assert "AuditEvents, test instance" in requests.get(f"{epic.url}/sandbox/", timeout=10).text
    epic.switch(repository_takes_none=True)
    assert create(audited("4")).status_code == 405


def test_epics_own_fhir_base_takes_no_audit_event(epic: Epic, backend: Callable[..., requests.Response]) -> None:
    headers = {"Authorization": f"Bearer {json_of(backend())['access_token']}", "Accept": "application/fhir+json"}
    refused = requests.post(f"{epic.base}/AuditEvent", json=audited("1"), headers=headers, timeout=10)
    assert (refused.status_code, refused.json()["resourceType"]) == (405, "OperationOutcome")
    stated = requests.get(f"{epic.base}/metadata", headers=headers, timeout=10).json()
    assert "AuditEvent" not in [resource["type"] for resource in stated["rest"][0]["resource"]]
