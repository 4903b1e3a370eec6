"""Who may show a page in a frame: a connection's own EHR and the hosts of its live revision, and nobody else."""

import uuid
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from connector.models import Connection
from tests.portal.deciding import BACKEND
from tests.rules.test_headers import policy
from tests.visits import factories
from tests.visits.factories import administrator
from visits import browsers, handles
from visits.models import Launch

pytestmark = pytest.mark.django_db
# Over http, which nothing allow-lists here: where a page would ask the EHR, it fails at once.
BASE = "http://ehr.riverside.example:8443/interconnect/api/FHIR/R4"
HOSTS = ("https://hyperspace.riverside.example", "https://*.haiku.example")
OWN = " ".join(("http://ehr.riverside.example:8443", *HOSTS))
NOBODY = "'none'"


@pytest.fixture
def connection() -> Connection:
    """An approved connection whose revision names two more hosts."""
    made = factories.connection(base_url=BASE)
    factories.approve(made, frame_ancestors=HOSTS)
    return made


def ancestors(answer: Any) -> str:
    """Who may frame an answer, by its content security policy."""
    return policy(answer)["frame-ancestors"]


def problem_ancestors(answer: Any) -> str:
    """Who may frame an error page."""
    assert answer.status_code >= 400
    return ancestors(answer)


def launch(of: Connection, door: str = "patient", **row: Any) -> Launch:
    """A redeemed launch without a cookie, of somebody who is in a visit."""
    visit = factories.visit(of)
    usual = {"participant": factories.participant(visit, door), "redeemed_at": timezone.now()}
    made = Launch(connection=of, door=door, browser_hash="", **(usual | row))
    made.state_hash = browsers.hash_of(str(made.id))
    made.save(force_insert=True)
    return made


def address(of: Connection, door: str = "patient", page: str = "visit") -> str:
    return reverse(page, args=[handles.issue(launch(of, door))])


def opened(client: Client, of: Connection, door: str = "patient", **query: str) -> Any:
    """What the EHR's button opens."""
    return client.get(reverse("launch", args=[of.ref, door]), {"iss": BASE, "launch": "l1"} | query)


@pytest.mark.parametrize("headers", [{}, {"HX-Request": "true"}], ids=["page", "its inside"])
@pytest.mark.parametrize("door", ["provider", "patient"])
def test_a_page_of_a_visit_is_framed_by_its_own_ehr_and_the_revisions_hosts(
    door: str, headers: dict[str, str], client: Client, connection: Connection
) -> None:
    answer = client.get(address(connection, door), headers=headers)
    assert (answer.status_code, ancestors(answer)) == (200, OWN)


def test_the_way_to_teams_is_framed_too(client: Client, connection: Connection) -> None:
    answer = client.get(address(connection, page="join"))
    assert (answer.status_code, ancestors(answer)) == (302, OWN)


def test_without_hosts_of_its_own_a_revision_lets_the_ehr_alone(client: Client, connection: Connection) -> None:
    factories.approve(connection)
    assert ancestors(client.get(address(connection))) == "http://ehr.riverside.example:8443"


def test_the_proposed_revisions_hosts_do_not_count_yet(client: Client, connection: Connection) -> None:
    live = connection.live
    connection.proposed = factories.approve(connection, frame_ancestors=["https://proposed.example"])
    connection.live = live
    connection.save()
    assert ancestors(client.get(address(connection))) == OWN


def test_another_connections_hosts_do_not_count(client: Client, connection: Connection) -> None:
    other = factories.connection(connection.organization, base_url="https://other.example/api/FHIR/R4")
    assert ancestors(client.get(address(other))) == "https://other.example"


@pytest.mark.parametrize("door", ["provider", "patient"])
@pytest.mark.parametrize(
    "query",
    [{"launch": ""}, {"iss": "https://elsewhere.example/api/FHIR/R4"}, {}],
    ids=["no token", "another iss", "EHR out of reach"],
)
def test_a_launch_that_fails_says_so_in_the_ehrs_frame(
    query: dict[str, str], door: str, client: Client, connection: Connection
) -> None:
    assert problem_ancestors(opened(client, connection, door, **query)) == OWN


