"""An administrator ends the organization: what has to be over first, the days of waiting, the work, the receipt."""

import hashlib
import json
from datetime import timedelta

import jwt
import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from connector import crypto, keys, mail, trail
from connector.models import Change, Closing, Connection, Key, Notice, Organization, User
from portal import closing, services
from portal.actors import Actor
from portal.services import Refused
from tests.portal import ending
from tests.portal.deciding import Directory, browser_of
from tests.portal.ending import Microsoft, at_once, due, left_of
from tests.visits import factories
from tests.visits.factories import administrator
from visits.models import Visit, Writeback

pytestmark = pytest.mark.django_db(transaction=True)
Step = Closing.Step
NAME = "Riverside Health"
TEAM = "ehr-team@riverside.example"


@pytest.fixture
def directory(directory: Directory, settings: Settings) -> Directory:
    settings.EMAIL_HOST = "mail.example"
    return directory


@pytest.fixture
def organization(db: None) -> Organization:
    return factories.organization()


@pytest.fixture
def ada(organization: Organization, directory: Directory) -> User:
    return directory.knows(administrator(organization))


@pytest.fixture
def visit(organization: Organization, ada: User) -> Visit:
    return ending.whole(organization, ada)


@pytest.fixture
def microsoft(directory: Directory, visit: Visit) -> Microsoft:
    made = Microsoft(directory, visit)
    made.says(204)
    return made


@pytest.fixture
def browser(ada: User, visit: Visit) -> Client:
    return browser_of(ada)


@pytest.fixture
def asked(organization: Organization, ada: User, visit: Visit) -> Closing:
    return closing.ask(organization, Actor(ada, "Ada Lindqvist", "192.0.2.7"))


@pytest.fixture
def begun(asked: Closing) -> Closing:
    due(asked)
    return asked


def now_of(row: Closing) -> Closing:
    return Closing.objects.get(pk=row.pk)


def page(browser: Client) -> str:
    return browser.get("/end/").content.decode()


# ----------------------------------------------------------------------------------------------------------- the asking
def test_the_page_says_what_happens_what_to_take_along_and_what_remains(browser: Client) -> None:
    text = page(browser)
    for said in ("destroyed, for good", "The audit trail", "Not yet", "What remains elsewhere", "The EHR", NAME):
        assert said in text


@pytest.mark.parametrize("what", ["trail", "history", "reports", "configuration"])
def test_each_export_is_a_file_and_a_line_of_the_history(
    browser: Client, organization: Organization, what: str
) -> None:
    answer = browser.post(f"/end/export/{what}/")
    text = b"".join(answer).decode()
    assert {"trail": "meeting-opened", "history": "Ada", "reports": "took-place", "configuration": "base_url"}[
        what
    ] in text
    assert organization.changes.filter(kind=Change.Kind.EXPORTED, detail__what=what).count() == 1
    assert page(browser).count("Not yet</td>") == 3


@pytest.mark.parametrize("typed", ["", "Riverside", "Lakeside Clinic"])
def test_another_name_ends_nothing(browser: Client, typed: str) -> None:
    answer = browser.post("/end/ask/", {"name": typed})
    assert answer.status_code == 422
    assert not Closing.objects.exists()


def test_the_name_starts_the_days_and_everybody_concerned_is_told(browser: Client, organization: Organization) -> None:
    browser.post("/end/ask/", {"name": " riverside  health "})
    row = Closing.objects.get()
    assert (row.step, row.asked_by_name, row.recipients) == (Step.WAITING, "Ada Lindqvist", [TEAM])
    assert timedelta(days=closing.DAYS) - timedelta(minutes=1) < row.due_at - timezone.now()
    assert organization.changes.filter(kind=Change.Kind.ENDING).exists()
    told = Notice.objects.get(kind="ending-asked")
    assert told.recipient == TEAM
    assert "Ada Lindqvist has asked for the end of Riverside Health" in mail.render(told)[1]
    assert "Call it off" in page(browser)


def test_an_administrator_whose_role_is_gone_ends_nothing(browser: Client, ada: User, directory: Directory) -> None:
    directory.knows(ada, enabled=False)
    assert "was disabled" in browser.post("/end/ask/", {"name": NAME}, follow=True).content.decode()
    assert not Closing.objects.exists()


