"""The board's alert: somebody waits too long without a clinician, until somebody reacts."""

from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from connector.models import Connection, Entry
from tests.portal.steps import words
from tests.visits import factories
from tests.visits.test_board.boards import CARDIOLOGY, a_patient_waits, a_visit, open_board, rows, tell
from visits.models import Fact, Visit

pytestmark = pytest.mark.django_db


def test_an_alert_is_there_until_somebody_reacts_and_again_for_a_later_wait(
    client: Client, connection: Connection
) -> None:
    visit = a_patient_waits(connection, "4711", 9)
    address = open_board(connection, department=CARDIOLOGY)
    [row] = rows(client, address)
    pressed = client.post(str(row.select_one("form")["action"]))  # type: ignore[index]
    assert pressed.status_code == 302
    assert Entry.objects.filter(visit=visit.pk, event="alert-noticed").count() == 1
    [row] = rows(client, pressed["Location"])
    assert row.select_one("form") is None
    assert "9 minutes" in words(row)  # he still waits, and still too long

    # Somebody has reacted to an earlier wait, before this one began.
    Visit.objects.filter(pk=visit.pk).update(noticed_at=timezone.now() - timedelta(minutes=20))
    [row] = rows(client, open_board(connection, department=CARDIOLOGY))
    assert row.select_one("form")


def test_with_the_clinician_there_nobody_is_alarmed(client: Client, connection: Connection) -> None:
    visit = a_patient_waits(connection, "4711", 9)
    tell(visit, factories.participant(visit, "provider"), Fact.Kind.CONNECTED, 2)
    [row] = rows(client, open_board(connection, department=CARDIOLOGY))
    assert row.select_one("form") is None
    assert "clinician since" in words(row)


def test_a_clinician_who_leaves_others_behind_is_missing(client: Client, connection: Connection) -> None:
    visit = a_visit(connection, "4711")
    carla = factories.participant(visit, "provider")
    pia = factories.participant(visit)
    for who, kind, minutes in (
        (carla, Fact.Kind.CONNECTED, 20),
        (pia, Fact.Kind.SENT, 19),
        (pia, Fact.Kind.CONNECTED, 18),
        (carla, Fact.Kind.DISCONNECTED, 7),
    ):
        tell(visit, who, kind, minutes)
    [row] = rows(client, open_board(connection, department=CARDIOLOGY))
    assert "The clinician has left, others are still here" in words(row)
    assert row.select_one("form")


def test_nobody_reacts_for_a_visit_that_his_board_does_not_cover(client: Client, connection: Connection) -> None:
    theirs = a_patient_waits(connection, "4711", 9, department="20900")
    handle = open_board(connection, department=CARDIOLOGY).rstrip("/").rpartition("/")[2]
    client.post(reverse("board_noticed", args=[handle, theirs.pk]))
    assert Visit.objects.get(pk=theirs.pk).noticed_at is None


def alerts(client: Client, visit: Visit) -> bool:
    [row] = rows(client, open_board(visit.connection, department=CARDIOLOGY))
    return row.select_one("form") is not None


def test_who_is_left_alone_waits_since_the_clinician_left(client: Client, connection: Connection) -> None:
    visit = a_visit(connection, "4711")
    carla, pia = factories.participant(visit, "provider"), factories.participant(visit)
    tell(visit, carla, Fact.Kind.CONNECTED, 41)
    tell(visit, pia, Fact.Kind.SENT, 41)
    tell(visit, pia, Fact.Kind.CONNECTED, 40)
    tell(visit, carla, Fact.Kind.DISCONNECTED, 1)
    [row] = rows(client, open_board(connection, department=CARDIOLOGY))
    assert words(row.select_one(".wait")) == "1 minute"
    assert row.select_one("form") is None
    tell(visit, carla, Fact.Kind.CONNECTED, 0.9)  # back after six seconds: nobody waits
    [row] = rows(client, open_board(connection, department=CARDIOLOGY))
    assert row.select_one(".wait") is None


def waits(client: Client, visit: Visit) -> str:
    [row] = rows(client, open_board(visit.connection, department=CARDIOLOGY))
    return words(row.select("td")[2])


