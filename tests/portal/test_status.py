"""Status: how a connection is doing, what was given up and is sent again, announced downtime, and who is told once."""

import secrets
from datetime import timedelta

import pytest
from bs4 import BeautifulSoup
from django.conf import LazySettings
from django.db import connection as database
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from connector import keys, trail
from connector.models import Change, Connection, Downtime, Key, Notice, Preflight, Revision, User
from connector.templatetags.ui import moment
from portal import watch
from tests.portal.deciding import Directory, browser_of
from tests.portal.steps import words
from tests.visits import factories
from tests.visits.factories import administrator
from visits.models import Launch, Target, Visit, Writeback

pytestmark = pytest.mark.django_db(transaction=True)
State = Writeback.State


def told(connection: Connection, state: str, **fields: object) -> Writeback:
    """One writeback of somebody new, in this state."""
    person = factories.participant(factories.visit(connection, session=secrets.token_hex(4)))
    kept = {"organization": connection.organization, "presence": "connected", "lane": 0, "sequence": 1}
    row = Writeback.objects.create(
        visit=person.visit,
        target=connection.targets.get(kind=Target.Kind.STATUS_SERVICE),
        participant=person,
        happened_at=timezone.now(),
        state=state,
        **kept,
    )
    Writeback.objects.filter(pk=row.pk).update(**fields)
    return row


@pytest.fixture
def connection() -> Connection:
    return factories.connection(mail="ehr-team@riverside.example")


@pytest.fixture
def ada(connection: Connection, directory: Directory) -> Client:
    return browser_of(directory.knows(administrator(connection.organization)))


def page(client: Client, connection: Connection) -> str:
    answer = client.get(reverse("status_one", args=[connection.ref]))
    assert answer.status_code == 200
    return words(BeautifulSoup(answer.content, "html.parser").main)


def test_a_connection_without_visits_is_all_right(ada: Client, connection: Connection) -> None:
    assert "Last launch none yet" in page(ada, connection)
    listed = words(BeautifulSoup(ada.get(reverse("status")).content, "html.parser").table)
    assert "OK" in listed


def test_the_keys_that_a_connection_rests_on_say_until_when_they_serve(
    ada: Client, connection: Connection, settings: LazySettings
) -> None:
    settings.SIGNING_KEY_DAYS, settings.NOTIFICATION_KEY_DAYS = 90, 0
    assert "Signing key made at first use" in page(ada, connection)
    signing = Key.objects.get(kid=keys.signing_key("testing").kid)
    notification = keys.notification_key()
    shown = page(ada, connection)
    follows = words(BeautifulSoup(moment(signing.not_before + timedelta(days=90), "datetime"), "html.parser"))
    assert f"Signing key {signing.kid} since" in shown
    assert f"until {follows}" in shown
    assert f"Certificate for notifications {notification.kid} since" in shown
    assert "until it is rotated" in shown


def test_the_last_launch_and_the_counts_of_writebacks_are_shown(ada: Client, connection: Connection) -> None:
    Launch.objects.create(connection=connection, door="provider", state_hash="x", verifier_sealed="")
    for state in (State.DELIVERED, State.DELIVERED, State.SUPERSEDED, State.WAITING):
        told(connection, state)
    shown = BeautifulSoup(ada.get(reverse("status_one", args=[connection.ref])).content, "html.parser")
    counts = [words(cell).split(",")[0] for cell in shown.select("table.data tbody tr td")]
    assert counts == ["1", "2", "1", "0"]
    assert "none yet" not in words(shown.select_one("dl.summary dd"))


def test_what_was_given_up_is_sent_again_in_its_newest_state(ada: Client, connection: Connection) -> None:
    row = told(connection, State.DEAD, code="status-refused", attempts=9, finished_at=timezone.now())
    assert "status-refused" in page(ada, connection)
    answer = ada.post(reverse("send_again", args=[connection.ref]), follow=True)
    assert "1 is on its way again." in words(BeautifulSoup(answer.content, "html.parser").main)
    again = Writeback.objects.get(participant=row.participant, sequence=2)
    assert (again.state, again.presence) == (State.WAITING, "connected")
    assert "status-refused" not in page(ada, connection)
    assert Change.objects.get().detail == {"count": 1}


