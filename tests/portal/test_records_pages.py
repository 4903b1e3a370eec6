"""The pages round the records: download, certificate, checker and build guide, each for who may see the connection."""

import pytest
from bs4 import BeautifulSoup
from django.conf import LazySettings
from django.test import Client
from django.urls import reverse

from connector import agreement, keys
from connector.addresses import public_url
from connector.models import Connection, Environment, Organization, Revision, User
from portal import guide, records
from portal.checker import State, check
from portal.checker.sources import expected
from portal.checker.views import LONGEST
from tests.portal.steps import words
from tests.portal.test_status import administrator, browser_of
from tests.visits import factories

pytestmark = pytest.mark.django_db(transaction=True)
PATIENT_ID, PROVIDER_ID = "patient-app-1", "provider-app-1"
IDS = {"provider_client_id": PROVIDER_ID, "patient_client_id": PATIENT_ID, "backend_client_id": "backend-app-1"}
PAGES = ("record", "record_download", "record_check", "guide", "guide_whole")


def approved(of: Organization | None = None, **settled: str) -> Connection:
    made = factories.connection(of)
    factories.approve(made, **(IDS | settled))
    return made


def shown(client: Client, name: str, *arguments: str) -> BeautifulSoup:
    answer = client.get(reverse(name, args=arguments))
    assert answer.status_code == 200
    return BeautifulSoup(answer.content, "html.parser")


def checked(client: Client, connection: Connection, pasted: str, only: str = "") -> BeautifulSoup:
    address = reverse("record_check", args=[connection.ref])
    answer = client.post(address, {"pasted": pasted, "only": only})
    assert answer.status_code == 200
    return BeautifulSoup(answer.content, "html.parser")


def answer_for(page: BeautifulSoup, mnemonic: str) -> str:
    """What the checker says of a field."""
    row = next(row for row in page.select(".checked tbody tr") if row.th and words(row.th) == mnemonic)
    return " ".join(words(cell) for cell in row.find_all("td"))


@pytest.fixture
def connection() -> Connection:
    return approved()


@pytest.fixture
def ada(connection: Connection) -> Client:
    return browser_of(administrator(connection))


@pytest.mark.parametrize("name", PAGES)
def test_the_approver_opens_every_page_without_a_new_sign_in(name: str, connection: Connection) -> None:
    assert connection.live
    ben = User.objects.create(tid=connection.organization.tid, oid=connection.live.approver_oid)
    assert browser_of(ben).get(reverse(name, args=[connection.ref])).status_code == 200


@pytest.mark.parametrize("name", PAGES)
def test_a_stranger_finds_none_of_the_pages(name: str, connection: Connection) -> None:
    stranger = administrator(approved())
    assert browser_of(stranger).get(reverse(name, args=[connection.ref])).status_code == 404


def test_the_page_leads_to_change_check_guide_and_download(ada: Client, connection: Connection) -> None:
    page = shown(ada, "record", connection.ref)
    links = {words(link): str(link["href"]) for link in page.select(".actions a")}
    assert links["Check what stands in Epic"] == reverse("record_check", args=[connection.ref])
    assert links["Epic build guide"] == reverse("guide", args=[connection.ref])
    assert links["Download"] == reverse("record_download", args=[connection.ref])
    assert links["Change"].startswith(reverse("connection", args=[connection.ref]))


def test_there_is_a_record_for_each_door_that_names_a_context(connection: Connection) -> None:
    assert connection.live
    kinds = [record.kind for record in records.launch_records(connection, connection.live)]
    assert kinds == ["provider", "patient", "group-provider", "group-patient"]
    revision = factories.approve(connection, group_provider_context="", group_patient_context="")
    assert [record.kind for record in records.launch_records(connection, revision)] == ["provider", "patient"]


def test_a_context_is_attested_when_each_of_its_tokens_is(connection: Connection) -> None:
    revision = factories.approve(connection, provider_context="sessionId=%CSN%&user=%EPICUSERID%")
    provider, patient = records.launch_records(connection, revision)[:2]
    assert [provider.rows[3].attested, patient.rows[3].attested] == [True, False]


def test_the_department_is_an_option_of_clinicians_alone(connection: Connection) -> None:
    assert connection.live
    for_department = [
        record.kind
        for record in records.launch_records(connection, connection.live)
        if any("departmentId=%PERFDEPID" in option.row.value for option in record.options)
    ]
    assert for_department == ["provider", "group-provider"]