def test_a_suspended_connection_says_so_in_the_ehrs_frame(client: Client, connection: Connection) -> None:
    connection.suspended = True
    connection.save()
    assert problem_ancestors(opened(client, connection)) == OWN


def test_a_way_back_that_is_too_old_says_so_in_the_ehrs_frame(client: Client, connection: Connection) -> None:
    answer = client.get(reverse("launch_callback", args=[connection.ref, "patient"]), {"code": "c", "state": "s"})
    assert problem_ancestors(answer) == OWN


def test_a_confirmation_that_cannot_be_kept_says_so_in_the_ehrs_frame(client: Client, connection: Connection) -> None:
    assert problem_ancestors(client.post(address(connection, "provider", "link"), {"token": "forged"})) == OWN


def test_a_page_of_a_launch_that_reached_no_visit_says_so_in_the_ehrs_frame(
    client: Client, connection: Connection
) -> None:
    handle = handles.issue(launch(connection, participant=None))
    assert problem_ancestors(client.get(reverse("visit", args=[handle]))) == OWN


def test_a_connection_that_nobody_approved_is_framed_by_nobody(client: Client, connection: Connection) -> None:
    connection.live = None
    connection.save()
    assert problem_ancestors(opened(client, connection)) == NOBODY


@pytest.mark.parametrize(
    "path", ["/launch/unknown/patient/", "/launch/{ref}/garden/", "/visit/unknown/", "/visit/unknown/join/"]
)
def test_where_no_connection_is_known_nobody_frames_the_page(path: str, client: Client, connection: Connection) -> None:
    assert problem_ancestors(client.get(path.format(ref=connection.ref))) == NOBODY


@pytest.mark.parametrize(
    "name",
    ["portal", "configure", "configure_add", "approve", "records", "consent", "connection", "approve_one", "record"],
)
def test_the_portal_is_framed_by_nobody_not_even_the_pages_about_a_connection(
    name: str, client: Client, connection: Connection
) -> None:
    client.force_login(administrator(connection.organization), BACKEND)
    arguments = [connection.ref] if name in {"connection", "approve_one", "record"} else []
    answer = client.get(reverse(name, args=arguments))
    assert (answer.status_code in {200, 302}, ancestors(answer)) == (True, NOBODY)


@pytest.mark.parametrize(
    "path",
    ["/signin/", f"/signin/{uuid.UUID(int=1)}/", "/signin/microsoft/callback/", "/jwks/testing.json", "/health/live"],
)
def test_what_belongs_to_no_connection_is_framed_by_nobody(path: str, client: Client, connection: Connection) -> None:
    assert ancestors(client.get(path)) == NOBODY


@pytest.mark.parametrize("path", ["/nowhere/", "/configure/unknown/"])
def test_a_page_that_does_not_exist_is_framed_by_nobody(path: str, client: Client, connection: Connection) -> None:
    client.force_login(administrator(connection.organization), BACKEND)
    answer = client.get(path)
    assert (answer.status_code, ancestors(answer)) == (404, NOBODY)


@pytest.mark.parametrize("name", ["notifications", "lifecycle"])
def test_what_graph_reads_is_framed_by_nobody(name: str, client: Client) -> None:
    assert ancestors(client.post(reverse(name), {}, content_type="application/json")) == NOBODY


def test_a_page_that_was_closed_for_too_long_says_so_within_the_frame(client: Client, connection: Connection) -> None:
    made = launch(connection)
    handle = handles.issue(made)
    Launch.objects.filter(pk=made.pk).update(handle_until=timezone.now())
    answer = client.get(reverse("visit", args=[handle]))
    assert (answer.status_code, problem_ancestors(answer)) == (410, OWN)
