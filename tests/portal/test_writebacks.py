"""Writebacks: each with its state and why, what is sent again, and a target that is tried again."""

from datetime import timedelta

import pytest
from bs4 import BeautifulSoup
from django.db import connection as database
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from connector import trail
from connector.models import Change, Connection, Downtime
from portal import watch
from tests.portal.deciding import Directory, browser_of
from tests.portal.steps import words
from tests.visits import factories
from tests.visits.factories import administrator
from visits import writeback
from visits.models import Target, Visit, Writeback
from visits.writeback.listing import PAGE, TOLD
from visits.writeback.texts import REASONS

pytestmark = pytest.mark.django_db
State = Writeback.State
AUDIT = {"address": "https://audit.example/R4"}


@pytest.fixture
def connection() -> Connection:
    made = factories.connection()
    factories.approve(made, audit=AUDIT)
    return made


@pytest.fixture
def ada(connection: Connection, directory: Directory) -> Client:
    return browser_of(directory.knows(administrator(connection.organization)))


@pytest.fixture
def visit(connection: Connection) -> Visit:
    return factories.visit(connection)


def told(visit: Visit, state: str, code: str = "", **changed: object) -> Writeback:
    """What the status service was or is to be told of a new person."""
    [row] = writeback.enqueue(factories.participant(visit), "connected", timezone.now())
    Writeback.objects.filter(pk=row.pk).update(state=state, code=code, attempts=2, **changed)
    return row


def of_nobody_known(visit: Visit) -> Writeback:
    """An entry for the repository."""
    entry = trail.record(visit.connection.organization, "outsider-lobby", visit=visit.pk)
    writeback.enqueue_entries(visit, [entry])
    return Writeback.objects.get(entry=entry)


def turned_off(connection: Connection) -> Target:
    target, _ = Target.objects.get_or_create(connection=connection, kind=Target.Kind.AUDIT_REPOSITORY)
    off = {"off_under": connection.live, "off_code": "audit-not-offered", "off_since": timezone.now()}
    Target.objects.filter(pk=target.pk).update(**off)
    return target


def page(client: Client, connection: Connection, **asked: str) -> BeautifulSoup:
    answer = client.get(reverse("writebacks", args=[connection.ref]), asked)
    assert answer.status_code == 200
    return BeautifulSoup(answer.content, "html.parser")


def rows(shown: BeautifulSoup) -> list[list[str]]:
    return [[words(cell) for cell in row.find_all("td")] for row in shown.select("main table tbody tr")]


def press(client: Client, name: str, connection: Connection, number: int) -> str:
    answer = client.post(reverse(name, args=[connection.ref, number]), follow=True)
    return words(BeautifulSoup(answer.content, "html.parser").main)


def test_each_state_has_its_filter_and_says_why(ada: Client, connection: Connection, visit: Visit) -> None:
    told(visit, State.DELIVERED, "accepted")
    told(visit, State.SUPERSEDED, "ehr-unavailable")
    told(visit, State.DEAD, "status-refused")
    told(visit, State.WAITING, "no-answer-in-time")
    of_nobody_known(visit)
    turned_off(connection)
    for state, why in (
        ("delivered", "It was accepted."),
        ("superseded", "Something newer was told in its place. ehr-unavailable"),
        ("dead", "does not know this visit or this person"),
        ("waiting", "Nobody answered in time."),
        ("held", "The repository does not accept AuditEvents."),
    ):
        [line] = rows(page(ada, connection, state=state))
        assert why in line[4]
    assert len(rows(page(ada, connection))) == len(rows(page(ada, connection, state="nonsense"))) == 5
    newest = rows(page(ada, connection))[0]
    assert (newest[1], newest[2]) == ("Somebody else: In the Teams lobby", "AuditEvent repository")


def test_what_holds_everything_is_said(ada: Client, connection: Connection, visit: Visit) -> None:
    told(visit, State.WAITING)
    Target.objects.update(open_until=timezone.now() + timedelta(minutes=5))
    assert "left alone for a while" in rows(page(ada, connection, state="held"))[0][4]
    assert "asked again at" in words(page(ada, connection).main)
    now, who = timezone.now(), factories.user(connection.organization.tid)
    hours = {"begins_at": now - timedelta(hours=1), "ends_at": now + timedelta(hours=1)}
    for _ in range(2):
        Downtime.objects.create(connection=connection, announced_by=who, announced_by_name="Ada", **hours)
    Target.objects.update(open_until=None)
    [line] = rows(page(ada, connection, state="held"))
    assert "A downtime of the EHR is announced" in line[4]
    assert rows(page(ada, connection, state="waiting")) == []


def test_who_may_come_back_is_waited_for(ada: Client, connection: Connection, visit: Visit) -> None:
    factories.approve(connection, rejoin_seconds=30)
    visit.connection = connection
    person = factories.participant(visit, "provider")
    writeback.enqueue(person, "disconnected", timezone.now())
    [line] = rows(page(ada, connection))
    assert (line[1], "may come back" in line[4]) == ("Clinician: Has left", True)