def test_another_ehr_has_neither_launch_type_nor_options(connection: Connection) -> None:
    revision = factories.approve(connection, ehr_kind="other")
    record = records.launch_records(connection, revision)[0]
    assert [row.mnemonic for row in record.rows] == ["URL", "CLIENTID", "CONTEXT"]
    assert record.options == ()


def test_the_domains_are_ours_the_ehrs_microsofts_and_those_of_teams(
    connection: Connection, settings: LazySettings
) -> None:
    settings.ENTRA_AUTHORITY, settings.TEAMS_HOSTS = "https://login.microsoftonline.us", frozenset({"teams.example"})
    settings.PUBLIC_URL = "https://connector.example"
    found = records.domains(connection)
    assert [domain.name for domain in found] == [
        "connector.example",
        connection.host,
        "login.microsoftonline.us",
        "teams.example",
    ]
    assert [domain.name for domain in found if not domain.patients] == ["login.microsoftonline.us"]
    settings.ENTRA_AUTHORITY = "https://login.microsoftonline.com"
    unattested = [domain.name for domain in records.domains(connection) if not domain.attested]
    assert unattested[0] == "*.teams.microsoft.com"


def test_the_download_is_a_text_file_that_nobody_keeps(ada: Client, connection: Connection) -> None:
    answer = ada.get(reverse("record_download", args=[connection.ref]))
    assert answer["Content-Type"] == "text/plain; charset=utf-8"
    assert answer["Content-Disposition"] == (f'attachment; filename="integration-records-testing-{connection.ref}.txt"')
    assert answer["Cache-Control"] == "no-store"
    text = answer.content.decode()
    assert f"CLIENTID={PATIENT_ID}\n" in text
    assert "&externalId=%EXTERNALID%&" in text
    assert f"DOMAIN={connection.host}\n" in text


def test_the_whole_download_is_right_in_the_checker(ada: Client, connection: Connection) -> None:
    assert connection.live
    text = ada.get(reverse("record_download", args=[connection.ref])).content.decode()
    result = check(text, expected(connection, connection.live))
    states = {finding.state for record in result.records for finding in record.findings}
    assert (len(result.records), states, result.absent) == (7, {State.RIGHT}, ())


def test_without_approval_there_is_nothing_to_download_or_to_check(ada: Client, connection: Connection) -> None:
    Connection.objects.update(live=None, proposed=connection.live)
    assert ada.get(reverse("record_download", args=[connection.ref])).status_code == 404
    assert ada.get(reverse("record_check", args=[connection.ref])).status_code == 404


def test_where_the_ehr_holds_a_certificate_it_is_downloaded_in_place_of_the_address_of_the_keys(
    ada: Client, connection: Connection
) -> None:
    factories.approve(connection, authentication="certificate")
    page = shown(ada, "record", connection.ref)
    assert {words(link) for link in page.select(".copy-row a")} == {"Our certificate as a PEM file"}
    assert "JWKS URL" not in words(page.main)
    answer = ada.get(reverse("record_certificate", args=[connection.ref]))
    assert answer.content.decode() == keys.signing_certificate("testing")
    assert answer["Content-Disposition"] == 'attachment; filename="ehr-connector-testing.pem"'


def test_where_the_ehr_reads_the_keys_there_is_no_certificate(ada: Client, connection: Connection) -> None:
    assert ada.get(reverse("record_certificate", args=[connection.ref])).status_code == 404


def test_an_exact_record_is_right_on_the_page(ada: Client, connection: Connection) -> None:
    assert connection.live
    record = records.launch_records(connection, connection.live)[1]
    page = checked(ada, connection, record.block)
    assert words(page.select_one(".checked h2")) == f"{record.title} Right"
    assert answer_for(page, "CLIENTID") == f"Right {PATIENT_ID}"


def test_a_swapped_client_id_is_told_with_the_right_one(ada: Client, connection: Connection) -> None:
    page = checked(ada, connection, PROVIDER_ID, only="patient")
    said = answer_for(page, "CLIENTID")
    assert "Swapped This is the value for “Provider: Begin virtual visit”." in said
    assert PATIENT_ID in said


