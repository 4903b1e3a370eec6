"""New keys for what rows seal and hash: everything is found and read as before, by nobody's old key, while others
write."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from io import StringIO
from itertools import count
from threading import Event

import pytest
from django.apps import apps
from django.core.management import CommandError, call_command
from django.db import connection
from django.db.models import F, Model
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from connector import crypto, keys
from connector.models import Change, Key, Organization
from portal import rotation
from tests.visits import factories
from tests.visits.pressing import CLINICIAN, PATIENT, arrive, leads_to
from tests.visits.test_writeback.ehr import Ehr
from visits import arrival, facts, finding
from visits.arrival.press import Press
from visits.arrival.rows import find_participant, find_visit
from visits.models import EhrUserLink, Ending, Participant, Visit
from visits.models.visit import Sealed
from visits.rekeying import HASHED, SEALED

FIELD, HASH = Key.Purpose.FIELD, Key.Purpose.HASH


def sealed_by(organization: Organization) -> set[str]:
    """The keys that anything lasting is sealed by."""
    texts = [
        getattr(row, f"{column}_sealed")
        for model, (owner, columns) in SEALED.items()
        for row in model._default_manager.filter(**{owner: organization})
        for column in columns
    ]
    return {crypto.kid_of(text) for text in texts if text}


def newest(organization: Organization, purpose: Key.Purpose) -> str:
    return keys.current(organization.pk, purpose).kid


@pytest.mark.django_db
def test_everything_that_is_sealed_and_hashed_is_known_here() -> None:
    sealed = {
        model: {name for name in _columns(model) if name.endswith("_sealed")} for model in Sealed.__subclasses__()
    }
    assert sealed == {model: {f"{column}_sealed" for column in columns} for model, (_, columns) in SEALED.items()}
    ours = {"session_hash", "patient_hash", "clinician_hash", "ehr_user_hash"}
    every: list[type[Model]] = [*apps.get_app_config("visits").get_models()]
    hashed = {model: found for model in every if (found := _columns(model) & ours)}
    assert hashed == {model: set(columns) for model, (_, columns) in HASHED.items()}


def _columns(model: type[Model]) -> set[str]:
    return {field.name for field in model._meta.fields}


@pytest.mark.django_db
def test_after_new_keys_both_sides_find_their_visit_and_the_ids_are_as_they_were(ehr: Ehr) -> None:
    browser, organization = Client(), ehr.connection.organization
    assert leads_to(arrive(ehr, browser, PATIENT, patient="p1"), "visit")
    patient, visits = Participant.objects.latest("created_at"), Visit.objects.count()
    visit = patient.visit
    clinician = factories.user(organization.tid)
    hashed, kid = arrival.hash_of_user(ehr.connection, CLINICIAN)
    EhrUserLink.objects.create(connection=ehr.connection, ehr_user_hash=hashed, hash_kid=kid, user=clinician)
    visit.seal("initials", "P. S.")
    visit.save()
    Ending.objects.create(visit=visit, generation=1, organizer=clinician, ended_at=timezone.now())
    key, before = facts.entry_key(visit, "Pia"), {newest(organization, purpose) for purpose in (FIELD, HASH)}
    rotation.renew(organization)
    rotation.renew(organization)
    assert sealed_by(organization) == {newest(organization, FIELD)}
    of_rows = [model.objects.values_list("hash_kid", flat=True) for model in (Visit, Participant, EhrUserLink)]
    assert {kid for kids in of_rows for kid in kids} == {newest(organization, HASH)}
    assert before & {newest(organization, purpose) for purpose in (FIELD, HASH)} == set()
    assert leads_to(arrive(ehr, browser, PATIENT, patient="p1"), "visit")
    arrive(ehr, Client(), CLINICIAN, patient="p1")
    assert Visit.objects.count() == visits
    staff = visit.participants.get(role="provider")
    assert staff.user == clinician
    patient.refresh_from_db()
    visit.refresh_from_db()
    assert [patient.unseal("external_id"), visit.unseal("session"), visit.unseal("initials")] == [
        " 165790",
        " 4711",
        "P. S.",
    ]
    assert finding.by_session(ehr.connection, "4711") == visit
    assert facts.entry_key(visit, "Pia") == key  # who is in a call stays the same person
    assert arrive(ehr, Client(), CLINICIAN, patient="p2").status_code == 403  # and another patient another


@pytest.mark.django_db(transaction=True)
def test_people_who_press_while_keys_are_renewed_all_land_in_their_one_visit(ehr: Ehr) -> None:
    organization, over = ehr.connection.organization, Event()
    before = Visit.objects.count()

    def press(number: int) -> int:
        pressed = 0
        for round_ in count():
            if over.is_set() and round_ > 2:
                break
            press = Press(
                role=Participant.Role.PATIENT,
                session=f" {number}",
                external_id=" 1",
                external_id_type="CSN",
                patient="p1",
                ehr_user=PATIENT,
            )
            visit = find_visit(ehr.connection, "context", press)
            find_participant(visit, press)
            pressed += 1
        connection.close()
        return pressed

    with ThreadPoolExecutor(4) as pool:
        running = [pool.submit(press, number) for number in (1, 1, 2, 2)]
        for _ in range(5):
            rotation.renew(organization)
        over.set()
        assert all(each.result() > 2 for each in running)
    made = Participant.objects.filter(role="patient").values_list("visit", flat=True)
    assert (Visit.objects.count() - before, len(made), len(set(made))) == (2, 2, 2)
    assert set(Visit.objects.values_list("hash_kid", flat=True)) == {newest(organization, HASH)}


@pytest.mark.django_db
def test_a_field_key_is_forgotten_a_day_after_the_next_and_not_while_it_seals_anything() -> None:
    visit = factories.visit()
    organization, old = visit.connection.organization, newest(visit.connection.organization, FIELD)
    rotation.renew(organization)
    rotation.sweep()
    assert Key.objects.get(kid=old).retired is None
    Key.objects.filter(purpose=FIELD).update(not_before=F("not_before") - timedelta(hours=25))
    rotation.sweep()
    row = Key.objects.get(kid=old)
    assert (row.wrapped, row.retired is not None) == ("", True)
    visit.refresh_from_db()
    assert visit.unseal("session")


@pytest.mark.django_db
def test_what_a_renewal_left_behind_is_sealed_by_the_schedule() -> None:
    visit = factories.visit()
    organization = visit.connection.organization
    keys.follow_field(organization)
    assert sealed_by(organization) != {newest(organization, FIELD)}
    rotation.sweep()
    assert sealed_by(organization) == {newest(organization, FIELD)}


@pytest.mark.django_db
def test_another_organizations_rows_are_left_alone() -> None:
    ours, theirs = factories.visit(), factories.visit()
    rotation.renew(ours.connection.organization)
    before = theirs.session_hash, theirs.session_sealed
    theirs.refresh_from_db()
    assert (theirs.session_hash, theirs.session_sealed) == before


@pytest.mark.django_db
def test_the_command_renews_one_organizations_keys_and_keeps_it_in_the_history() -> None:
    visit, said = factories.visit(), StringIO()
    call_command("keys", "renew", organization=str(visit.connection.organization.tid), stdout=said)
    assert said.getvalue() == "2 values are sealed anew; what is hashed is hashed again.\n"
    assert {change.detail["purpose"] for change in Change.objects.all()} == {"field", "hash"}
    for wrong in ("", "nobody", "3f1d8a52-7c0e-4b6a-9d25-6e1f0b9a1c99"):
        with pytest.raises(CommandError, match="Say whose"):
            call_command("keys", "renew", organization=wrong)


@pytest.mark.django_db
def test_a_key_encryption_key_is_replaced_step_by_step_and_everything_stays_readable(settings: Settings) -> None:
    visit, said = factories.visit(), StringIO()
    signing = keys.signing_key("testing").kid
    old = settings.KEY_ENCRYPTION_KEYS
    new = {"next": bytes(range(32))}
    settings.KEY_ENCRYPTION_KEYS = old | new  # every process knows it before any uses it
    visit.seal("session", "4711")
    settings.KEY_ENCRYPTION_KEYS = new
    with pytest.raises(CommandError, match="nothing was changed"):
        call_command("keys", "rewrap")
    settings.KEY_ENCRYPTION_KEYS = new | old
    call_command("keys", "rewrap", stdout=said)
    assert said.getvalue() == f"{Key.objects.count()} keys are wrapped anew.\n"
    settings.KEY_ENCRYPTION_KEYS = new
    assert {crypto.kid_of(key.wrapped) for key in Key.objects.all()} == {"next"}
    assert all(keys.unwrap(key).secret for key in Key.objects.all())
    assert (keys.signing_key("testing").kid, visit.unseal("session")) == (signing, "4711")
    assert keys.rewrap() == 0
