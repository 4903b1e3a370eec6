"""The patient's initials, from the record's context to the board, and whose board a visit is on."""

from typing import Any

import pytest
from django.test import Client

from connector.agreement import Settings
from tests.portal.steps import words
from tests.visits import factories
from tests.visits.pressing import CLIENTS, CLINICIAN, PATIENT, PROXY, arrive
from tests.visits.test_board.boards import CARDIOLOGY, open_board, rows
from tests.visits.test_writeback.ehr import Ehr
from visits import arrival
from visits.models import Visit

pytestmark = pytest.mark.django_db


def press(ehr: Ehr, who: str, door: str = "", **context: Any) -> Visit:
    arrive(ehr, Client(), who, door, departmentId=CARDIOLOGY, **context)
    return Visit.objects.latest("created_at")  # one is the EHR's own


def shown(ehr: Ehr) -> str:
    [row] = rows(Client(), open_board(ehr.connection, department=CARDIOLOGY))
    return words(row.td)


def test_initials_are_kept_sealed_and_shown(ehr: Ehr) -> None:
    factories.approve(ehr.connection, board_initials="shown", **CLIENTS)
    visit = press(ehr, PATIENT, initials=" P.S. ")
    assert "P.S." not in visit.initials_sealed
    assert visit.unseal("initials") == "P.S."
    assert shown(ehr) == "4711 P.S."
    press(ehr, CLINICIAN)  # whose record names none
    assert shown(ehr) == "4711 P.S."


@pytest.mark.parametrize("strange", ["%INITIALS%", ["P.S."], {"value": "P.S."}, None], ids=str)
def test_initials_that_are_none_keep_nobody_out(ehr: Ehr, strange: object) -> None:
    factories.approve(ehr.connection, board_initials="shown", **CLIENTS)
    assert press(ehr, PATIENT, initials=strange).initials_sealed == ""
    assert shown(ehr) == "4711"


def test_initials_are_not_kept_where_the_connection_hides_them(ehr: Ehr) -> None:
    assert press(ehr, PATIENT, initials="P.S.").initials_sealed == ""


def test_a_conference_has_no_initials(ehr: Ehr) -> None:
    factories.approve(ehr.connection, board_initials="shown", **CLIENTS)
    assert press(ehr, PATIENT, "group-patient", initials="P.S.").initials_sealed == ""
    assert press(ehr, PROXY, "group-patient", initials="T.A.").initials_sealed == ""
    assert shown(ehr) == "4711"


def test_a_press_takes_away_nothing_that_another_told_at_the_same_time(ehr: Ehr) -> None:
    factories.approve(ehr.connection, board_initials="shown", **CLIENTS)
    read_before = press(ehr, PATIENT)
    told = press(ehr, PROXY, clinician="Practitioner/e1", initials="P.S.")
    assert told.clinician_hash
    arrival._keep_for_the_board(read_before, (), {}, Settings(board_initials="shown"))
    now = Visit.objects.get(pk=told.pk)
    assert (now.clinician_hash, now.unseal("initials")) == (told.clinician_hash, "P.S.")
