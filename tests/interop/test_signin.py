"""Microsoft sign-in at Entra's paths, answered by an implementation that is not ours."""

from sandbox.launcher.house import House
from tests.portal.steps import Visitor

ADA, CARLA = "Ada Lindqvist", "Dr. Carla Mendes"


def test_an_administrator_signs_in_and_configures_with_a_consent_that_an_app_token_proves(tenant: House) -> None:
    ada = Visitor(tenant)
    assert ada.sign_in(ADA).heading == "Getting ready"
    consented = ada.press(ada.open("/consent/"), "Check again")
    assert (consented.heading, consented.path) == ("Configuration information", "/configure/")
    assert "Riverside Health" in consented.soup.text
    assert "New FHIR base URL" in ada.open("/configure/add/").text


def test_somebody_without_an_administrators_role_reaches_no_configuration(tenant: House) -> None:
    carla = Visitor(tenant)
    consent = "Allow the connector in Microsoft 365"
    assert [page.heading for page in (carla.sign_in(CARLA), carla.open("/configure/"))] == [consent, consent]
