"""A line of the board: who waits and for how long, who is connected since when, and nobody's name."""

import re

import pytest
from django.db import connection as database
from django.test import Client
from django.test.utils import CaptureQueriesContext

from connector.models import Connection
from tests.portal.steps import words
from tests.visits import factories
from tests.visits.test_board.boards import CARDIOLOGY, a_patient_waits, a_visit, open_board, rows, tell
from visits.models import Fact, Visit

pytestmark = pytest.mark.django_db


def test_who_has_waited_longest_is_first_with_words_and_a_level(client: Client, connection: Connection) -> None:
    for session, minutes in {"4711": 1, "4712": 7, "4713": 3}.items():
        a_patient_waits(connection, session, minutes)
    found = rows(client, open_board(connection, department=CARDIOLOGY))
    assert [words(row.td).split()[0] for row in found] == ["4712", "4713", "4711"]
    waits = [words(row.select_one(".wait")) for row in found]
    assert waits == ["7 minutes", "3 minutes", "1 minute"]
    assert [row.select_one(".wait")["class"][1] for row in found] == ["wait--alert", "wait--long", "wait--calm"]  # type: ignore[index]
    assert "too long" in words(found[0])


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


def test_a_line_tells_since_when_either_side_is_connected(client: Client, connection: Connection) -> None:
    visit = a_visit(connection, "4711")
    carla, pia = factories.participant(visit, "provider"), factories.participant(visit)
    tell(visit, pia, Fact.Kind.SENT, 4)
    tell(visit, pia, Fact.Kind.CONNECTED, 3)
    assert "1 no clinician, patient's side since" in in_call(client, connection)
    tell(visit, carla, Fact.Kind.CONNECTED, 2)
    assert re.search(r"^2 clinician since .+, patient's side since", in_call(client, connection))


def test_a_line_says_that_live_presence_is_off_and_never_that_nobody_is_there(
    client: Client, connection: Connection
) -> None:
    visit = a_visit(connection, "4711", presence_live=False)
    assert in_call(client, connection) == "nobody"  # no meeting is open yet
    visit.refresh_from_db()
    visit.seal("join_url", "https://teams.example/l/1")
    visit.save()
    assert in_call(client, connection) == "live presence is off"
    Visit.objects.update(presence_live=True)
    assert in_call(client, connection) == "nobody"


def in_call(client: Client, connection: Connection) -> str:
    [row] = rows(client, open_board(connection, department=CARDIOLOGY))
    return words(row.select("td")[3])
