"""Suspend, resume and withdraw: at once, with a reason, by those whom the connection concerns."""

from collections.abc import Iterator
from dataclasses import dataclass

import psycopg
import pytest
from psycopg.rows import DictRow

from sandbox.launcher.house import House
from tests.portal import steps
from tests.portal.remembered import Remembered, remembering
from tests.portal.steps import Shown, Visitor
from tests.stories.people import fhir_base

SUSPEND, RESUME, WITHDRAW = "Suspend launches", "Resume launches", "Withdraw the proposal"
SAY_WHY = "Say why: the other side reads it. Nothing was changed."
OVERTAKEN = "This was changed in the meantime."
PRODUCTION = "interconnect-prd"
Database = psycopg.Connection[DictRow]


@dataclass(frozen=True)
class Desk:
    """Both sides of a connection that is live, signed in, and how all of it is brought back."""

    ada: Visitor
    ben: Visitor
    page: str
    approved: Remembered


@pytest.fixture(scope="module")
def desk(shared_house: House, shared_database: Database) -> Iterator[Desk]:
    ada = steps.administrator(shared_house)
    ben, records = steps.approved(shared_house, ada)
    with remembering(shared_database) as approved:
        yield Desk(ada, ben, f"/configure/{records.path.split('/')[2]}/", approved)


@pytest.fixture
def ada(desk: Desk) -> Visitor:
    """The administrator, on the day of the approval."""
    desk.approved.bring_back()
    return desk.ada


@pytest.fixture
def live(desk: Desk, ada: Visitor) -> tuple[Visitor, str]:
    """The approver of a connection that is live, and the connection's page."""
    return desk.ben, desk.page


def proposed(ada: Visitor, approver: str = "Ben Okafor") -> str:
    """Submit the live connection anew and return its page."""
    return steps.submit(ada, approver=approver).path


def first_proposed(ada: Visitor) -> str:
    """Submit a connection that was never approved and return its page."""
    return steps.submit(ada, base_url=f"{ada.urls['epic']}/{PRODUCTION}/api/FHIR/R4").path


def launch(house: House, page: str) -> Shown:
    """What the EHR's button reaches first: the EHR's own authorization, or our page that says why not."""
    query = f"iss={fhir_base(house.urls)}&launch=l1"
    return Visitor(house).open(f"/launch/{page.split('/')[2]}/patient/?{query}", follow=False)


def goes_through(house: House, page: str) -> bool:
    answer = launch(house, page).response
    return answer.status_code == 302 and answer.headers["Location"].startswith(house.urls["epic"])


def history(page: Shown) -> list[list[str]]:
    """What, who and why, newest first."""
    rows = [[steps.words(cell) for cell in row.find_all("td")] for row in page.soup.select("table.data tbody tr")]
    return [[what, who, why] for what, who, _, why in rows]


def decisions(database: Database, page: str) -> list[str]:
    query = "SELECT kind FROM connector_decision JOIN connector_connection AS one ON one.id = connection_id"
    rows = database.execute(f"{query} WHERE ref = %s ORDER BY at".encode(), [page.split("/")[2]])
    return [row["kind"] for row in rows]


def posted(visitor: Visitor, page: str, **sent: str) -> Shown:
    """Send the form by hand, as somebody may who has never seen it."""
    visitor.open("/signin/")
    data = {"csrfmiddlewaretoken": visitor.cookies["csrf"]} | sent
    answer = visitor.post(f"{visitor.urls['web']}{page}act/", data=data, timeout=steps.SECONDS)
    return Shown(answer)


def test_suspended_stops_launches_at_once_and_resumed_lets_them_through(
    shared_house: House, ada: Visitor, live: tuple[Visitor, str], shared_database: Database
) -> None:
    _, page = live
    assert goes_through(shared_house, page)
    shown = ada.press(ada.open(page), SUSPEND, reason="The EHR is being upgraded.")
    assert "Suspended. Launches stop now" in shown.text
    told = launch(shared_house, page)
    assert (told.heading, told.status) == ("Video visits are switched off for now", 403)
    shown = ada.press(shown, RESUME, reason="It is done.")
    assert "Resumed. Launches work again." in shown.text
    assert goes_through(shared_house, page)
    assert history(shown)[:2] == [
        ["Resumed, revision 1", "Ada Lindqvist", "It is done."],
        ["Suspended, revision 1", "Ada Lindqvist", "The EHR is being upgraded."],
    ]
    assert decisions(shared_database, page) == ["approve", "suspend", "resume"]


def test_the_approver_suspends_and_the_administrator_reads_why(
    shared_house: House, ada: Visitor, live: tuple[Visitor, str]
) -> None:
    ben, page = live
    ben.press(ben.open(page), SUSPEND, reason="Wrong patients were shown.")
    assert not goes_through(shared_house, page)
    shown = ada.open(page)
    assert history(shown)[0] == ["Suspended, revision 1", "Ben Okafor", "Wrong patients were shown."]
    assert "Suspended" in ada.open("/configure/").text


def test_each_is_a_line_of_the_trail_without_the_reason(
    ada: Visitor, live: tuple[Visitor, str], shared_database: Database
) -> None:
    ada.press(ada.press(ada.open(live[1]), SUSPEND, reason="Secret words."), RESUME, reason="Secret words.")
    rows = shared_database.execute("SELECT event, detail FROM connector_entry ORDER BY id").fetchall()
    assert [row["event"] for row in rows][-2:] == ["revision-suspend", "revision-resume"]
    assert "Secret" not in str(rows)


