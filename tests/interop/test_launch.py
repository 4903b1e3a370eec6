"""Approval, launch and writeback against a SMART server that is not ours: other issuer, other host, keys by JWKS."""

import time
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

import pytest
import requests

from sandbox.launcher.house import House
from tests.interop.conftest import SECONDS, Peer
from tests.portal.steps import Shown, Visitor, sign_in_at_ehr, submit

ADA, BEN, CARLA = "Ada Lindqvist", "Ben Okafor", "Dr. Carla Mendes"
ANALYST, CLINICIAN, PATIENT = "Olga Brandt", "Carla Mendes, MD", "Pia Sandberg"
YES = "Yes, both are mine"
WAITING = "3"
CONTEXT = {"patient": "p-1", "sessionId": " 880011", "need_patient_banner": False}
LAUNCHES = {
    "launch-of-the-clinician": {
        "person": "user-2",
        "context": CONTEXT | {"externalId": " 41", "externalIdType": "EXTERNAL"},
    },
    "launch-of-the-patient": {"person": "user-3", "context": CONTEXT | {"externalId": " 92", "externalIdType": "WPR"}},
}


def people(base_url: str) -> list[dict[str, str]]:
    """Who can sign in at the EHR; `fhirUser` is absolute, as the standard has it."""
    resources = {ANALYST: "Practitioner/1", CLINICIAN: "Practitioner/2", PATIENT: "Patient/p-1"}
    return [
        {"sub": f"user-{number}", "name": name, "fhirUser": f"{base_url}/{resource}"}
        for number, (name, resource) in enumerate(resources.items(), 1)
    ]


PRACTITIONERS = [
    {
        "resourceType": "Practitioner",
        "id": str(number),
        "identifier": [{"value": "1", "assigner": {"display": "Riverside Health"}}],
        "name": [{"text": name}],
    }
    for number, name in enumerate((ANALYST, CLINICIAN), 1)
]


def clients(page: Shown) -> list[dict[str, Any]]:
    """The client records as *Before you sign in* wants them; the one without a redirect URI is the backend's."""
    return [
        {
            "client_id": page.rows("Client ID", section)[0],
            "redirect_uris": (uris := page.rows("Redirect URI", section)),
            "response_types": ["code"] if uris else [],
            "grant_types": ["authorization_code" if uris else "client_credentials"],
            "token_endpoint_auth_method": "private_key_jwt",
            "token_endpoint_auth_signing_alg": "RS384",
            "jwks_uri": page.rows("JWKS URL", section)[0],
        }
        for section in page.soup.select("dl.copy-rows")
    ]


@pytest.fixture
def at_approval(tenant: House, ehr: Peer) -> tuple[Visitor, Shown]:
    """The approver and his page of a connection to that EHR, where everything he is asked to enter is entered."""
    ada = Visitor(tenant)
    ada.sign_in(ADA)
    ada.press(ada.open("/consent/"), "Check again")
    ehr.begin(clients=[], people=[], practitioners=[], launches={})
    ben = Visitor(tenant)
    page = ben.sign_in_by_link(submit(ada, base_url=ehr.said["base_url"]).rows("Link for the approver")[0], BEN)
    everybody = people(ehr.said["base_url"])
    ehr.begin(clients=clients(page), people=everybody, practitioners=PRACTITIONERS, launches=LAUNCHES)
    return ben, page


@pytest.fixture
def press(at_approval: tuple[Visitor, Shown], ehr: Peer) -> Callable[[str], str]:
    """Press the EHR's button of an approved connection: `press("launch-of-the-patient")` is the address it opens."""
    ben, page = at_approval
    records = ben.press(sign_in_at_ehr(ben, page, ANALYST), "Approve")
    doors = {str(url).rstrip("/").rpartition("/")[2]: url for url in records.rows("URL")}
    by_launch = {"launch-of-the-clinician": doors["provider"], "launch-of-the-patient": doors["patient"]}

    def address(launch: str) -> str:
        return f"{by_launch[launch]}?{urlencode({'iss': ehr.said['base_url'], 'launch': launch})}"

    return address


def statuses(ehr: Peer, many: int) -> list[dict[str, str]]:
    """What the EHR was told of who is there, once it was told so often."""
    address = f"{ehr.said['base_url'].partition('/api/')[0]}/statuses"
    for _ in range(60):
        told: list[dict[str, str]] = requests.get(address, timeout=SECONDS).json()
        if len(told) >= many:
            return told
        time.sleep(0.25)
    raise AssertionError(f"The EHR was told {len(told)} times.")


def test_the_approver_signs_in_there_and_is_named(at_approval: tuple[Visitor, Shown], ehr: Peer) -> None:
    ben, page = at_approval
    shown = sign_in_at_ehr(ben, page, ANALYST)
    assert f"The EHR says you are {ANALYST}" in shown.text
    assert "It is the EHR of Riverside Health" in shown.text
    assert ben.press(shown, "Approve").heading == "Integration records"


def test_a_patient_of_that_ehr_cannot_approve(at_approval: tuple[Visitor, Shown]) -> None:
    ben, page = at_approval
    assert sign_in_at_ehr(ben, page, PATIENT).heading == "A patient's account cannot approve"


def test_a_clinician_launches_is_linked_and_sent_to_teams(tenant: House, press: Callable[[str], str]) -> None:
    visitor = Visitor(tenant)
    asked = visitor.press(visitor.open(press("launch-of-the-clinician")), CARLA)
    assert asked.heading == "Is this you?"
    assert CLINICIAN in asked.text
    entered = visitor.follow(visitor.press(asked, YES), "Join in Teams")
    assert entered.url.startswith(tenant.urls["teams"]), entered.text
    again = Visitor(tenant).open(press("launch-of-the-clinician"))
    assert again.link("Open Teams again"), "in another browser too, and without another sign-in"


def test_a_patient_launches_and_waits_and_that_ehr_is_told(
    tenant: House, ehr: Peer, press: Callable[[str], str]
) -> None:
    page = Visitor(tenant).open(press("launch-of-the-patient"))
    assert (page.status, page.heading) == (200, "You are in the right place"), page.text
    [told] = statuses(ehr, 1)
    assert (told["ConferenceID"], told["ExternalID"], told["ExternalIDType"]) == (" 880011", " 92", "WPR")
    assert told["ConnectionStatus"] == WAITING