def test_tenant_config_not_found_is_answered_with_the_connection_that_the_address_is_of(
    ada: Client, connection: Connection
) -> None:
    production = approved(connection.organization)
    Connection.objects.filter(pk=production.pk).update(environment=Environment.PRODUCTION, label="Main campus")
    pasted = public_url("launch", production.ref, "patient")
    said = answer_for(checked(ada, connection, pasted), "URL")
    assert "Other environment This belongs to another environment: Main campus (Production)." in said


def test_what_was_right_in_an_earlier_revision_is_outdated(ada: Client, connection: Connection) -> None:
    factories.approve(connection, patient_client_id="patient-app-2")
    said = answer_for(checked(ada, connection, PATIENT_ID, only="patient"), "CLIENTID")
    assert "Outdated This was right in revision 2 of this connection." in said


def test_a_client_id_of_the_other_environment_is_known_without_a_connection_there(
    ada: Client, connection: Connection, settings: LazySettings
) -> None:
    ids = settings.EHR_CLIENT_IDS
    settings.EHR_CLIENT_IDS = ids | {"production": {"provider": "p-1", "patient": "patient-app-live", "backend": ""}}
    said = answer_for(checked(ada, connection, "CLIENTID=patient-app-live", only="patient"), "CLIENTID")
    assert "Other environment" in said
    assert "(Production)" in said


def test_another_organizations_connection_is_never_named(ada: Client, connection: Connection) -> None:
    stranger = approved(patient_client_id="strangers-app")
    Connection.objects.filter(pk=stranger.pk).update(label="Strangers Clinic")
    pasted = f"URL={public_url('launch', stranger.ref, 'patient')}\nCLIENTID=strangers-app"
    page = checked(ada, connection, pasted)
    assert "Strangers Clinic" not in words(page.main)
    assert stranger.base_url not in words(page.main)
    assert "It is the address of another connection, or was typed wrong" in answer_for(page, "URL")


def test_an_approver_is_told_of_no_connection_that_does_not_name_him(connection: Connection) -> None:
    assert connection.live
    unseen = approved(connection.organization)
    ben = User.objects.create(tid=connection.organization.tid, oid=connection.live.approver_oid)
    page = checked(browser_of(ben), connection, public_url("launch", unseen.ref, "patient"))
    assert unseen.base_url not in words(page.main)


def test_too_much_is_refused_with_the_size_that_is_read(ada: Client, connection: Connection) -> None:
    answer = ada.post(reverse("record_check", args=[connection.ref]), {"pasted": "x" * (LONGEST + 1)})
    assert answer.status_code == 422
    assert "This is too much: 20001 characters, and 20000 are read at most." in answer.content.decode()


@pytest.mark.parametrize("pasted", ["", " \n\t "])
def test_nothing_is_nothing_to_check(pasted: str, ada: Client, connection: Connection) -> None:
    answer = ada.post(reverse("record_check", args=[connection.ref]), {"pasted": pasted})
    assert answer.status_code == 422
    assert "Paste something first." in answer.content.decode()


def test_what_is_no_record_is_said_to_be_none(ada: Client, connection: Connection) -> None:
    page = checked(ada, connection, "Dear all, it does not work.")
    assert "Nothing of a record was found in it" in words(page.main)
    assert "Dear all, it does not work." in words(page.main)


def test_what_was_pasted_is_shown_as_text(ada: Client, connection: Connection) -> None:
    page = checked(ada, connection, "CLIENTID=<script>alert(1)</script>")
    assert not page.select("main script")
    assert "<script>alert(1)</script>" in answer_for(page, "CLIENTID")


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


def test_nothing_of_a_paste_is_kept(ada: Client, connection: Connection, caplog: pytest.LogCaptureFixture) -> None:
    before = Revision.objects.count()
    checked(ada, connection, "CLIENTID=a-secret-thing")
    assert "a-secret-thing" not in caplog.text
    assert "a-secret-thing" not in str(dict(ada.session))
    assert Revision.objects.count() == before


def test_settings_without_a_client_id_leave_it_unchecked() -> None:
    made = factories.connection()
    revision = factories.approve(made, patient_client_id="", provider_client_id="", backend_client_id="")
    assert agreement.load(revision.settings).patient_client_id == ""
    assert "CLIENTID" not in expected(made, revision)[1].mnemonics
