"""After a whole visit, mishaps included, and every page on which people look back at it: no name, id, token or link is
where the product may not keep it."""

import base64
import json
import pickle
from collections.abc import Callable, Iterator
from urllib.parse import parse_qs, quote, urlsplit

import psycopg
import pytest
from django.core import signing
from playwright.sync_api import Page, expect
from psycopg.rows import DictRow

from sandbox.launcher.house import House
from tests.portal.steps import Visitor, tell
from tests.stories import people
from tests.stories.people import INSTANCE
from tests.stories.traces import ADDRESS, BROKER, CACHE, JSON_WEB_TOKEN, Traces, kept_by, named, revealed, word
from tests.visits import steps

Person = Callable[..., Page]
MILLISECONDS_TO_THE_CHART = 45_000
GUEST = "Grandmother"  # what the patient types at the door of Teams

BUSINESS_RECORDS = {
    "connector_administrator.name",
    "connector_revision.approver_name",
    "connector_revision.submitted_by_name",
    "connector_decision.actor_name",
    "connector_change.actor_name",
    # Mails to staff: who proposed, decided or is named, and to whom it goes.
    "connector_notice.detail",
    "connector_notice.recipient",
}


@pytest.fixture
def traces(house: House, house_database: psycopg.Connection[DictRow]) -> Iterator[Traces]:
    traces = Traces(house, house_database)
    with traces.listening():
        yield traces


def mishaps(traces: Traces, schedule: Page) -> None:
    """A launch from elsewhere, one whose state has expired, and a sign-in that is cancelled."""
    house = traces.house
    [connection] = traces.database.execute("SELECT ref FROM connector_connection").fetchall()
    launch = f"{house.urls['web']}/launch/{connection['ref']}/provider/"
    astray = traces.follow(schedule.context.new_page())
    astray.goto(f"{launch}?iss=https%3A%2F%2Fehr.elsewhere.example&launch=astray")
    expect(astray.get_by_role("heading")).to_contain_text(["This record belongs to another EHR"])

    late, pressed = (
        Visitor(house),
        tell(house, "epic", f"{INSTANCE}/launches", record="patient", user="pia", csn="770011"),
    )
    callback = steps.walk(late, pressed["url"], lambda address: "/callback?" in address)
    traces.database.execute("UPDATE visits_launch SET created_at = created_at - interval '1 hour'")
    assert late.open(callback).status == 400
    traces.texts[ADDRESS] |= {pressed["url"], callback}

    cancelled = people.begin_visit(schedule)
    cancelled.get_by_role("button", name="Cancel").click()
    expect(cancelled.get_by_role("heading", name="You cancelled the sign-in")).to_be_visible()
    cancelled.close()


def visit(traces: Traces, schedule: Page, mychart: Page) -> None:
    """The visit itself, looked at whenever something new may have been kept."""
    status = people.status_of(schedule)
    waiting = people.begin_visit(mychart)
    expect(status).to_contain_text("Waiting", timeout=MILLISECONDS_TO_THE_CHART)
    waiting.get_by_role("link", name="Check camera and microphone").click()
    waiting.get_by_role("link", name="Back to your visit").click()
    call = people.begin_visit(schedule)
    traces.look()
    people.pick(call, "Carla Mendes")
    expect(call.get_by_role("heading", name="Is this you?")).to_be_visible()
    traces.look()
    call.get_by_role("button", name="Yes, both are mine").click()
    people.join_as_member(call)
    expect(waiting.get_by_role("heading", name="Your visit is ready")).to_be_visible(timeout=15_000)
    waiting.get_by_role("link", name="Go to your visit").click()
    people.join_as_guest(waiting, GUEST)
    people.admit(call, GUEST)
    expect(status.locator(".presence.connected")).to_have_count(2, timeout=MILLISECONDS_TO_THE_CHART)
    traces.look()
    during(traces, schedule)
    waiting.get_by_role("button", name="Leave").click()
    call.get_by_role("button", name="Leave").click()
    expect(status.locator(".presence.disconnected")).to_have_count(2, timeout=MILLISECONDS_TO_THE_CHART)
    traces.look()


def during(traces: Traces, schedule: Page) -> None:
    """What the clinician looks at while the visit runs: its page and timeline, the board, the list of open visits."""
    again = people.begin_visit(schedule)
    expect(again.locator(".people")).to_contain_text("In the visit")
    again.get_by_role("link", name="What happened so far").click()
    expect(again.locator("main")).to_contain_text("On the waiting page")
    with schedule.expect_popup() as window:
        schedule.get_by_role("button", name="Visit board").click()
    board = window.value
    expect(board.locator("tbody")).to_contain_text("770011")  # what the EHR calls it is shown, and kept nowhere
    again.goto(f"{traces.house.urls['web']}/visits/")
    people.sign_in_with_microsoft(again, "Carla Mendes")
    again.locator("main form button").first.click()
    expect(again.locator(".people")).to_contain_text("In the visit")
    traces.look()
    for page in (again, board):
        page.close()