def test_that_the_ehr_rests_is_said_only_while_it_does_and_of_no_other(ada: Client, connection: Connection) -> None:
    repository = Target.objects.create(connection=connection, kind=Target.Kind.AUDIT_REPOSITORY, name="Archive")
    soon, rests = timezone.now() + timedelta(minutes=5), "The EHR has failed several times in a row."
    Target.objects.filter(pk=repository.pk).update(open_until=soon)
    assert rests not in page(ada, connection)
    ehr = Target.objects.filter(kind=Target.Kind.STATUS_SERVICE)
    ehr.update(open_until=timezone.now() - timedelta(minutes=5))
    assert rests not in page(ada, connection)
    ehr.update(open_until=soon, rests_under=connection.live)
    assert rests in page(ada, connection)
    factories.approve(connection)
    assert rests not in page(ada, connection), "other settings are tried at once"
    told(connection, State.DEAD, target=repository)
    assert "AuditEvent repository Archive" in page(ada, connection)


def test_sending_again_twice_sends_once(ada: Client, connection: Connection) -> None:
    told(connection, State.DEAD)
    for _ in range(2):
        ada.post(reverse("send_again", args=[connection.ref]))
    assert Writeback.objects.count() == 2
    assert Change.objects.count() == 1


def test_the_live_approver_sends_again_and_the_proposed_one_may_not(
    connection: Connection, directory: Directory
) -> None:
    told(connection, State.DEAD)
    approver = User.objects.create(tid=connection.organization.tid, oid=connection.shown.approver_oid)
    other = factories.user(connection.organization.tid)
    live, proposed = connection.live, factories.approve(connection)
    Revision.objects.filter(pk=proposed.pk).update(approver_oid=other.oid)
    Connection.objects.filter(pk=connection.pk).update(live=live, proposed=proposed)
    address = reverse("send_again", args=[connection.ref])
    assert browser_of(other).post(address).status_code == 404
    assert browser_of(directory.knows(approver)).post(address).status_code == 302


@pytest.mark.parametrize("name", ["status_one", "send_again", "downtime_announce"])
def test_a_strangers_connection_is_not_there(name: str, connection: Connection) -> None:
    stranger = browser_of(administrator(factories.organization()))
    act = stranger.get if name == "status_one" else stranger.post
    assert act(reverse(name, args=[connection.ref])).status_code == 404


def announced(client: Client, connection: Connection, begins: str, ends: str, zone: str = "UTC") -> BeautifulSoup:
    typed = {"begins": begins, "ends": ends, "zone": zone, "reason": "Upgrade"}
    answer = client.post(reverse("downtime_announce", args=[connection.ref]), typed, follow=True)
    return BeautifulSoup(answer.content, "html.parser")


def test_a_downtime_is_announced_in_the_readers_zone_and_ended(ada: Client, connection: Connection) -> None:
    announced(ada, connection, "2030-07-01T22:00", "2030-07-02T02:00", "America/Chicago")
    downtime = Downtime.objects.get()
    assert downtime.begins_at.isoformat() == "2030-07-02T03:00:00+00:00"
    ada.post(reverse("downtime_end", args=[connection.ref, downtime.pk]))
    assert not Downtime.objects.exists()
    assert Change.objects.filter(kind=Change.Kind.DOWNTIME).count() == 2


def test_a_downtime_that_runs_is_ended_now_and_stays_in_the_record(ada: Client, connection: Connection) -> None:
    now = timezone.now()
    running = Downtime.objects.create(
        connection=connection,
        begins_at=now - timedelta(hours=1),
        ends_at=now + timedelta(hours=1),
        announced_by=factories.user(),
        announced_by_name="Ada Lindqvist",
    )
    assert "EHR downtime" in page(ada, connection)
    ada.post(reverse("downtime_end", args=[connection.ref, running.pk]))
    running.refresh_from_db()
    assert now <= running.ends_at <= timezone.now()


@pytest.mark.parametrize(
    ("begins", "ends", "zone", "said"),
    [
        ("2030-07-02T02:00", "2030-07-01T22:00", "UTC", "not after the beginning"),
        ("2020-07-01T22:00", "2020-07-02T02:00", "UTC", "over already"),
        ("2030-07-01T22:00", "2030-08-02T02:00", "UTC", "longer than 14 days"),
        ("2030-07-01T22:00", "2030-07-02T02:00", "Mars/Olympus", "not known"),
        ("soon", "2030-07-02T02:00", "UTC", "valid date"),
    ],
    ids=["ends before it begins", "is over", "never ends", "unknown zone", "no time"],
)
def test_a_downtime_that_cannot_be_is_said_at_its_field_and_keeps_what_was_typed(
    ada: Client, connection: Connection, begins: str, ends: str, zone: str, said: str
) -> None:
    shown = announced(ada, connection, begins, ends, zone)
    assert said in words(shown.select_one(".error-summary"))
    assert shown.select_one('input[name="reason"]')["value"] == "Upgrade"  # type: ignore[index]
    assert not Downtime.objects.exists()