def test_nobody_but_an_administrator_finds_the_page(organization: Organization) -> None:
    reader = factories.user(organization.tid)
    organization.readers.create(oid=reader.oid, name="R", upn="r@riverside.example")
    for user in (reader, factories.user(organization.tid)):
        assert browser_of(user).get("/end/").status_code == 404
        for address in ("/end/ask/", "/end/off/", "/end/export/trail/", "/people/", "/people/erase/"):
            assert browser_of(user).post(address, {"name": NAME}).status_code == 404
    assert not Closing.objects.exists()


def block(organization: Organization, visit: Visit, code: str) -> None:
    """Let something be not over yet."""
    if code == "connections-live":
        organization.connections.update(suspended=False)
    elif code == "visits-running":
        Visit.objects.update(ended_at=None)
    else:
        Writeback.objects.filter(visit=visit).update(state=Writeback.State.WAITING)


CODES = ["connections-live", "visits-running", "writebacks-waiting"]


@pytest.mark.parametrize("code", CODES)
def test_what_is_not_over_yet_is_said_and_nothing_is_asked_for(
    browser: Client, organization: Organization, visit: Visit, code: str
) -> None:
    block(organization, visit, code)
    assert "these have to be over first" in page(browser)
    with pytest.raises(Refused, match=code):
        closing.ask(organization, Actor(administrator(organization), "Ada"))


# ------------------------------------------------------------------------------------------------------------- the days
def test_nothing_happens_before_the_day(asked: Closing, organization: Organization) -> None:
    before = left_of(organization)
    closing.work()
    assert (now_of(asked).step, left_of(organization)) == (Step.WAITING, before)


def test_it_is_called_off_and_everything_stays(
    browser: Client, asked: Closing, organization: Organization, microsoft: Microsoft
) -> None:
    browser.post("/end/off/")
    due(asked)
    closing.work()
    assert (now_of(asked).step, Visit.objects.count(), microsoft.deleted()) == (Step.OFF, 1, [])
    assert organization.changes.filter(kind=Change.Kind.ENDING_OFF).exists()
    closing.ask(organization, Actor(administrator(organization), "Ada"))  # and may be asked for again


def test_a_directory_that_is_silent_does_not_keep_anybody_from_calling_it_off(
    browser: Client, asked: Closing, ada: User, directory: Directory
) -> None:
    directory.is_silent_about(ada)
    browser.post("/end/off/")
    assert now_of(asked).step == Step.OFF


@pytest.mark.parametrize("code", CODES)
def test_what_began_meanwhile_holds_it_up(
    browser: Client, begun: Closing, organization: Organization, visit: Visit, code: str
) -> None:
    block(organization, visit, code)
    closing.work()
    assert (now_of(begun).step, now_of(begun).code) == (Step.WAITING, code)
    assert "It is held up" in page(browser)
    organization.refresh_from_db()
    assert organization.ended_at is None


# ------------------------------------------------------------------------------------------------------------- the work
def test_nothing_is_left_but_the_receipt(begun: Closing, organization: Organization, microsoft: Microsoft) -> None:
    trail.seal_all(organization.pk)
    other = factories.participant(factories.visit())
    theirs = {"connector.Organization": 1, "visits.Visit": 1, "visits.Participant": 1}
    closing.work()
    row = now_of(begun)
    left = left_of(organization)
    assert (row.step, row.organization) == (Step.DONE, None)
    assert {label: left[label] for label in theirs} == theirs
    assert not User.objects.filter(tid=organization.tid).exists()
    assert not Key.objects.filter(organization=organization.pk).exists()
    assert not {"connector.Entry", "connector.Change", "visits.EhrUserLink", "visits.Report"} & left.keys()
    assert microsoft.deleted() == [microsoft.subscription, microsoft.meeting]
    assert other.unseal("external_id") == factories.EXTERNAL_ID  # the neighbour's are as readable as ever


def test_what_a_backup_of_the_rows_holds_cannot_be_read_without_the_key_rows(
    begun: Closing, visit: Visit, microsoft: Microsoft
) -> None:
    backup = Visit.objects.values("session_sealed").get()
    place = ("visit", "session", str(visit.pk))
    assert keys.decrypt(backup["session_sealed"], place)
    closing.work()
    with pytest.raises((Key.DoesNotExist, crypto.Undecryptable)):
        keys.decrypt(backup["session_sealed"], place)


