"""What goes wrong around a view of a visit looks like the visit's other error pages, in the EHR's frame too."""

import pytest
from bs4 import BeautifulSoup
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from connector.models import Connection
from tests.rules.test_headers import policy
from tests.visits import factories
from visits import browsers, handles
from visits.models import Launch

pytestmark = pytest.mark.django_db


def handle_of(connection: Connection, door: str) -> str:
    """The handle of somebody who launched, whose visit's meeting nobody can read any more."""
    visit = factories.visit(connection)
    visit.join_url_sealed = "v1.gone.gone.gone"
    visit.save()
    participant = factories.participant(visit, door)
    made = Launch(connection=connection, door=door, browser_hash="", participant=participant)
    made.redeemed_at, made.state_hash = timezone.now(), browsers.hash_of(str(made.id))
    made.save(force_insert=True)
    return handles.issue(made)


def shell_of(answer: object) -> str:
    page = BeautifulSoup(answer.content, "html.parser")  # type: ignore[attr-defined]
    assert page.html
    return " ".join(page.html["class"])


def test_an_unexpected_error_is_shown_in_the_ehrs_frame_and_in_the_patients_shell() -> None:
    connection = factories.connection(base_url="https://ehr.example/api/FHIR/R4")
    answer = Client().get(reverse("join", args=[handle_of(connection, "patient")]))
    assert (answer.status_code, shell_of(answer)) == (500, "patient")
    assert policy(answer)["frame-ancestors"] == "https://ehr.example"
    assert "+1 555 0100" in answer.content.decode()


def test_a_form_without_its_token_says_so_in_the_ehrs_frame_and_in_the_clinicians_shell() -> None:
    connection = factories.connection(base_url="https://ehr.example/api/FHIR/R4")
    browser = Client(enforce_csrf_checks=True)
    answer = browser.post(reverse("link", args=[handle_of(connection, "provider")]), {"token": "x"})
    assert (answer.status_code, shell_of(answer)) == (403, "clinician")
    assert "This form is too old" in answer.content.decode()
    assert policy(answer)["frame-ancestors"] == "https://ehr.example"


def test_a_form_of_nobodys_page_is_framed_by_nobody() -> None:
    answer = Client(enforce_csrf_checks=True).post(reverse("link", args=["unknown"]), {"token": "x"})
    assert (answer.status_code, policy(answer)["frame-ancestors"]) == (403, "'none'")


def test_a_form_of_the_portal_without_its_token_says_so_in_the_portals_shell() -> None:
    answer = Client(enforce_csrf_checks=True).post(reverse("signout"))
    assert (answer.status_code, shell_of(answer)) == (403, "portal")
    assert policy(answer)["frame-ancestors"] == "'none'"
