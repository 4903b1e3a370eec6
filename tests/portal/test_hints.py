"""What is said about an address before it is submitted."""

import pytest

from connector.models import Connection, Environment, Organization
from portal.configure.hints import environments_in, hints
from tests.visits import factories

TESTING, PRODUCTION = Environment.TESTING.value, Environment.PRODUCTION.value


@pytest.mark.parametrize(
    ("base_url", "environments"),
    [
        ("https://ehr.hospital.example/interconnect-tst/api/FHIR/R4", {TESTING}),
        ("https://ehr.hospital.example/interconnect-prd-username/api/FHIR/R4", {PRODUCTION}),
        ("https://ehr.hospital.example/interconnect/api/FHIR/R4", set()),
        ("https://epic-tst2.hospital.example/R4", {TESTING}),
        ("https://EPIC.hospital.example/Interconnect-POC/api/FHIR/R4", {TESTING}),
        ("https://ehr.hospital.example/interconnect-nonprod/R4", {TESTING}),
        ("https://ehr.hospital.example/interconnect-non-prd/R4", {TESTING}),
        ("https://sandbox.prod.example/R4", {TESTING, PRODUCTION}),
        ("https://contest.hospital.example/latest/R4", set()),
        ("https://hospital.dev/R4", set()),
        ("https://hospital.live/R4", set()),
        ("https://[2001:db8::1]/test/R4", {TESTING}),
    ],
)
def test_the_words_of_an_address_tell_its_environment(base_url: str, environments: set[str]) -> None:
    assert environments_in(base_url) == environments


@pytest.fixture
def here() -> Organization:
    return factories.organization()


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("base_url", "environment", "said"),
    [
        ("https://ehr.example/tst/R4", PRODUCTION, ["testing-as-production"]),
        ("https://ehr.example/prd/R4", TESTING, ["production-as-testing"]),
        ("https://ehr.example/prd/R4", PRODUCTION, []),
        ("https://tst.example/prd/R4", PRODUCTION, []),
        ("https://tst.ehr.example/prd/R4", PRODUCTION, []),
        ("https://xn--hospitl-4nf.example/R4", PRODUCTION, ["international-host"]),
    ],
)
def test_an_address_unlike_its_environment_is_said(
    here: Organization, base_url: str, environment: str, said: list[str]
) -> None:
    assert hints(here, base_url, environment) == said


@pytest.mark.django_db
def test_one_address_for_both_environments_is_said_whatever_the_case_of_its_path(here: Organization) -> None:
    factories.connection(here, base_url="https://ehr.example/api/FHIR/R4")
    assert hints(here, "https://ehr.example/API/fhir/r4", PRODUCTION) == ["other-environment"]
    assert hints(here, "https://ehr.example/api/FHIR/R4", TESTING) == []


@pytest.mark.django_db
def test_an_address_that_another_organization_has_approved_is_said(here: Organization) -> None:
    there = factories.connection(base_url="https://ehr.example/api/FHIR/R4")
    assert hints(here, there.base_url, TESTING) == ["in-use-elsewhere"]
    Connection.objects.update(live=None)
    assert hints(here, there.base_url, TESTING) == []
