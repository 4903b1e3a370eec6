"""The pages of the records: who opens them, what stands on them, what is downloaded."""

import pytest
from django.conf import LazySettings
from django.test import Client
from django.urls import reverse

from connector import keys
from connector.addresses import public_url
from connector.models import Connection, User
from portal import records
from portal.checker import State, check
from portal.checker.sources import expected
from tests.portal.deciding import browser_of
from tests.portal.steps import words
from tests.portal.test_review.steps import PATIENT_ID, approved, shown
from tests.visits import factories
from tests.visits.factories import administrator

pytestmark = pytest.mark.django_db(transaction=True)
PAGES = ("record", "record_download", "record_check", "guide", "guide_whole")


@pytest.mark.parametrize("name", PAGES)
def test_the_approver_opens_every_page_without_a_new_sign_in(name: str, connection: Connection) -> None:
    assert connection.live
    ben = User.objects.create(tid=connection.organization.tid, oid=connection.live.approver_oid)
    assert browser_of(ben).get(reverse(name, args=[connection.ref])).status_code == 200


@pytest.mark.parametrize("name", PAGES)
def test_a_stranger_finds_none_of_the_pages(name: str, connection: Connection) -> None:
    stranger = administrator(approved().organization)
    assert browser_of(stranger).get(reverse(name, args=[connection.ref])).status_code == 404


DEVICE_TEST = 4  # its place among the records


def test_the_page_leads_to_change_check_guide_and_download(ada: Client, connection: Connection) -> None:
    page = shown(ada, "record", connection.ref)
    links = {words(link): str(link["href"]) for link in page.select(".actions a")}
    assert links["Check what stands in Epic"] == reverse("record_check", args=[connection.ref])
    assert links["Epic build guide"] == reverse("guide", args=[connection.ref])
    assert links["Download"] == reverse("record_download", args=[connection.ref])
    assert links["Change"] == reverse("edit", args=[connection.ref])


def test_there_is_a_record_for_each_door_that_names_a_context(connection: Connection) -> None:
    assert connection.live
    kinds = [record.kind for record in records.launch_records(connection, connection.live)]
    assert kinds == ["provider", "patient", "group-provider", "group-patient", "device-test", "board"]
    revision = factories.approve(connection, group_provider_context="", group_patient_context="")
    assert [record.kind for record in records.launch_records(connection, revision)] == [
        "provider",
        "patient",
        "device-test",
        "board",
    ]


def test_a_context_is_attested_when_each_of_its_tokens_is(connection: Connection) -> None:
    revision = factories.approve(connection, provider_context="sessionId=%CSN%&user=%EPICUSERID%")
    provider, patient = records.launch_records(connection, revision)[:2]
    assert [provider.rows[3].attested, patient.rows[3].attested] == [True, False]


def test_the_device_test_has_a_record_without_a_context_that_nobody_attests(
    ada: Client, connection: Connection
) -> None:
    assert connection.live
    record = records.launch_records(connection, connection.live)[DEVICE_TEST]
    rows = [(row.mnemonic, row.value) for row in record.rows]
    assert rows == [
        ("URL", public_url("launch", connection.ref, "device-test")),
        ("CLIENTID", PATIENT_ID),
        ("LAUNCHTYPE", "6"),
    ]
    assert ({row.attested for row in record.rows}, record.options) == ({False}, ())
    panel = shown(ada, "record", connection.ref).select("section.panel")[DEVICE_TEST]
    assert "The EHR is not told the result" in words(panel)
    assert "nothing is kept" in words(panel)


def test_a_device_test_with_the_address_of_a_visit_is_told_whose_it_is(connection: Connection) -> None:
    assert connection.live
    wanted = expected(connection, connection.live)
    record = records.launch_records(connection, connection.live)[DEVICE_TEST]
    right, mixed = (
        check(block, wanted, only="device-test")
        for block in (record.block, record.block.replace("/device-test/", "/patient/"))
    )
    assert {finding.state for finding in right.records[0].findings} == {State.RIGHT}
    [wrong] = [finding for finding in mixed.records[0].findings if finding.state is State.WRONG]
    assert (wrong.mnemonic, wrong.faults[0].code) == ("URL", "record")


def test_the_department_is_an_option_of_every_visit_and_attested_for_clinicians_alone(connection: Connection) -> None:
    assert connection.live
    attested = {
        record.kind: option.row.attested
        for record in records.launch_records(connection, connection.live)
        for option in record.options
        if "departmentId=%PERFDEPID" in option.row.value
    }
    assert attested == {"provider": True, "patient": False, "group-provider": True, "group-patient": False}


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
    assert (len(result.records), states, result.absent) == (9, {State.RIGHT}, ())


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