def test_the_way_from_our_page_to_the_lobby_is_one_wait_and_stays_noticed(
    client: Client, connection: Connection
) -> None:
    visit = a_visit(connection, "4711", noticed_at=timezone.now() - timedelta(minutes=6))
    carla, pia = factories.participant(visit, "provider"), factories.participant(visit)
    for kind, minutes in (
        (Fact.Kind.WAITING, 20),
        (Fact.Kind.SENT, 5),
        (Fact.Kind.LOBBY, 4),
        (Fact.Kind.DISCONNECTED, 3),
        (Fact.Kind.LOBBY, 2),
    ):
        tell(visit, pia, kind, minutes)
        away = kind == Fact.Kind.DISCONNECTED
        assert waits(client, visit).startswith("nobody" if away else "20 minutes"), kind
        assert not alerts(client, visit), "somebody has reacted to this wait"
    tell(visit, pia, Fact.Kind.CONNECTED, 1.8)  # let in by a nurse
    assert waits(client, visit).startswith("20 minutes"), "no clinician is there"
    tell(visit, carla, Fact.Kind.CONNECTED, 1.5)
    assert waits(client, visit) == "nobody"
    tell(visit, pia, Fact.Kind.LOBBY, 1.2)
    assert waits(client, visit).startswith("1 minute "), "he had met her"


def test_who_was_away_for_longer_waits_anew(client: Client, connection: Connection) -> None:
    visit = a_visit(connection, "4711")
    pia = factories.participant(visit)
    for kind, minutes in ((Fact.Kind.SENT, 20), (Fact.Kind.LOBBY, 19), (Fact.Kind.DISCONNECTED, 9)):
        tell(visit, pia, kind, minutes)
    tell(visit, pia, Fact.Kind.LOBBY, 4)
    assert waits(client, visit).startswith("4 minutes")


def test_patients_of_a_group_whom_nobody_can_tell_apart_are_counted_once(
    client: Client, connection: Connection
) -> None:
    visit = a_visit(connection, "4711")
    carla, patients = factories.participant(visit, "provider"), [factories.participant(visit) for _ in range(2)]
    for minutes, one in enumerate(patients):
        tell(visit, one, Fact.Kind.WAITING, 9 - minutes)
        tell(visit, one, Fact.Kind.SENT, 4 - minutes)
        tell(visit, one, Fact.Kind.LOBBY, 3 - minutes)
    assert (waits(client, visit).startswith("9 minutes"), "2 people" in waits(client, visit)) == (True, True)
    tell(visit, carla, Fact.Kind.CONNECTED, 1.5)
    for one in patients:
        tell(visit, one, Fact.Kind.CONNECTED, 1)
    assert waits(client, visit) == "nobody"


def test_an_alert_that_was_noticed_comes_again_when_the_clinician_leaves_later(
    client: Client, connection: Connection
) -> None:
    visit = a_visit(connection, "4711", noticed_at=timezone.now() - timedelta(minutes=20))
    carla, pia = factories.participant(visit, "provider"), factories.participant(visit)
    tell(visit, pia, Fact.Kind.SENT, 31)
    tell(visit, pia, Fact.Kind.CONNECTED, 30)
    assert not alerts(client, visit)
    tell(visit, carla, Fact.Kind.CONNECTED, 18)
    tell(visit, carla, Fact.Kind.DISCONNECTED, 6)
    assert alerts(client, visit)


def test_in_a_group_one_press_mutes_those_who_wait_and_nobody_who_comes_later(
    client: Client, connection: Connection
) -> None:
    visit = a_patient_waits(connection, "4711", 30, noticed_at=timezone.now() - timedelta(minutes=20))
    assert not alerts(client, visit)
    late = factories.participant(visit)
    tell(visit, late, Fact.Kind.WAITING, 7)
    assert alerts(client, visit)
    Visit.objects.filter(pk=visit.pk).update(noticed_at=timezone.now() - timedelta(minutes=6))
    assert not alerts(client, visit)


def test_who_was_sent_rings_nowhere_where_nobody_tells_whether_he_has_come(
    client: Client, connection: Connection
) -> None:
    visit = a_visit(connection, "4711")
    tell(visit, factories.participant(visit), Fact.Kind.SENT, 40)
    assert alerts(client, visit)
    visit.refresh_from_db()
    visit.seal("join_url", "https://teams.example/l/1")
    visit.presence_live = False
    visit.save()
    assert not alerts(client, visit)