@pytest.fixture
def mail_on(settings: LazySettings) -> None:
    settings.EMAIL_HOST, settings.EMAIL_FROM = "mail.riverside.example", "connector@riverside.example"


@pytest.mark.usefixtures("mail_on")
def test_a_problem_is_told_once_and_again_only_after_it_was_over(connection: Connection) -> None:
    row = told(connection, State.DEAD)
    for _ in range(3):
        watch.watch()
    [notice] = Notice.objects.all()
    assert (notice.kind, notice.detail["code"]) == ("problem-found", "writebacks-given-up")
    Writeback.objects.filter(pk=row.pk).update(state=State.DELIVERED)
    watch.watch()
    notice.refresh_from_db()
    assert notice.ended_at


@pytest.mark.usefixtures("mail_on")
def test_what_was_given_up_is_told_as_what_it_is(connection: Connection) -> None:
    told(connection, State.DEAD)
    Visit.objects.update(test=True)
    watch.watch()
    assert not Notice.objects.exists(), "a test visit is in nobody's chart"
    repository = Target.objects.create(connection=connection, kind=Target.Kind.AUDIT_REPOSITORY)
    visit = factories.visit(connection)
    entry = trail.record(connection.organization, "outsider-lobby", visit=visit.pk)
    kept = {"organization": connection.organization, "presence": "lobby", "lane": 0, "sequence": 1, "entry": entry}
    Writeback.objects.create(visit=visit, target=repository, happened_at=timezone.now(), state=State.DEAD, **kept)
    watch.watch()
    assert [notice.subject for notice in Notice.objects.all()] == ["events-given-up"]
    told(connection, State.DEAD)
    watch.watch()
    assert [notice.subject for notice in Notice.objects.order_by("id")] == ["events-given-up", "writebacks-given-up"]


def test_the_sweep_of_alarms_counts_nothing_that_went_well(connection: Connection) -> None:
    told(connection, State.DELIVERED)
    with CaptureQueriesContext(database) as asked:
        watch.watch()
    read = " ".join(query["sql"] for query in asked)
    assert [word for word in ("'delivered'", "'superseded'", "visits_receipt", "visits_launch") if word in read] == []


@pytest.mark.usefixtures("mail_on")
def test_writebacks_that_wait_too_long_are_told(connection: Connection) -> None:
    told(connection, State.WAITING, created_at=timezone.now() - timedelta(minutes=16))
    watch.watch()
    assert [notice.subject for notice in Notice.objects.all()] == ["writebacks-late"]


@pytest.mark.usefixtures("mail_on")
def test_a_preflight_that_finds_what_stops_visits_is_told(connection: Connection) -> None:
    Preflight.objects.create(connection=connection, trigger="daily", report={}, blocks=True)
    watch.watch()
    assert [notice.subject for notice in Notice.objects.all()] == ["preflight-blocks"]


@pytest.mark.usefixtures("mail_on")
def test_nobody_is_alarmed_during_an_announced_downtime(connection: Connection) -> None:
    told(connection, State.WAITING, created_at=timezone.now() - timedelta(minutes=16))
    now = timezone.now()
    kept = {"announced_by": factories.user(), "announced_by_name": "Ada Lindqvist"}
    Downtime.objects.create(
        connection=connection, begins_at=now - timedelta(hours=1), ends_at=now + timedelta(hours=1), **kept
    )
    watch.watch()
    assert not Notice.objects.exists()


@pytest.mark.usefixtures("mail_on")
def test_a_downtime_that_is_over_and_one_that_comes_silence_nothing_between_them(connection: Connection) -> None:
    told(connection, State.WAITING, created_at=timezone.now() - timedelta(minutes=16))
    now, who = timezone.now(), factories.user()
    for begins, ends in ((-2, -1), (1, 2)):
        Downtime.objects.create(
            connection=connection,
            begins_at=now + timedelta(hours=begins),
            ends_at=now + timedelta(hours=ends),
            announced_by=who,
            announced_by_name="Ada Lindqvist",
        )
    watch.watch()
    assert [notice.subject for notice in Notice.objects.all()] == ["writebacks-late"]
