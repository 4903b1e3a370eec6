"""The page of the record checker: what it answers, and of what it never speaks."""

import pytest
from django.conf import LazySettings
from django.test import Client
from django.urls import reverse

from connector import agreement
from connector.addresses import public_url
from connector.models import Connection, Environment, Revision, User
from portal import records
from portal.checker.sources import expected
from portal.checker.views import LONGEST
from tests.portal.deciding import browser_of
from tests.portal.steps import words
from tests.portal.test_review.steps import PATIENT_ID, PROVIDER_ID, answer_for, approved, checked
from tests.visits import factories

pytestmark = pytest.mark.django_db(transaction=True)


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
