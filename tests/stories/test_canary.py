"""After whole visits, mishaps included, every page on which people look back at them, their forgetting and the end of
the organization: no name, id, token or link is where the data map (docs/data-map.md) does not allow it."""

import base64
import json
import pickle
import re
from collections.abc import Iterator
from urllib.parse import parse_qs, quote, urlsplit

import psycopg
import pytest
from celery import Celery
from django.core import signing
from psycopg.rows import DictRow

from connector.data_map import PLACES, Holds
from sandbox.cast import PATIENTS
from sandbox.launcher.house import House
from tests.portal.steps import Shown, Visitor, tell
from tests.rules.data_map import columns_that_may_hold
from tests.stories.people import INSTANCE
from tests.stories.traces import (
    ADDRESS,
    BROKER,
    CACHE,
    ERROR_PAGE,
    EXPORT,
    JSON_WEB_TOKEN,
    LOG,
    MAIL,
    REDIRECT,
    Traces,
    kept_by,
    named,
    revealed,
    word,
)
from tests.visits import steps
from tests.visits.call import CLINICIAN, PATIENT, Call, chart, until
from tests.visits.steps import CARLA, CSN, PIA, ROSA, Clinic, enter, meeting_at, opened
from tests.visits.test_board_at_the_ehr import open_board, paste_board

GUEST = "Grandmother"  # what the patient types at the door of Teams
MICROSOFT_NAME = "Dr. Carla Mendes"
SECRET = "the-client-secret-of-epic"
OLD = "UPDATE visits_visit SET ended_at = now() - interval '31 days', due_at = NULL, look_at = NULL; "
OLD += "UPDATE visits_launch SET created_at = now() - interval '31 days'; "
OLD += "UPDATE visits_fact SET recorded_at = now() - interval '31 days'; "
OLD += "UPDATE visits_ending SET due_at = NULL"
OUTLIVE = {"visits_target", "visits_lane", "visits_report", "visits_ehruserlink", "visits_browser"}


@pytest.fixture
def traces(house: House, house_database: psycopg.Connection[DictRow]) -> Iterator[Traces]:
    traces = Traces(house, house_database)
    with traces.listening():
        yield traces


def mishaps(clinic: Clinic, traces: Traces) -> None:
    """Launches that lead nowhere, each with its error page: from elsewhere, without a token, by the other's door, in a
    state that expired, cancelled, used twice, in another browser, with the EHR or Microsoft away."""
    someone, launch = clinic.visitor(), f"/launch/{clinic.ref}"
    someone.open(f"{launch}/provider/?iss=https%3A%2F%2Fehr.elsewhere.example&launch=astray")
    someone.open(f"{launch}/provider/?iss={quote(clinic.house.urls['epic'])}")
    someone.open(clinic.press(PIA).replace("/patient/", "/provider/"))
    someone.open(steps.denied(steps.callback_of(clinic, someone, PIA)))
    callback = steps.callback_of(clinic, someone, PIA)
    clinic.visitor().open(callback)
    clinic.database.execute("UPDATE visits_launch SET created_at = created_at - interval '1 hour'")
    someone.open(callback)
    for stand_in, path, login in (("epic", "/token", PIA), ("entra", "/token", CARLA), ("graph", "/v1.0", CARLA)):
        clinic.fail(stand_in, path, "status", 503)
        steps.enter(clinic, login, visitor=clinic.visitor()) if stand_in == "epic" else _first_sign_in(clinic)
        tell(clinic.house, stand_in, "faults", "DELETE")
        clinic.forget_cache()
        traces.look()


def _first_sign_in(clinic: Clinic) -> None:
    """A clinician's first press, as far as she gets."""
    visitor = clinic.visitor()
    page = visitor.open(clinic.press(CARLA))
    if page.heading == steps.PICKER:
        asked = visitor.press(page, MICROSOFT_NAME)
        if asked.has_button(steps.YES):
            visitor.open(visitor.press(asked, steps.YES).link("Join in Teams"))


