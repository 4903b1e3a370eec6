"""Suspend, resume and withdraw: at once, with a reason, by those whom the connection concerns."""

import psycopg
import pytest
from psycopg.rows import DictRow

from sandbox.launcher.house import House
from tests.portal import steps
from tests.portal.steps import Shown, Visitor
from tests.stories.people import fhir_base

SUSPEND, RESUME, WITHDRAW = "Suspend launches", "Resume launches", "Withdraw the proposal"
SAY_WHY = "Say why: the other side reads it. Nothing was changed."
OVERTAKEN = "This was changed in the meantime."
Database = psycopg.Connection[DictRow]


@pytest.fixture
def ada(house: House) -> Visitor:
    return steps.administrator(house)


@pytest.fixture
def live(house: House, ada: Visitor) -> tuple[Visitor, str]:
    """The approver of a connection that is live, and the connection's page."""
    ben, records = steps.approved(house, ada)
    return ben, f"/configure/{records.path.split('/')[2]}/"


def proposed(ada: Visitor, approver: str = "Ben Okafor") -> str:
    """Submit and return the connection's page."""
    return steps.submit(ada, approver=approver).path


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


def decisions(database: Database) -> list[str]:
    return [row["kind"] for row in database.execute("SELECT kind FROM connector_decision ORDER BY at").fetchall()]


def posted(visitor: Visitor, page: str, **sent: str) -> Shown:
    """Send the form by hand, as somebody may who has never seen it."""
    visitor.open("/signin/")
    data = {"csrfmiddlewaretoken": visitor.cookies["csrf"]} | sent
    answer = visitor.post(f"{visitor.urls['web']}{page}act/", data=data, timeout=steps.SECONDS)
    return Shown(answer)


def test_suspended_stops_launches_at_once_and_resumed_lets_them_through(
    house: House, ada: Visitor, live: tuple[Visitor, str], house_database: Database
) -> None:
    _, page = live
    assert goes_through(house, page)
    shown = ada.press(ada.open(page), SUSPEND, reason="The EHR is being upgraded.")
    assert "Suspended. Launches stop now" in shown.text
    told = launch(house, page)
    assert (told.heading, told.status) == ("Video visits are switched off for now", 403)
    shown = ada.press(shown, RESUME, reason="It is done.")
    assert "Resumed. Launches work again." in shown.text
    assert goes_through(house, page)
    assert history(shown)[:2] == [
        ["Resumed, revision 1", "Ada Lindqvist", "It is done."],
        ["Suspended, revision 1", "Ada Lindqvist", "The EHR is being upgraded."],
    ]
    assert decisions(house_database) == ["approve", "suspend", "resume"]


def test_the_approver_suspends_and_the_administrator_reads_why(
    house: House, ada: Visitor, live: tuple[Visitor, str]
) -> None:
    ben, page = live
    ben.press(ben.open(page), SUSPEND, reason="Wrong patients were shown.")
    assert not goes_through(house, page)
    shown = ada.open(page)
    assert history(shown)[0] == ["Suspended, revision 1", "Ben Okafor", "Wrong patients were shown."]
    assert "Suspended" in ada.open("/configure/").text


def test_each_is_a_line_of_the_trail_without_the_reason(
    ada: Visitor, live: tuple[Visitor, str], house_database: Database
) -> None:
    ada.press(ada.press(ada.open(live[1]), SUSPEND, reason="Secret words."), RESUME, reason="Secret words.")
    rows = house_database.execute("SELECT event, detail FROM connector_entry ORDER BY id").fetchall()
    assert [row["event"] for row in rows][-2:] == ["revision-suspend", "revision-resume"]
    assert "Secret" not in str(rows)


def test_a_withdrawn_proposal_leaves_the_live_settings_as_they_are(
    house: House, ada: Visitor, live: tuple[Visitor, str]
) -> None:
    page = proposed(ada)
    assert page == live[1]
    shown = ada.press(ada.open(page), WITHDRAW, reason="Too early.")
    assert "Withdrawn." in shown.text
    assert history(shown)[0] == ["Withdrawn, revision 2", "Ada Lindqvist", "Too early."]
    assert (shown.has_button(WITHDRAW), shown.has_button(SUSPEND)) == (False, True)
    assert "Approved" in ada.open("/configure/").text
    assert goes_through(house, page)


