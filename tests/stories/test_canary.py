"""After whole visits, mishaps included, every page on which people look back at them, their forgetting and the end of
the organization: no name, id, token or link is where the data map (docs/data-map.md) does not allow it. The story goes
to every address that the product has, and meets every problem, but for those that tests.stories.canary.reached names
with the test that covers them."""

import base64
import json
import pickle
import re
from urllib.parse import parse_qs, quote, urlsplit

import psycopg
import pytest
from django.core import signing
from psycopg.rows import DictRow

from connector.data_map import PLACES, Holds
from connector.problems.table import PROBLEMS
from sandbox.cast import PATIENTS, RIVERSIDE_TID
from sandbox.launcher.house import House
from sandbox.launcher.place import CHECKOUT
from tests.rules.data_map import BROWSERS, columns_that_may_hold
from tests.rules.test_routes import ROUTES
from tests.stories.canary import portal, reached
from tests.stories.canary import visit as visits
from tests.stories.canary.mishaps import all_of_them
from tests.stories.canary.portal import SECRET
from tests.stories.canary.visit import GUEST
from tests.stories.traces import (
    ADDRESS,
    BROKER,
    CACHE,
    COOKIE,
    ERROR_PAGE,
    EXPORT,
    JSON_WEB_TOKEN,
    LOG,
    MAIL,
    REDIRECT,
    SPANS,
    Traces,
    kept_by,
    named,
    revealed,
    word,
)
from tests.visits.steps import CSN, Clinic, opened


@pytest.fixture
def traces(house: House, house_database: psycopg.Connection[DictRow]) -> Traces:
    return Traces(house, house_database, ENTRA_ALLOWED_TENANTS=RIVERSIDE_TID)  # nobody else's keys are rotated with it


def _what_others_fetch(clinic: Clinic) -> None:
    """What EHRs, auditors and monitoring ask for."""
    machine = clinic.visitor()
    machine.headers["Authorization"] = f"Bearer {clinic.house.environment['METRICS_TOKEN']}"
    for path in ("/health/live", "/health/ready", "/metrics", "/jwks/testing.json", "/trail/keys.json"):
        assert machine.open(path).status == 200, path


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
        Holds.EXTERNAL_IDS: [word("165790", "900101", "900201")],
        Holds.RESOURCES: [word("p-sandberg", "r-sandberg", "e-cmendes", "e-bokafor", "a-770011")],
        Holds.JOIN_LINKS: [_exactly(links), "meetup-join", "webrtc-svc"],
        Holds.TOKENS: [_exactly(tokens), JSON_WEB_TOKEN],
        Holds.LAUNCH_CODES: [_exactly(codes)],
        Holds.SECRETS: [_exactly([SECRET, house.environment["ENTRA_CLIENT_SECRET"]])],
    }


def _exactly(values: list[str]) -> str:
    return word(*values, *(quote(value, safe="") for value in values))


def allowed(what: Holds) -> set[str]:
    """Where the data map allows it."""
    return columns_that_may_hold(what) | {name for name, place in PLACES.items() if what in place.holds}


def test_nothing_is_kept_that_the_data_map_does_not_allow(traces: Traces) -> None:
    house = traces.house
    with traces.listening(), opened(house) as clinic:
        clinic.tidy_up()
        ada, ben = clinic.administrator, clinic.visitor()
        ben.sign_in("Ben Okafor")
        portal.keep_a_secret(clinic, ada)
        portal.get_ready(clinic, ada)
        all_of_them(clinic)
        traces.look()
        _what_others_fetch(clinic)
        clinic.tidy_up()
        visits.visit(clinic, traces)
        visits.into_another_browser(clinic)
        visits.out_of_a_frame(clinic)
        visits.as_a_group(clinic)
        visits.at_the_device_test(clinic)
        visits.notified_by_somebody_else(clinic)
        portal.look_everywhere(clinic, ada, portal.try_it(clinic, ben))
        portal.look_back(clinic, ada)
        portal.keep_house(clinic, ada)
        traces.look()
        portal.erase(ada)
        portal.restore(clinic)
        ada.sign_in("Ada Lindqvist")
        meetings = clinic.meetings()
        portal.forget(clinic)
        portal.end(clinic, ada)
        traces.look()
        traces.read()

    assert reached.not_reached(traces.routes) == set()
    assert reached.not_met(traces.codes) == set()
    assert traces.routes & reached.NOT_REACHED.keys() == set() == traces.codes & reached.NOT_MET.keys()
    assert traces.cookies == {kept.name for kept in BROWSERS if kept.where == "cookie"}

    # The search sees where it looks: business records hold their names, and every place held something.
    assert traces.places_of(named("Okafor")) >= {"connector_revision.approver_name", "connector_decision.actor_name"}
    assert traces.places_of("visits.tasks.understand") >= {BROKER}
    assert traces.places_of(":1:seen:") >= {CACHE}
    assert traces.places_of("problem shown") >= {LOG}
    assert traces.places_of("Reference number") >= {ERROR_PAGE}
    assert traces.places_of("was ended in the EHR Connector") >= {MAIL}
    assert traces.places_of("meeting-opened") >= {EXPORT, "connector_entry.event"}
    assert traces.places_of("code_challenge=") >= {REDIRECT}
    assert traces.places_of("visits.tasks.drain") >= {SPANS}
    assert traces.places_of("Launches stop now; visits that run go on") >= {COOKIE}
    assert traces.places_of('"resourceType": ?"AuditEvent"') >= {EXPORT}
    for page in ("visit", "devices", "timeline", "board", "visits", "writebacks", "reports/charts", "reports/export"):
        assert traces.places_of(f"/{page}/") >= {ADDRESS}
    assert traces.policies <= {"same-origin", "no-referrer"}  # no Referer of ours reaches anybody else

    wanted = canaries(house, meetings, traces.texts[ADDRESS] | traces.texts[REDIRECT])
    found = {what: traces.places_of(*patterns) - allowed(what) for what, patterns in wanted.items()}
    assert {what: sorted(places) for what, places in found.items() if places} == {}


def test_whatever_the_story_leaves_out_exists_and_says_where_it_is_covered() -> None:
    assert reached.NOT_REACHED.keys() <= ROUTES.keys()
    assert reached.NOT_MET.keys() <= PROBLEMS.keys()
    for why in (*reached.NOT_REACHED.values(), *reached.NOT_MET.values()):
        assert (CHECKOUT / why.rpartition(": ")[2]).exists(), why


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