def visit(clinic: Clinic, traces: Traces) -> None:
    """The visit itself, looked at whenever something new may have been kept, and what people look at meanwhile."""
    patient, proxy, carla = clinic.visitor(), clinic.visitor(), clinic.visitor()
    waiting = enter(clinic, PIA, CSN, patient)
    enter(clinic, ROSA, CSN, proxy)
    patient.open(patient.follow(waiting, "Check camera and microphone").url)
    traces.look()
    call = Call(clinic, CSN, meeting_at(clinic, enter(clinic, CARLA, CSN, carla))[1])
    ready = steps.until(patient, waiting, "Your visit is ready")
    traces.look()
    patient.follow(ready, "Go to your visit")
    clinician, guest = call.clinician_comes(), call.comes("patient", kind="va", name=GUEST)
    call.act(guest, "admit")
    until(lambda: steps_of(clinic) >= {"connected"})
    traces.look()
    again = enter(clinic, CARLA, CSN, carla)
    for page in ("/visits/", "/visits/nowhere/"):
        carla.open(page)
    _pages_of_a_visit(carla, again)
    paste_board(clinic, CONTEXT="externalId=%EXTERNALID%")
    open_board(clinic, CARLA)
    traces.look()
    for seat in (guest, clinician):
        call.act(seat, "leave")
    until(lambda: [chart(clinic, CSN).get(one) for one in (CLINICIAN, PATIENT)] == ["disconnected"] * 2)
    traces.look()


def steps_of(clinic: Clinic) -> set[str]:
    """What the EHR was told so far."""
    calls = tell(clinic.house, "epic", f"{INSTANCE}/status", "GET")
    return {call["state"] for call in calls if call["accepted"]}


def _pages_of_a_visit(visitor: Visitor, again: Shown) -> None:
    """The clinician's own page of the visit, to which a second press comes back, with its timeline."""
    handle = again.url.split("/visit/")[1].split("/")[0]
    steps.until(visitor, visitor.open(f"/visit/{handle}/"), "In the visit")
    assert "On the waiting page" in visitor.open(f"/visit/{handle}/timeline/").text


def try_it(clinic: Clinic, ben: Visitor) -> None:
    """A test visit, whose ids the analyst types."""
    typed = {"session": CSN, "provider_external_id": " 165790", "provider_external_id_type": "1"}
    typed |= {"patient_external_id": " 900101", "patient_external_id_type": "2"}
    begun = ben.press(ben.open(f"/try/{clinic.ref}/"), "Begin the test visit", follow=True, **typed)
    ben.open(begun.url)


def look_back(clinic: Clinic, ada: Visitor) -> None:
    """What the administrator looks at, searches for and takes along afterwards."""
    status = f"/status/{clinic.ref}"
    for path in (f"{status}/", f"{status}/writebacks/", "/reports/charts/", "/reports/month/", "/history/", "/mails/"):
        ada.open(path)
    found = ada.open(f"{status}/visits/")
    assert "No visit of this connection" in ada.press(found, "Find", session=f"no-such-{CSN}").text
    assert "The EHR was told" in ada.press(found, "Find", session=CSN).text
    assert CSN in ada.press(ada.open("/reports/"), "Download as CSV").response.text
    assert "Mendes" in ada.press(ada.open("/people/"), "Show", person="carla.mendes@riverside.example").text
    for what in ("trail", "history", "reports", "configuration"):
        page = ada.open("/end/")
        form = page.soup.find("form", action=f"/end/export/{what}/")
        assert form
        token = page.value("csrfmiddlewaretoken")
        answer = ada.post(f"{clinic.house.urls['web']}/end/export/{what}/", {"csrfmiddlewaretoken": token}, timeout=30)
        assert answer.headers["Content-Disposition"].startswith("attachment"), answer.text[:300]


