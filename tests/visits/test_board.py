"""The board: who waits and for how long, who is connected, and an alert that stays until somebody reacts."""

from datetime import timedelta
from typing import Any

import pytest
from bs4 import BeautifulSoup, Tag
from django.db import connection as database
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from connector.models import Connection, Entry
from tests.portal.steps import words
from tests.visits import factories
from visits import browsers, facts, handles
from visits.models import Fact, Launch, Participant, Visit

pytestmark = pytest.mark.django_db
CARDIOLOGY = "10501"


@pytest.fixture
def connection() -> Connection:
    return factories.connection()


def open_board(of: Connection, **covers: str) -> str:
    """The address of a board that a launch has opened, in a browser without cookies."""
    row = Launch(connection=of, door="board", redeemed_at=timezone.now(), **covers)
    row.state_hash = browsers.hash_of(str(row.id))
    row.save(force_insert=True)
    return reverse("board", args=[handles.issue(row)])


def a_visit(of: Connection, session: str, department: str = CARDIOLOGY, **more: Any) -> Visit:
    made = factories.visit(of, session=session)
    Visit.objects.filter(pk=made.pk).update(department=department, **more)
    return made


def tell(visit: Visit, who: Participant, kind: Fact.Kind, minutes: float) -> None:
    """Somebody came to our page, so many minutes ago; or, a clinician, into the call."""
    source = facts.PAGE if kind in (Fact.Kind.WAITING, Fact.Kind.SENT) else "subscription:1"
    key, oid = (
        (str(who.id), "") if source == facts.PAGE else (f"roster {who.id}", str(who.user.oid if who.user else ""))
    )
    at = timezone.now() - timedelta(minutes=minutes)
    facts.record(
        visit, kind=kind, participant_key=key, at=at, source=source, event_id=f"{who.id} {kind} {minutes}", oid=oid
    )


def a_patient_waits(of: Connection, session: str, minutes: float, **more: Any) -> Visit:
    visit = a_visit(of, session, **more)
    tell(visit, factories.participant(visit), Fact.Kind.WAITING, minutes)
    return visit


def rows(client: Client, address: str) -> list[Tag]:
    shown = BeautifulSoup(client.get(address, headers={"HX-Request": "true"}).content, "html.parser")
    return shown.select("tbody tr")


def test_who_has_waited_longest_is_first_with_words_and_a_level(client: Client, connection: Connection) -> None:
    for session, minutes in {"4711": 1, "4712": 7, "4713": 3}.items():
        a_patient_waits(connection, session, minutes)
    found = rows(client, open_board(connection, department=CARDIOLOGY))
    assert [words(row.td).split()[0] for row in found] == ["4712", "4713", "4711"]
    waits = [words(row.select_one(".wait")) for row in found]
    assert waits == ["7 minutes", "3 minutes", "1 minute"]
    assert [row.select_one(".wait")["class"][1] for row in found] == ["wait--alert", "wait--long", "wait--calm"]  # type: ignore[index]
    assert "too long" in words(found[0])


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


def test_nobody_reacts_for_a_visit_that_his_board_does_not_cover(client: Client, connection: Connection) -> None:
    theirs = a_patient_waits(connection, "4711", 9, department="20900")
    handle = open_board(connection, department=CARDIOLOGY).rstrip("/").rpartition("/")[2]
    client.post(reverse("board_noticed", args=[handle, theirs.pk]))
    assert Visit.objects.get(pk=theirs.pk).noticed_at is None


def test_initials_are_shown_only_where_the_connection_allows_them(client: Client, connection: Connection) -> None:
    visit = a_patient_waits(connection, "4711", 1)
    visit.seal("initials", "P.S.")
    visit.save(update_fields=["initials_sealed"])
    assert "P.S." not in words(rows(client, open_board(connection, department=CARDIOLOGY))[0])
    factories.approve(connection, board_initials="shown")
    assert "P.S." in words(rows(client, open_board(connection, department=CARDIOLOGY))[0])


def test_a_board_of_fifty_visits_asks_as_often_as_one_of_two(client: Client, connection: Connection) -> None:
    def queries() -> int:
        address = open_board(connection, department=CARDIOLOGY)
        with CaptureQueriesContext(database) as asked:
            client.get(address)
        return len(asked)

    a_patient_waits(connection, "1", 1)
    a_patient_waits(connection, "2", 1)
    few = queries()
    for number in range(3, 51):
        a_patient_waits(connection, str(number), 1)
    assert queries() == few


def test_a_handle_of_a_visit_opens_no_board_and_a_boards_no_visit(client: Client, connection: Connection) -> None:
    board = open_board(connection, department=CARDIOLOGY).rstrip("/").rpartition("/")[2]
    assert client.get(reverse("visit", args=[board])).status_code == 410
    visit = factories.visit(connection)
    row = Launch(connection=connection, door="patient", participant=factories.participant(visit))
    row.state_hash = browsers.hash_of(str(row.id))
    row.save(force_insert=True)
    assert client.get(reverse("board", args=[handles.issue(row)])).status_code == 410
