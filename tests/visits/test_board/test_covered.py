"""Which visits a board covers, whenever their rows were made, and for how long it does."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from connector.models import Connection
from tests.portal.steps import words
from tests.visits import factories
from tests.visits.pressing import heading
from tests.visits.test_board.boards import CARDIOLOGY, a_patient_waits, a_visit, open_board, rows, tell
from visits import board, browsers, handles, meeting, presence
from visits.models import Fact, Launch, Visit

pytestmark = pytest.mark.django_db


def test_a_board_covers_its_department_of_its_connection_and_nothing_else(
    client: Client, connection: Connection
) -> None:
    other = factories.connection()
    a_patient_waits(connection, "4711", 1)
    a_patient_waits(connection, "4712", 1, department="20900")
    a_patient_waits(other, "4713", 1)
    a_patient_waits(connection, "4714", 1, ended_at=timezone.now() - timedelta(minutes=16))
    a_patient_waits(connection, "4715", 1, test=True)
    found = rows(client, open_board(connection, department=CARDIOLOGY))
    assert [words(row.td).split()[0] for row in found] == ["4711"]


def test_without_a_department_it_covers_the_visits_of_its_clinician(client: Client, connection: Connection) -> None:
    launched = a_visit(connection, "4711")
    carla = factories.participant(launched, "provider")
    a_patient_waits(connection, "4712", 1, clinician_hash=carla.ehr_user_hash)  # whom the patient's launch named
    a_patient_waits(connection, "4713", 1)
    found = rows(client, open_board(connection, ehr_user_hash=carla.ehr_user_hash))
    assert sorted(words(row.td).split()[0] for row in found) == ["4711", "4712"]


def test_a_visit_of_which_no_department_is_known_is_on_its_clinicians_board_and_counted_on_the_others(
    client: Client, connection: Connection
) -> None:
    carla = factories.participant(a_visit(connection, "4711"), "provider")
    hers = a_patient_waits(connection, "4712", 1, department="", clinician_hash=carla.ehr_user_hash)
    other = a_patient_waits(connection, "4713", 1, department="")
    theirs = a_patient_waits(connection, "4714", 1, department="20900")
    for visit in (hers, other, theirs, a_patient_waits(factories.connection(), "4715", 1, department="")):
        presence.refold(visit.pk)
    clinician = open_board(connection, department=CARDIOLOGY, ehr_user_hash=carla.ehr_user_hash)
    desk = open_board(connection, department=CARDIOLOGY)
    for board_of, shown, more in (
        (clinician, ["4711", "4712"], "In 1 more visit"),
        (desk, ["4711"], "In 2 more visits"),
    ):
        page = client.get(board_of).content.decode()
        assert sorted(words(row.td).split()[-1] for row in rows(client, board_of)) == shown
        assert more in page
        assert "4713" not in page
    tell(other, factories.participant(other, "provider"), Fact.Kind.CONNECTED, 0.5)
    tell(hers, factories.participant(hers, "provider"), Fact.Kind.CONNECTED, 0.5)
    assert "more visit" not in client.get(desk).content.decode(), "their clinicians are there"


def test_a_handle_of_a_visit_opens_no_board_and_a_boards_no_visit(client: Client, connection: Connection) -> None:
    board = open_board(connection, department=CARDIOLOGY).rstrip("/").rpartition("/")[2]
    assert client.get(reverse("visit", args=[board])).status_code == 410
    visit = factories.visit(connection)
    row = Launch(connection=connection, door="patient", participant=factories.participant(visit))
    row.state_hash = browsers.hash_of(str(row.id))
    row.save(force_insert=True)
    assert client.get(reverse("board", args=[handles.issue(row)])).status_code == 410


def sessions(client: Client, connection: Connection) -> list[str]:
    found = rows(client, open_board(connection, department=CARDIOLOGY))
    return sorted(words(row.td).split()[-1] for row in found)


def yesterday(of: Connection, session: str, **more: Any) -> Visit:
    return a_visit(of, session, created_at=timezone.now() - timedelta(hours=13), **more)


def test_a_visit_of_today_is_on_the_board_though_somebody_pressed_yesterday(
    client: Client, connection: Connection
) -> None:
    now = timezone.now()
    yesterday(connection, "4711", starts_at=now + timedelta(hours=1))
    yesterday(connection, "4712", starts_at=now - timedelta(hours=13))
    yesterday(connection, "4713")
    yesterday(connection, "4714", ended_at=now - timedelta(minutes=5))
    a_visit(connection, "4715", starts_at=now + timedelta(hours=13))
    assert sessions(client, connection) == ["4711", "4714"]


def test_a_visit_that_began_anew_is_on_the_board_from_whoever_comes_first(
    client: Client, connection: Connection
) -> None:
    visit = yesterday(connection, "4711", ended_at=timezone.now() - timedelta(hours=12))
    visit.refresh_from_db()
    meeting.reopen(visit)
    assert (visit.generation, sessions(client, connection)) == (2, [])
    tell(visit, factories.participant(visit), Fact.Kind.WAITING, 1)
    presence.refold(visit.pk)
    [row] = rows(client, open_board(connection, department=CARDIOLOGY))
    assert "Patient waiting" in words(row)


def test_a_long_visit_stays_on_the_board(client: Client, connection: Connection) -> None:
    yesterday(connection, "4711", look_at=timezone.now() + timedelta(minutes=9))
    assert sessions(client, connection) == ["4711"]


def test_of_too_many_the_board_keeps_those_who_wait_then_open_meetings_then_the_newest(
    client: Client, connection: Connection
) -> None:
    now = timezone.now()
    waiting, oldest = a_patient_waits(connection, "waits", 7), a_visit(connection, "oldest")
    presence.refold(waiting.pk)
    a_visit(connection, "open", look_at=now, created_at=now - timedelta(hours=9))
    Visit.objects.filter(pk__in=(waiting.pk, oldest.pk)).update(created_at=now - timedelta(hours=10))
    for number in range(board.MOST_ROWS - 2):
        a_visit(connection, str(number))
    found = rows(client, open_board(connection, department=CARDIOLOGY))
    shown = [words(row.td).split()[-1] for row in found]
    assert (len(shown), shown[0]) == (board.MOST_ROWS, "waits")
    assert "open" in shown
    assert "oldest" not in shown


def test_a_board_whose_connection_is_suspended_says_so(client: Client, connection: Connection) -> None:
    visit = a_patient_waits(connection, "4711", 9)
    address = open_board(connection, department=CARDIOLOGY)
    assert client.get(address).status_code == 200
    connection.suspended = True
    connection.save(update_fields=["suspended"])
    shown = client.get(address, headers={"HX-Request": "true"})
    assert heading(shown) == ("Video visits are switched off for now", 403)
    assert shown["HX-Refresh"] == "true"  # the whole page says so
    handle = address.rstrip("/").rpartition("/")[2]
    assert client.post(reverse("board_noticed", args=[handle, visit.pk])).status_code == 403


def test_a_board_ends_with_the_shift_however_often_it_asks(client: Client, connection: Connection) -> None:
    address = open_board(connection, department=CARDIOLOGY)
    Launch.objects.update(created_at=timezone.now() - timedelta(hours=11, minutes=59))
    assert client.get(address).status_code == 200
    Launch.objects.update(created_at=timezone.now() - timedelta(hours=12, minutes=1))
    assert client.get(open_board(connection, department=CARDIOLOGY)).status_code == 200  # another press
    assert heading(client.get(address)) == ("Please press the button again", 410)
