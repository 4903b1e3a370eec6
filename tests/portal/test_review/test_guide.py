"""The build guide: filled in from the connection, and plain about what nobody attests."""

import pytest
from django.test import Client
from django.urls import reverse

from connector.addresses import public_url
from connector.models import Connection
from portal import guide
from tests.portal.steps import words
from tests.portal.test_review.steps import shown
from tests.visits import factories

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.parametrize("slug", [screen.slug for screen in guide.EPIC])
def test_a_page_of_the_guide_says_who_does_it_and_which_names_are_attested(
    slug: str, ada: Client, connection: Connection
) -> None:
    page = shown(ada, "guide_screen", connection.ref, slug)
    names = page.select("table.data caption")[-1].find_parent("table")
    assert words(names).startswith("Names on this screen")
    assert "Ask your Epic technical contact" in words(names)
    assert "Who does it:" in words(page.main)


def test_the_guide_is_filled_in_from_the_connection(ada: Client, connection: Connection) -> None:
    text = words(shown(ada, "guide_whole", connection.ref).main)
    filled_in = [
        public_url("launch", connection.ref, "patient"),
        public_url("launch_callback", connection.ref, "group-provider"),
        public_url("jwks", "testing"),
        "backend-app-1",
        f"https://{connection.host}/interconnect/api/epic/2018/Telehealth/ContextLinking/SetExternalConnectionStatus",
    ]
    assert [value for value in filled_in if value not in text] == []


def test_codes_that_nobody_knows_yet_are_to_be_asked_for(ada: Client, connection: Connection) -> None:
    factories.approve(connection, codes={"connected": "1"})
    page = shown(ada, "guide_screen", connection.ref, "background-user")
    codes = next(table for table in page.select("table") if words(table.caption) == "ConnectionStatus codes")
    assert [words(row) for row in codes.select("tbody tr")] == [
        "Connected 1",
        "Disconnected Ask your Epic technical contact",
        "Waiting not told",
    ]


def test_a_background_user_with_a_password_is_named_with_the_headers_that_go_with_it(
    ada: Client, connection: Connection
) -> None:
    basic = {"authentication": "basic", "user_name": "emp$VIDEO", "headers": {"Epic-Client-ID": "the-client"}}
    factories.approve(connection, status=basic)
    page = shown(ada, "guide_screen", connection.ref, "background-user")
    filled_in = {words(row.dt).split(" Confirm")[0]: words(row.code) for row in page.select(".copy-row")}
    assert (filled_in["User name"], filled_in["Epic-Client-ID"]) == ("emp$VIDEO", "the-client")
    assert "Client ID of the backend app" not in filled_in
    assert "by user name and password" in words(page.main)


def test_each_repository_has_its_part_of_a_page_of_its_own_beside_any_ehr(ada: Client, connection: Connection) -> None:
    assert "AuditEvent repository" not in words(shown(ada, "guide", connection.ref).main)
    archive = {"name": "Archive", "address": "https://two.example/R4", "authentication": "basic", "user_name": "joan"}
    for kind in ("epic", "other"):
        repositories = [{"address": "https://one.example/R4"}, archive]
        factories.approve(connection, ehr_kind=kind, audit=repositories, backend_client_id="backend-app-1")
        listed = shown(ada, "guide", connection.ref)
        assert words(listed.select("table a")[-1]) == "AuditEvent repository"
        assert words(listed.h1) == ("Epic build guide" if kind == "epic" else "Build guide")
        page = shown(ada, "guide_screen", connection.ref, "audit-repository")
        first, second = ([words(row.code) for row in rows.select(".copy-row")] for rows in page.select(".copy-rows"))
        scopes = "system/AuditEvent.write"
        assert first == ["https://one.example/R4", "backend-app-1", public_url("jwks", "testing"), scopes]
        assert second == ["https://two.example/R4", "joan"]


def test_before_the_approval_the_guide_holds_the_client_records_alone(ada: Client, connection: Connection) -> None:
    Connection.objects.update(live=None, proposed=connection.live)
    text = words(shown(ada, "guide_whole", connection.ref).main)
    assert public_url("launch_callback", connection.ref, "patient") in text
    assert "Not approved yet" in text
    assert "LAUNCHTYPE 6" not in {words(row) for row in shown(ada, "guide_whole", connection.ref).select(".copy-row")}


def test_the_guide_of_another_ehr_has_the_steps_of_smart_on_fhir(ada: Client, connection: Connection) -> None:
    factories.approve(connection, ehr_kind="oracle")
    listed = shown(ada, "guide", connection.ref)
    assert [words(link) for link in listed.select("table a")] == [str(screen.title) for screen in guide.SMART]
    assert "Epic" not in words(listed.select_one("table"))
    assert ada.get(reverse("guide_screen", args=[connection.ref, "fdi"])).status_code == 404


@pytest.mark.parametrize("slug", [screen.slug for screen in guide.SMART])
def test_every_page_for_another_ehr_is_filled_in(slug: str, ada: Client, connection: Connection) -> None:
    factories.approve(connection, ehr_kind="other")
    page = shown(ada, "guide_screen", connection.ref, slug)
    assert page.select("main ol, main table")
    assert page.select(".copy-row")