def test_an_outage_of_graph_puts_it_off_and_nothing_is_taken_away_twice(
    begun: Closing, microsoft: Microsoft, organization: Organization
) -> None:
    microsoft.says(503)
    closing.work()
    assert (now_of(begun).step, now_of(begun).code) == (Step.LEAVING, "graph-unavailable")
    assert Visit.objects.exists()
    microsoft.says(204)
    closing.work()
    assert now_of(begun).step == Step.LEAVING  # it waits its turn
    at_once()
    closing.work()
    assert now_of(begun).counts["meetings"] == now_of(begun).counts["subscriptions"] == 1
    assert now_of(begun).step == Step.DONE


def test_what_graph_refuses_is_left_and_the_receipt_says_so(begun: Closing, microsoft: Microsoft) -> None:
    microsoft.says(403)
    closing.work()
    assert now_of(begun).receipt["removed_at_microsoft"] == {"meetings left": 1, "subscriptions left": 1}


def test_a_graph_that_is_silent_for_a_day_is_left_behind(begun: Closing, microsoft: Microsoft) -> None:
    microsoft.says(503)
    for _ in range(26):
        at_once()
        closing.work()
    assert now_of(begun).step == Step.DONE
    assert now_of(begun).receipt["removed_at_microsoft"] == {"meetings left": 1, "subscriptions left": 1}


@pytest.mark.parametrize("step", [Step.LEAVING, Step.SHREDDING, Step.FORGETTING])
def test_a_worker_that_dies_in_any_step_is_followed_by_another(
    begun: Closing, organization: Organization, microsoft: Microsoft, step: Closing.Step
) -> None:
    """A step that was taken whole, whose end nobody wrote down."""
    closing.work()
    receipt = now_of(begun).receipt
    Closing.objects.filter(pk=begun.pk).update(step=step, digest="", finished_at=None, next_at=timezone.now())
    closing.work()
    again = now_of(begun)
    assert again.step == Step.DONE
    for name in ("keys", "trail", "deleted_rows", "removed_at_microsoft"):
        assert again.receipt[name] == receipt[name]


def test_from_the_first_step_on_nobody_reaches_it_any_more(
    browser: Client, begun: Closing, microsoft: Microsoft, ada: User
) -> None:
    microsoft.says(503)
    closing.work()
    assert browser.get("/end/").status_code == 404
    assert browser.get("/reports/").status_code == 404
    connection = Connection.objects.get()
    with pytest.raises(Refused):
        services.resume(connection=connection, actor=Actor(ada, "Ada"), reason="No.")


# ---------------------------------------------------------------------------------------------------------- the receipt
@pytest.fixture
def done(begun: Closing, microsoft: Microsoft) -> Closing:
    closing.work()
    return now_of(begun)


def test_the_receipt_is_signed_and_says_what_was_destroyed_when_and_by_whom(done: Closing) -> None:
    header = jwt.get_unverified_header(done.signature)
    key = next(one for one in keys.audit_keys() if one["kid"] == header["kid"])
    text = jwt.api_jws.decode(done.signature, jwt.PyJWK(key).key, algorithms=["EdDSA"])
    receipt = json.loads(text)
    assert header["jwk"] == key
    assert (receipt, hashlib.sha256(text).hexdigest()) == (done.receipt, done.digest)
    assert receipt["asked"] == {"by": "Ada Lindqvist", "from": "192.0.2.7", "at": done.asked_at.isoformat()}
    assert receipt["deleted_rows"]["visits.Participant"] == 2
    assert len(receipt["keys"]["kids"]) == 3
    assert receipt["keys"]["also_in_backups"] is False
    assert "key-encryption key" in receipt["remains"][0]["what"]
    assert receipt["trail"]["sequence"] == receipt["trail"]["entries"] > 0


def test_the_receipt_is_mailed_to_whoever_was_told_of_the_connections(done: Closing) -> None:
    told = Notice.objects.get()
    subject, text = mail.render(told)
    assert (told.recipient, told.organization) == (TEAM, None)
    assert subject == "Receipt: Riverside Health was ended in the EHR Connector"
    assert done.digest in text
    assert done.signature in text


def test_a_forged_token_downloads_no_receipt(client: Client, done: Closing) -> None:
    for token in ("", str(done.pk), "x:y:z"):
        assert client.post("/end/receipt/", {"token": token}).headers["Location"] == "/signin/"