def keep_a_secret(clinic: Clinic, ada: Visitor) -> None:
    """A client secret, entered as a proposal, and whom to tell of problems."""
    settings = ada.open(f"/configure/{clinic.ref}/edit/")
    compared = ada.press(settings, "See what changes", authentication="client_secret_basic", client_secret=SECRET)
    assert "a secret" in compared.text
    ada.press(compared, "Submit for approval")
    details = ada.open(f"/configure/{clinic.ref}/details/")
    ada.press(details, "Save", notification_mail="ehr-team@riverside.example")


def forget(clinic: Clinic) -> None:
    """Let the retention be over: what is kept of a visit goes, but not while the EHR has to be told something."""
    clinic.database.execute(OLD)
    clinic.database.execute("UPDATE visits_writeback SET state = 'waiting', next_at = now() + interval '1 hour'")
    run(clinic, "visits.tasks.forget")
    until(lambda: len(clinic.rows("SELECT 1 FROM visits_visit")) == 1)  # the test visit had nothing to tell
    assert clinic.rows("SELECT 1 FROM visits_writeback WHERE state = 'waiting'")
    clinic.database.execute("UPDATE visits_writeback SET state = 'delivered'")
    run(clinic, "visits.tasks.forget")
    until(lambda: not clinic.rows("SELECT 1 FROM visits_visit"))
    names = {row["name"] for row in clinic.rows("SELECT tablename AS name FROM pg_tables")}
    names = {name for name in names if name.startswith("visits_")}
    assert {name for name in names if clinic.rows(f"SELECT 1 FROM {name} LIMIT 1")} <= OUTLIVE  # noqa: S608
    assert not clinic.rows("SELECT 1 FROM visits_launch")


def run(clinic: Clinic, task: str) -> None:
    """Let a worker do now what the scheduler asks for every hour or so."""
    with Celery(broker=clinic.house.environment["REDIS_URL"].replace("valkey://", "redis://")) as broker:
        broker.send_task(task)


def end(clinic: Clinic, ada: Visitor) -> None:
    """Suspend, ask, let the days be over; who signs in afterwards is told, and has the receipt."""
    csn = clinic.add_visit(CARLA)
    key = meeting_at(clinic, enter(clinic, CARLA, csn))[1]
    clinic.database.execute("UPDATE visits_visit SET ended_at = now(), due_at = NULL")
    ada.press(ada.open(f"/configure/{clinic.ref}/"), "Suspend launches", reason="We leave.")
    asked = ada.press(ada.open("/end/"), "End the organization in 3 days", name="Riverside Health")
    assert asked.has_button("Call it off"), asked.text
    clinic.database.execute("UPDATE connector_closing SET due_at = now()")
    run(clinic, "portal.tasks.end_organizations")
    until(lambda: clinic.rows("SELECT 1 FROM connector_closing WHERE step = 'done'"), 60)
    run(clinic, "connector.tasks.deliver_mail")
    until(lambda: clinic.rows("SELECT 1 FROM connector_notice WHERE sent_at IS NOT NULL AND kind = 'ended'"))
    page = clinic.visitor().sign_in("Ben Okafor")
    assert page.heading == "Your organization was ended here"
    assert not page.has_button("Download the receipt")
    visitor = clinic.visitor()
    page = visitor.sign_in("Ada Lindqvist")
    receipt = visitor.press(page, "Download the receipt").response.json()
    assert receipt["receipt"]["organization"]["name"] == "Riverside Health"
    left = {"connector_closing", "connector_key", "connector_notice", "django_session", "visits_browser"}
    fixed = {"django_migrations", "django_content_type", "auth_permission"}
    tables = [row["name"] for row in clinic.rows("SELECT tablename AS name FROM pg_tables WHERE schemaname = 'public'")]
    filled = {name for name in tables if clinic.rows(f'SELECT 1 FROM "{name}" LIMIT 1')}  # noqa: S608
    assert filled - fixed <= left
    assert not clinic.rows("SELECT 1 FROM connector_key WHERE organization_id IS NOT NULL")
    assert key not in {meeting["key"] for meeting in clinic.meetings()}
    anew = visitor.press(visitor.follow(page, "Sign in and begin anew"), "Ada Lindqvist")
    assert anew.heading == "Getting ready", anew.text