def look_back(traces: Traces, ada: Page) -> None:
    """What the administrator looks at afterwards: whom the EHR was told of, a visit by its id, its timeline, reports,
    and their file."""
    web = traces.house.urls["web"]
    [connection] = traces.database.execute("SELECT ref FROM connector_connection").fetchall()
    status = f"{web}/status/{connection['ref']}"
    ada.goto(f"{status}/writebacks/")
    expect(ada.locator("main table")).to_contain_text("Delivered")
    ada.goto(f"{status}/visits/")
    ada.get_by_label("Appointment or session id").fill("no-such-770011")
    ada.get_by_label("Appointment or session id").press("Enter")
    expect(ada.locator("main")).to_contain_text("No visit of this connection has this id")
    ada.get_by_label("Appointment or session id").fill("770011")
    ada.get_by_label("Appointment or session id").press("Enter")
    expect(ada.locator("main")).to_contain_text("The EHR was told")
    for path in ("charts/", "month/", ""):
        ada.goto(f"{web}/reports/{path}")
    expect(ada.locator("table.visits")).to_contain_text("770011")
    with ada.expect_download() as download:
        ada.get_by_role("button", name="Download as CSV").click()
    assert "770011" in download.value.path().read_text()
    traces.look()


def canaries(house: House, addresses: set[str]) -> dict[str, tuple[list[str], set[str]]]:
    """What to look for, with the only places where each may be. The tokens are those that went over the wire."""
    meetings = tell(house, "graph", "meetings", "GET")
    links = [meeting[name] for meeting in meetings for name in ("joinWebUrl", "passcode", "digits")]
    keys = [meeting["key"] for meeting in meetings]
    tokens = kept_by(house, "epic", "/tokens")
    launches = [value for address in addresses for value in parse_qs(urlsplit(address).query).get("launch", [])]
    codes = [value for address in addresses for value in parse_qs(urlsplit(address).query).get("code", [])]
    assert min(map(len, (links, tokens, launches, codes))) > 0
    return {
        "patients": ([named("Sandberg"), named(GUEST), "1952-03-14"], set()),
        "staff": (
            [named("Lindqvist"), named("Okafor"), named("Mendes")],
            {*BUSINESS_RECORDS, "connector_revision.approver_upn", "connector_revision.approver_mail"},
        ),
        "sign-in names": (
            ["@riverside.example"],
            {"connector_revision.approver_upn", "connector_revision.approver_mail", "connector_notice.recipient"},
        ),
        "the visit": ([word("770011")], set()),
        "external ids": ([word("165790"), word("900101")], set()),
        "resources": ([word("p-sandberg"), word("e-cmendes"), word("e-bokafor")], set()),
        "join links": ([*_exactly(links), "meetup-join", "webrtc-svc"], set()),
        "threads of meetings": (_exactly(keys), set()),
        "access tokens": (_exactly(tokens), set()),
        "signed tokens": ([JSON_WEB_TOKEN], set()),
        "launch tokens and codes": (_exactly([*launches, *codes]), {ADDRESS}),  # SMART and OpenID put them there
    }


def _exactly(values: list[str]) -> list[str]:
    return [word(value) for value in values] + [word(quote(value, safe="")) for value in values]


def test_nothing_is_kept_that_may_not_be(traces: Traces, person: Person) -> None:
    house = traces.house
    ada, ben, epic, schedule, mychart = (traces.follow(person()) for _ in range(5))
    link = people.configure(ada, house.urls)
    people.approve(ben, epic, house.urls, link)
    people.paste_records(ben, epic, house.urls, "board")
    traces.look()
    people.open_hyperspace(schedule, house.urls)
    people.open_mychart(mychart, house.urls)
    mishaps(traces, schedule)
    visit(traces, schedule, mychart)
    look_back(traces, ada)
    traces.read_logs()

    # The search sees where it looks: business records hold their names, and every place held something.
    assert traces.places_of(named("Okafor")) >= {"connector_revision.approver_name", "connector_decision.actor_name"}
    assert traces.places_of("visits.tasks.understand") >= {BROKER}
    assert traces.places_of(":1:seen:") >= {CACHE}
    assert traces.places_of("problem shown") >= {"web.log"}
    for page in ("visit", "devices", "timeline", "board", "visits", "writebacks", "reports/charts", "reports/export"):
        assert traces.places_of(f"/{page}/") >= {ADDRESS}

    wanted = canaries(house, traces.texts[ADDRESS])
    found = {what: traces.places_of(*patterns) - allowed for what, (patterns, allowed) in wanted.items()}
    assert {what: sorted(places) for what, places in found.items() if places} == {}


@pytest.mark.parametrize(
    "text",
    [
        "to Pia Sandberg.",
        "q=Pia+Sandberg",
        "%50ia%20%53andberg",
        signing.dumps({"name": "Pia Sandberg" * 9}, key="k", compress=True),
        base64.b64encode(json.dumps([["Pia Sandberg"], {}]).encode()).decode(),
        base64.b64encode(base64.b64encode(b"Pia Sandberg")).decode(),
        pickle.dumps("Pia Sandberg").decode("latin-1"),
    ],
    ids=["plain", "query", "percent", "session", "message", "twice", "pickle"],
)
def test_the_search_sees_through_what_hides_a_name(text: str) -> None:
    assert "Pia Sandberg" in revealed(text)
