"""Every error that the makers of such connectors publish, met on purpose: each is answered by a page of ours that says
what to mend and who can."""

import re
from collections.abc import Callable

import pytest

from tests.portal import steps as portal
from tests.portal.steps import Shown, switch
from tests.stories.people import INSTANCE
from tests.visits import steps
from tests.visits.call import Call
from tests.visits.steps import CARLA, PIA, PRODUCTION, Clinic

EHR_SIGN_IN = "Sign in to the EHR"
GROUP_WITH_CSN = "CONTEXT=sessionId=%CSN%&externalId=%EXTERNALID%&externalIdType=%EXTERNALIDTYPE%"


def without_suffix(clinic: Clinic) -> Shown:
    """The address ends before /api/FHIR/R4."""
    return portal.done(clinic.administrator, base_url=f"{clinic.house.urls['epic']}/{INSTANCE}")


def at_approval(clinic: Clinic, **wrong: bool) -> Shown:
    """The approver signs in to an Epic where something is wrong."""
    ben = clinic.visitor()
    page = ben.sign_in_by_link(portal.submit(clinic.administrator).rows("Link for the approver")[0], "Ben Okafor")
    switch(clinic.house, "epic", **wrong)
    shown = portal.at_ehr(ben, page)
    return ben.press(shown, "Ben Okafor") if shown.heading == EHR_SIGN_IN else shown


def keys_missing(clinic: Clinic) -> Shown:
    return at_approval(clinic, token_invalid_client=True)


def approver_locked_out(clinic: Clinic) -> Shown:
    return at_approval(clinic, authorize_access_denied=True)


def patient_presses(clinic: Clinic, **changed: str) -> Shown:
    """The patient presses a button whose record was pasted with something changed."""
    clinic.paste("patient", clinic.records["patient"] | changed)
    return clinic.visitor().open(clinic.press(PIA))


def launch_address_cut(clinic: Clinic) -> Shown:
    return patient_presses(clinic, URL=clinic.records["patient"]["URL"].replace(clinic.ref, "ffffffffffffffff"))


def token_not_filled(clinic: Clinic) -> Shown:
    switch(clinic.house, "epic", csn_unfilled=True)
    return patient_presses(clinic)


def a_testing_record_in_production(clinic: Clinic) -> Shown:
    client_id = clinic.house.environment["EHR_PRODUCTION_PROVIDER_CLIENT_ID"]
    clinic.paste("provider", clinic.records["provider"] | {"CLIENTID": client_id}, PRODUCTION)
    return clinic.visitor().open(clinic.press(CARLA, instance=PRODUCTION))


def checked(clinic: Clinic, pasted: str, only: str) -> Shown:
    """What stands in Epic, pasted into the record checker."""
    page = clinic.administrator.open(f"/records/{clinic.ref}/check/")
    return clinic.administrator.press(page, "Check", pasted=pasted, only=only)


def group_goes_by_appointment(clinic: Clinic) -> Shown:
    return checked(clinic, GROUP_WITH_CSN, "group-provider")


def no_group_records(clinic: Clinic) -> Shown:
    return clinic.administrator.open(f"/records/{clinic.ref}/")


def patient_waits_unseen(clinic: Clinic) -> Shown:
    """The clinician is in Teams; the visit's page says who waits."""
    steps.enter(clinic, PIA)
    return clinicians_page(clinic)


def patient_is_told_to_install(clinic: Clinic) -> Shown:
    clinic.fail("graph", "getVirtualAppointmentJoinWebUrl", "status", 403)
    return clinicians_page(clinic)


def clinicians_page(clinic: Clinic) -> Shown:
    """The visit's page, which a second press of the button shows."""
    clinician = clinic.visitor()
    steps.enter(clinic, CARLA, visitor=clinician)
    return clinician.open(clinic.press(CARLA))


def patient_stays_behind(clinic: Clinic) -> Shown:
    """The clinician leaves without ending the meeting."""
    key = steps.meeting_at(clinic, steps.enter(clinic, CARLA))[1]
    patient = clinic.visitor()
    page = steps.enter(clinic, PIA, visitor=patient)
    call = Call(clinic, steps.CSN, key)
    clinician, guest = call.clinician_comes(), call.patient_knocks()
    call.act(guest, "admit")
    call.act(clinician, "leave")
    return steps.until(patient, page, "Your clinician has left")


def no_administrator(clinic: Clinic) -> Shown:
    return clinic.visitor().sign_in("Nora Novak")


def in_citrix(clinic: Clinic) -> Shown:
    return clinic.administrator.open(f"/records/{clinic.ref}/guide/allow-list/")


def metadata_unreachable(clinic: Clinic) -> Shown:
    clinic.fail("epic", "smart-configuration|metadata", "status", 503)
    return patient_presses(clinic)


def launch_refused(clinic: Clinic) -> Shown:
    switch(clinic.house, "epic", token_invalid_client=True)
    return patient_presses(clinic)


# symptom, as published -> how it is met, and what our page says
PUBLISHED: dict[str, tuple[Callable[[Clinic], Shown], str]] = {
    "FHIR URL is not valid": (without_suffix, r"usually ends in /api/FHIR/R4"),
    "OAUTH2 error at approval": (keys_missing, r"Epic does not know the connector's keys yet.*JWKS URL"),
    "approver cannot log in to the EHR": (approver_locked_out, r"Epic did not let you sign in.*lacks a permission"),
    "patient cannot launch, launch URL pasted wrong": (launch_address_cut, r"This link leads nowhere.*Paste it again"),
    "patient cannot launch, token pasted wrong": (token_not_filled, r"did not say which visit this is.*sessionId"),
    "tenant config not found": (
        a_testing_record_in_production,
        r"Testing and production are mixed up.*paste the record",
    ),
    "group visits fail, token not on CONFERENCEID": (group_goes_by_appointment, r"all share %CONFERENCEID%"),
    "group visits fail, no group records": (no_group_records, r"Provider: Begin group visit.*Patient: Begin group"),
    "provider not told that the patient arrived": (patient_waits_unseen, r"Who is here.*Patient arrived .*Waiting"),
    "patient told to install the app": (patient_is_told_to_install, r"asked to install Teams: no browser link"),
    "patient chats on after the visit": (patient_stays_behind, r"Your clinician has left"),
    "cannot open or add a configuration": (no_administrator, r"nothing here for your account.*Ada Lindqvist"),
    "Citrix": (in_citrix, r"Citrix.*local computer"),
    "TelehealthIntegrationNotFoundException": (launch_address_cut, r"This link leads nowhere"),
    "MetadataFetchError": (metadata_unreachable, r"The EHR is not answering.*Try again"),
    "Oauth2 Launch Error": (launch_refused, r"does not accept the connector's client.*JWKS URL"),
}


@pytest.mark.parametrize("symptom", PUBLISHED)
def test_a_published_error_is_answered_by_a_page_that_says_what_to_mend(symptom: str, clinic: Clinic) -> None:
    meet, said = PUBLISHED[symptom]
    shown = meet(clinic)
    assert re.search(said, shown.text), shown.text