def test_one_is_sent_again_and_the_history_keeps_it(ada: Client, connection: Connection, visit: Visit) -> None:
    row = told(visit, State.DEAD, "status-refused")
    other = told(visit, State.DELIVERED, "accepted")
    assert "on its way again" in press(ada, "writeback_again", connection, row.pk)
    newest = Writeback.objects.latest("id")
    assert (newest.participant, newest.state) == (row.participant, State.WAITING)
    assert (Change.objects.get().kind, Change.objects.get().detail) == ("sent-again", {"count": 1})
    assert "nothing left to send" in press(ada, "writeback_again", connection, other.pk)
    theirs = told(factories.visit(), State.DEAD)
    assert "nothing left to send" in press(ada, "writeback_again", connection, theirs.pk)
    assert Change.objects.count() == 1


def test_a_repository_that_is_off_alarms_and_is_tried_again(ada: Client, connection: Connection, visit: Visit) -> None:
    row, target = of_nobody_known(visit), turned_off(connection)
    status = ada.get(reverse("status_one", args=[connection.ref])).content.decode()
    assert "An AuditEvent repository is turned off" in status
    shown = words(page(ada, connection).main)
    assert "Turned off since" in shown
    assert "audit-not-offered" in shown
    assert "It is tried again" in press(ada, "target_on", connection, target.pk)
    assert row in writeback.outbox.due(timezone.now())
    assert "It was not turned off" in press(ada, "target_on", connection, target.pk)
    assert "Turned off since" not in words(page(ada, connection).main)


def test_another_revision_ends_the_alarm(ada: Client, connection: Connection) -> None:
    turned_off(connection)
    factories.approve(connection, audit=AUDIT)
    assert "turned off" not in ada.get(reverse("status_one", args=[connection.ref])).content.decode()
    assert watch.PROBLEMS["target-off"].check


def test_the_newest_of_both_targets_stand_among_each_other(ada: Client, connection: Connection, visit: Visit) -> None:
    for _ in range(PAGE // 2 + 2):
        told(visit, State.DELIVERED)
        of_nobody_known(visit)
    first = page(ada, connection)
    assert len(rows(first)) == PAGE
    older = first.select_one("nav[aria-label=Pages] a")
    assert older is not None
    before = str(older["href"]).rpartition("=")[2]
    shown = Writeback.objects.order_by("-id")[:PAGE]
    assert int(before) == shown[PAGE - 1].pk
    with CaptureQueriesContext(database) as asked:
        page(ada, connection)
    listed = [query["sql"] for query in asked if 'ORDER BY "visits_writeback"."id" DESC' in query["sql"]]
    assert ['target_id" IN (' in sql for sql in listed] == [False, False], "each by the index of its own"


def test_the_list_goes_back_page_by_page_and_costs_the_same(
    ada: Client, connection: Connection, visit: Visit, django_assert_max_num_queries: object
) -> None:
    organization = connection.organization
    entries = [trail.record(organization, "outsider-connected", visit=visit.pk) for _ in range(PAGE + 3)]
    writeback.enqueue_entries(visit, entries)
    first = page(ada, connection)
    assert len(rows(first)) == PAGE
    older = first.select_one("nav[aria-label=Pages] a")
    assert older is not None
    second = BeautifulSoup(
        ada.get(reverse("writebacks", args=[connection.ref]) + str(older["href"])).content, "html.parser"
    )
    assert len(rows(second)) == 3
    with django_assert_max_num_queries(25):  # type: ignore[operator]
        page(ada, connection)


def test_nobody_is_named(ada: Client, connection: Connection, visit: Visit) -> None:
    row = told(visit, State.DEAD, "status-refused")
    assert row.participant is not None
    shown = ada.get(reverse("writebacks", args=[connection.ref])).content.decode()
    for secret in (
        factories.CONFERENCE_ID,
        factories.EXTERNAL_ID,
        str(row.participant_id),
        row.participant.ehr_user_hash,
    ):
        assert secret.strip() not in shown


def test_an_approver_who_governs_may_send_again_but_reads_no_timeline(connection: Connection, visit: Visit) -> None:
    row, ben = told(visit, State.DEAD), factories.user(connection.organization.tid)
    assert connection.live
    connection.live.approver_oid = ben.oid
    connection.live.save()
    client = browser_of(ben)
    shown = page(client, connection)
    assert shown.select(f'form[action="{reverse("writeback_again", args=[connection.ref, row.pk])}"]')
    assert not shown.select(f'a[href="{reverse("visit_timeline", args=[connection.ref, visit.pk])}"]')
    assert client.get(reverse("visit_timeline", args=[connection.ref, visit.pk])).status_code == 404
    assert client.get(reverse("visits", args=[connection.ref])).status_code == 404


def test_every_code_has_words_and_every_presence_too() -> None:
    assert {"waiting", "lobby", "connected", "disconnected", "gone"} == set(TOLD)
    assert all(str(reason.what) for reason in REASONS.values())