def canaries(house: House, meetings: list[dict[str, str]], addresses: set[str]) -> dict[Holds, list[str]]:
    """What to look for, by the data map's words. The tokens are those that went over the wire."""
    links = [meeting[name] for meeting in meetings for name in ("joinWebUrl", "passcode", "digits", "key")]
    tokens = kept_by(house, "epic", "/tokens")
    asked = [parse_qs(urlsplit(address).query) for address in addresses]
    codes = [value for query in asked for name in ("launch", "code") for value in query.get(name, [])]
    assert min(map(len, (links, tokens, codes))) > 0
    pia = next(patient for patient in PATIENTS if patient.id == "p-sandberg")
    return {
        Holds.PATIENTS: [named("Sandberg"), named(GUEST), pia.birth_date, re.escape(pia.phone), re.escape(pia.mail)],
        # A name within a sign-in name is the sign-in name's.
        Holds.STAFF: [f"(?:{named(one)})(?!@)" for one in ("Lindqvist", "Okafor", "Mendes")],
        Holds.SIGN_IN_NAMES: ["@riverside.example"],
        Holds.VISITS: [word(CSN)],
        Holds.EXTERNAL_IDS: [word("165790"), word("900101"), word("900201")],
        Holds.RESOURCES: [word(one) for one in ("p-sandberg", "r-sandberg", "e-cmendes", "e-bokafor", "a-770011")],
        Holds.JOIN_LINKS: [*_exactly(links), "meetup-join", "webrtc-svc"],
        Holds.TOKENS: [*_exactly(tokens), JSON_WEB_TOKEN],
        Holds.LAUNCH_CODES: _exactly(codes),
        Holds.SECRETS: [word(SECRET), *_exactly([house.environment["ENTRA_CLIENT_SECRET"]])],
    }


def _exactly(values: list[str]) -> list[str]:
    return [word(value) for value in values] + [word(quote(value, safe="")) for value in values]


def allowed(what: Holds) -> set[str]:
    """Where the data map allows it."""
    return columns_that_may_hold(what) | {name for name, place in PLACES.items() if what in place.holds}


def test_nothing_is_kept_that_the_data_map_does_not_allow(traces: Traces) -> None:
    house = traces.house
    with opened(house) as clinic:
        clinic.tidy_up()
        ben = clinic.visitor()
        ben.sign_in("Ben Okafor")
        keep_a_secret(clinic, clinic.administrator)
        mishaps(clinic, traces)
        visit(clinic, traces)
        look_back(clinic, clinic.administrator)
        try_it(clinic, ben)
        traces.look()
        meetings = clinic.meetings()
        forget(clinic)
        end(clinic, clinic.administrator)
        traces.look()
    traces.read()

    # The search sees where it looks: business records hold their names, and every place held something.
    assert traces.places_of(named("Okafor")) >= {"connector_revision.approver_name", "connector_decision.actor_name"}
    assert traces.places_of("visits.tasks.understand") >= {BROKER}
    assert traces.places_of(":1:seen:") >= {CACHE}
    assert traces.places_of("problem shown") >= {LOG}
    assert traces.places_of("Reference number") >= {ERROR_PAGE}
    assert traces.places_of("was ended in the EHR Connector") >= {MAIL}
    assert traces.places_of("meeting-opened") >= {EXPORT, "connector_entry.event"}
    assert traces.places_of("code_challenge=") >= {REDIRECT}
    for page in ("visit", "devices", "timeline", "board", "visits", "writebacks", "reports/charts", "reports/export"):
        assert traces.places_of(f"/{page}/") >= {ADDRESS}
    assert traces.policies <= {"same-origin", "no-referrer"}  # no Referer of ours reaches anybody else

    wanted = canaries(house, meetings, traces.texts[ADDRESS] | traces.texts[REDIRECT])
    found = {what: traces.places_of(*patterns) - allowed(what) for what, patterns in wanted.items()}
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
