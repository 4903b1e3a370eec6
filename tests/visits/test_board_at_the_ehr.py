"""The board as the EHR opens it, over plain HTTP: by a record of its own, for a department or for one clinician."""

from tests.portal.steps import Shown, Visitor, tell
from tests.stories.people import INSTANCE
from tests.visits.steps import CARLA, DAVID, PIA, Clinic, enter, until

DEPARTMENT = "&departmentId=%PERFDEPID;;; ; ;;NONE;%"


def open_board(clinic: Clinic, login: str) -> tuple[Visitor, Shown]:
    pressed = tell(clinic.house, "epic", f"{INSTANCE}/launches", record="board", user=login)
    visitor = clinic.visitor()
    return visitor, visitor.open(str(pressed["url"]))


def paste_board(clinic: Clinic, **changed: str) -> None:
    record = clinic.records["provider"]
    url = record["URL"].replace("/provider/", "/board/")
    clinic.paste("board", record | {"URL": url, "CONTEXT": "departmentId=%LOGINDEPTID%"} | changed)


def test_the_front_desk_sees_a_patient_who_waits_before_any_clinician_has_pressed(clinic: Clinic) -> None:
    paste_board(clinic)
    patient = clinic.records["patient"]
    clinic.paste("patient", patient | {"CONTEXT": patient["CONTEXT"] + DEPARTMENT})
    desk, board = open_board(clinic, DAVID)
    assert (board.heading, board.soup.select("tbody tr")) == ("Video visits department Cardiology", [])
    enter(clinic, PIA)
    board = until(desk, board, "Patient waiting")
    assert "770011" in board.text
    assert "Pia" not in board.response.text

    enter(clinic, CARLA)
    assert "770011" in desk.open(board.url).text


def test_without_a_department_the_board_is_its_clinicians_own(clinic: Clinic) -> None:
    paste_board(clinic, CONTEXT="externalId=%EXTERNALID%")
    enter(clinic, CARLA)
    _, hers = open_board(clinic, CARLA)
    _, his = open_board(clinic, DAVID)
    assert "770011" in hers.text
    assert "No video visits right now" in his.text
