"""Hyperspace and MyChart: sign in with one click, see the day's visits, and begin one."""

from dataclasses import dataclass
from typing import Any

from flask import Blueprint, abort, g, redirect, render_template, request, session, url_for
from werkzeug.wrappers import Response as AnyResponse

from sandbox.cast import ScheduledVisit
from sandbox.epic import launches, people, telehealth
from sandbox.epic.instance import ROUTE, table
from sandbox.epic.people import HYPERSPACE, MYCHART, Person
from sandbox.epic.records import IFRAME, NEW_WINDOW, SLOTS
from sandbox.standin import form, url_of
from sandbox.store import Document

pages = Blueprint("screens", __name__, static_folder="static", static_url_path="/sandbox/epic")
SIDE = f"{ROUTE}/<any({HYPERSPACE},{MYCHART}):side>"
ALWAYS_SHOWN = ("provider", "patient")


@dataclass(frozen=True)
class Button:
    """A button that begins something; without its record it is shown, but cannot be pressed."""

    slot: str
    label: str
    ready: bool
    target: str


@dataclass(frozen=True)
class Row:
    """A visit with the names around it and who is connected to it on either side."""

    visit: ScheduledVisit
    patient: Any
    clinician: str
    provider_side: list[Document]
    patient_side: list[Document]


@pages.get("/")
def home() -> str:
    """Both instances with everything that they have."""
    return render_template("home.html", url=url_of("epic"))


@pages.get(SIDE)
def front(side: str) -> str:
    """The sign-in of Hyperspace or MyChart, or what the person sees then."""
    person = _signed_in(side)
    if person is None:
        return render_template("who.html", side=side, people=people.of_side(side))
    return render_template(f"{side}.html", **_screen(person))


@pages.get(f"{SIDE}/rows")
def fresh_rows(side: str) -> str:
    """The rows alone, for the script that keeps the status column live."""
    return render_template(f"{side}_rows.html", **_screen(_required(side)))


def _screen(person: Person) -> dict[str, Any]:
    whole_department = "department" in request.args
    visits = people.visits() if whole_department and person.side == HYPERSPACE else people.visits_of(person)
    return {
        "person": person,
        "rows": [_row(visit) for visit in visits],
        "visit_buttons": _buttons(person.side, with_visit=True),
        "other_buttons": _buttons(person.side, with_visit=False),
        "whole_department": whole_department,
    }


def _row(visit: ScheduledVisit) -> Row:
    return Row(
        visit,
        people.PATIENTS[visit.patient],
        people.name_of_practitioner(visit.practitioner),
        telehealth.presence(visit.csn, HYPERSPACE),
        telehealth.presence(visit.csn, MYCHART),
    )


def _buttons(side: str, with_visit: bool) -> list[Button]:
    """The side's buttons: the main one always, the others once their record is pasted."""
    pasted = dict(table("records"))
    return [
        Button(slot, title.partition(": ")[2], slot in pasted, _target(pasted.get(slot)))
        for slot, (of_side, title) in SLOTS.items()
        if of_side == side
        and (slot in launches.WITHOUT_VISIT) != with_visit
        and (slot in pasted or slot in ALWAYS_SHOWN)
    ]


def _target(record: Document | None) -> str:
    return "_blank" if record and record["LAUNCHTYPE"] == NEW_WINDOW else "_self"


@pages.post(f"{SIDE}/sign-in")
def sign_in(side: str) -> AnyResponse:
    """Sign in as one of the cast, without a password."""
    person = people.find_person(form("person"))
    if person is None or person.side != side:
        abort(400)
    session[f"{g.instance}/{side}"] = person.key
    return redirect(url_for("screens.front", side=side), 303)


@pages.post(f"{SIDE}/sign-out")
def sign_out(side: str) -> AnyResponse:
    """Forget who is signed in here."""
    session.pop(f"{g.instance}/{side}", None)
    return redirect(url_for("screens.front", side=side), 303)


@pages.post(f"{SIDE}/launch")
def launch(side: str) -> AnyResponse | str:
    """Begin: the app in a frame of this page, or instead of it, as the record's LAUNCHTYPE says."""
    try:
        url = launches.make(form("slot"), _required(side), form("csn") or None)
    except LookupError as error:
        abort(409, str(error))
    if table("records")[form("slot")]["LAUNCHTYPE"] == IFRAME:
        return render_template("framed.html", side=side, url=url, visit=people.find_visit(form("csn")))
    return redirect(url, 303)


@pages.get(f"{ROUTE}/{HYPERSPACE}/visits")
def new_visit() -> str:
    """The form of a test visit; apart from the schedule, which refreshes itself."""
    clinicians, patients = people.of_side(HYPERSPACE), people.PATIENTS.values()
    return render_template("new_visit.html", clinicians=clinicians, patients=patients, person=_signed_in(HYPERSPACE))


@pages.post(f"{ROUTE}/{HYPERSPACE}/visits")
def add_visit() -> AnyResponse:
    """Put a test visit on the schedule."""
    clinician = people.find_person(form("clinician"))
    if clinician is None or form("patient") not in people.PATIENTS:
        abort(400)
    people.add_visit(form("patient"), clinician.resource.split("/")[1], form("reason").strip() or "Test visit")
    return redirect(url_for("screens.front", side=HYPERSPACE), 303)


def _signed_in(side: str) -> Person | None:
    return people.find_person(session.get(f"{g.instance}/{side}", ""))


def _required(side: str) -> Person:
    person = _signed_in(side)
    if person is None:
        abort(401)
    return person