def test_a_withdrawn_proposal_leaves_the_live_settings_as_they_are(
    shared_house: House, ada: Visitor, live: tuple[Visitor, str]
) -> None:
    page = proposed(ada)
    assert page == live[1]
    shown = ada.press(ada.open(page), WITHDRAW, reason="Too early.")
    assert "Withdrawn." in shown.text
    assert history(shown)[0] == ["Withdrawn, revision 2", "Ada Lindqvist", "Too early."]
    assert (shown.has_button(WITHDRAW), shown.has_button(SUSPEND)) == (False, True)
    assert "Approved" in ada.open("/configure/").text
    assert goes_through(shared_house, page)


def test_a_first_proposal_that_was_withdrawn_waits_for_nobody(shared_house: House, ada: Visitor) -> None:
    page = first_proposed(ada)
    shown = ada.press(ada.open(page), WITHDRAW, reason="The wrong address.")
    assert not any(shown.has_button(name) for name in (WITHDRAW, SUSPEND, RESUME))
    assert "Withdrawn" in ada.open("/configure/").text
    assert not goes_through(shared_house, page)
    assert launch(shared_house, page).heading == "Video visits are not switched on yet"


def test_who_was_named_by_the_proposal_alone_withdraws_it_and_is_told_so(
    shared_house: House, ada: Visitor, live: tuple[Visitor, str]
) -> None:
    page = proposed(ada, "Nora Novak")
    nora = Visitor(shared_house)
    nora.sign_in("Nora Novak")
    told = nora.press(nora.open(page), WITHDRAW, reason="Not mine to decide.")
    assert (told.path, told.status) == ("/approve/", 200)
    assert "Withdrawn." in told.text
    assert history(ada.open(page))[0] == ["Withdrawn, revision 2", "Nora Novak", "Not mine to decide."]


@pytest.mark.parametrize("action", ["suspend", "resume"])
def test_who_is_named_by_the_proposal_alone_neither_suspends_nor_resumes(
    action: str, shared_house: House, ada: Visitor, live: tuple[Visitor, str], shared_database: Database
) -> None:
    page = proposed(ada, "Nora Novak")
    if action == "resume":
        ada.press(ada.open(page), SUSPEND, reason="The EHR is being upgraded.")
    before = decisions(shared_database, page)
    nora = Visitor(shared_house)
    nora.sign_in("Nora Novak")
    assert nora.open(page).status == 200
    steps.explained(shared_house, posted(nora, page, action=action, reason="Because."), "There is no page here", 404)
    assert decisions(shared_database, page) == before


def test_the_approver_of_the_live_settings_acts_in_his_own_name_while_somebody_elses_proposal_waits(
    ada: Visitor, live: tuple[Visitor, str]
) -> None:
    ben, page = live
    proposed(ada, "Nora Novak")
    shown = ben.press(ben.open(page), SUSPEND, reason="Stop.")
    assert history(shown)[0] == ["Suspended, revision 1", "Ben Okafor", "Stop."]


@pytest.mark.parametrize("reason", ["", " \n "], ids=["empty", "blank"])
def test_without_a_reason_nothing_changes_and_the_page_says_so(
    reason: str, shared_house: House, ada: Visitor, live: tuple[Visitor, str], shared_database: Database
) -> None:
    page = live[1]
    shown = ada.press(ada.open(page), SUSPEND, reason=reason)
    assert SAY_WHY in shown.text
    assert (goes_through(shared_house, page), decisions(shared_database, page)) == (True, ["approve"])


def test_without_a_reason_nothing_is_withdrawn(ada: Visitor, shared_database: Database) -> None:
    page = first_proposed(ada)
    shown = ada.press(ada.open(page), WITHDRAW)
    assert SAY_WHY in shown.text
    assert (shown.has_button(WITHDRAW), decisions(shared_database, page)) == (True, [])


@pytest.mark.parametrize("button", [SUSPEND, RESUME, WITHDRAW])
def test_what_is_sent_twice_is_done_once(
    button: str, ada: Visitor, live: tuple[Visitor, str], shared_database: Database
) -> None:
    page = ada.open(live[1])
    if button == RESUME:
        page = ada.press(page, SUSPEND, reason="First.")
    if button == WITHDRAW:
        page = ada.open(proposed(ada))
    ada.press(page, button, reason="Once.")
    before = decisions(shared_database, live[1])
    assert OVERTAKEN in ada.press(page, button, reason="Twice.").text
    assert decisions(shared_database, live[1]) == before


@pytest.mark.parametrize("name", ["Nora Novak", "Lena Larsen"], ids=["a colleague", "another organization's"])
@pytest.mark.parametrize("action", ["suspend", "withdraw"])
def test_a_stranger_finds_nothing_and_changes_nothing(
    action: str, name: str, shared_house: House, live: tuple[Visitor, str], shared_database: Database
) -> None:
    stranger = Visitor(shared_house)
    stranger.sign_in(name)
    answer = posted(stranger, live[1], action=action, reason="Because.")
    steps.explained(shared_house, answer, "There is no page here", 404)
    assert (goes_through(shared_house, live[1]), decisions(shared_database, live[1])) == (True, ["approve"])


@pytest.mark.parametrize("action", ["approve", "delete", ""])
def test_what_is_none_of_the_three_is_not_there(
    action: str, ada: Visitor, live: tuple[Visitor, str], shared_database: Database
) -> None:
    assert posted(ada, live[1], action=action, reason="Because.").status == 404
    assert ada.open(f"{live[1]}act/").status == 405
    assert decisions(shared_database, live[1]) == ["approve"]