def test_a_first_proposal_that_was_withdrawn_waits_for_nobody(house: House, ada: Visitor) -> None:
    page = proposed(ada)
    shown = ada.press(ada.open(page), WITHDRAW, reason="The wrong address.")
    assert not any(shown.has_button(name) for name in (WITHDRAW, SUSPEND, RESUME))
    assert "Withdrawn" in ada.open("/configure/").text
    assert not goes_through(house, page)


def test_who_was_named_by_the_proposal_alone_withdraws_it_and_is_told_so(
    house: House, ada: Visitor, live: tuple[Visitor, str]
) -> None:
    page = proposed(ada, "Nora Novak")
    nora = Visitor(house)
    nora.sign_in("Nora Novak")
    told = nora.press(nora.open(page), WITHDRAW, reason="Not mine to decide.")
    assert (told.path, told.status) == ("/approve/", 200)
    assert "Withdrawn." in told.text
    assert history(ada.open(page))[0] == ["Withdrawn, revision 2", "Nora Novak", "Not mine to decide."]


def test_the_approver_of_the_live_settings_acts_in_his_own_name_while_somebody_elses_proposal_waits(
    ada: Visitor, live: tuple[Visitor, str]
) -> None:
    ben, page = live
    proposed(ada, "Nora Novak")
    shown = ben.press(ben.open(page), SUSPEND, reason="Stop.")
    assert history(shown)[0] == ["Suspended, revision 1", "Ben Okafor", "Stop."]


@pytest.mark.parametrize("reason", ["", " \n "], ids=["empty", "blank"])
def test_without_a_reason_nothing_changes_and_the_page_says_so(
    reason: str, house: House, ada: Visitor, live: tuple[Visitor, str], house_database: Database
) -> None:
    page = live[1]
    shown = ada.press(ada.open(page), SUSPEND, reason=reason)
    assert SAY_WHY in shown.text
    assert (goes_through(house, page), decisions(house_database)) == (True, ["approve"])


def test_without_a_reason_nothing_is_withdrawn(ada: Visitor, house_database: Database) -> None:
    shown = ada.press(ada.open(proposed(ada)), WITHDRAW)
    assert SAY_WHY in shown.text
    assert (shown.has_button(WITHDRAW), decisions(house_database)) == (True, [])


@pytest.mark.parametrize("button", [SUSPEND, RESUME, WITHDRAW])
def test_what_is_sent_twice_is_done_once(
    button: str, ada: Visitor, live: tuple[Visitor, str], house_database: Database
) -> None:
    page = ada.open(live[1])
    if button == RESUME:
        page = ada.press(page, SUSPEND, reason="First.")
    if button == WITHDRAW:
        page = ada.open(proposed(ada))
    ada.press(page, button, reason="Once.")
    before = decisions(house_database)
    assert OVERTAKEN in ada.press(page, button, reason="Twice.").text
    assert decisions(house_database) == before


@pytest.mark.parametrize("name", ["Nora Novak", "Lena Larsen"], ids=["a colleague", "another organization's"])
@pytest.mark.parametrize("action", ["suspend", "withdraw"])
def test_a_stranger_finds_nothing_and_changes_nothing(
    action: str, name: str, house: House, live: tuple[Visitor, str], house_database: Database
) -> None:
    stranger = Visitor(house)
    stranger.sign_in(name)
    answer = posted(stranger, live[1], action=action, reason="Because.")
    steps.explained(house, answer, "There is no page here", 404)
    assert (goes_through(house, live[1]), decisions(house_database)) == (True, ["approve"])


@pytest.mark.parametrize("action", ["approve", "delete", ""])
def test_what_is_none_of_the_three_is_not_there(
    action: str, ada: Visitor, live: tuple[Visitor, str], house_database: Database
) -> None:
    assert posted(ada, live[1], action=action, reason="Because.").status == 404
    assert ada.open(f"{live[1]}act/").status == 405
    assert decisions(house_database) == ["approve"]
