"""The console: every meeting's roster and the switches, for people and as JSON."""

from flask import Blueprint, current_app, redirect, render_template, request
from werkzeug.exceptions import BadRequest
from werkzeug.wrappers import Response as AnyResponse

from sandbox.standin import CONSOLE
from sandbox.state import store, table
from sandbox.store import Document
from sandbox.switches import settings
from sandbox.teams import people, roster
from sandbox.teams.graph import meeting_by

routes = Blueprint("console", __name__, url_prefix=CONSOLE)


@routes.get("/")
def page() -> str:
    return render_template(
        "console.html",
        rosters=dict(table("rosters")),
        switches=settings(current_app),
    )


@routes.get("/meetings/<key>")
def read(key: str) -> Document:
    """{key, calling, participants: [{id, state, …}]}: everybody who is or was there."""
    kept = roster.roster_of(store(), meeting_by(key)["key"])
    return {"key": key, "calling": kept["calling"], "participants": list(kept["seats"].values())}


@routes.post("/meetings/<key>/participants")
def enter(key: str) -> tuple[Document, int]:
    """Let somebody arrive: {kind: member, tid, oid} or {kind: guest or va, name} -> {id, state: in or lobby}."""
    meeting, wanted = meeting_by(key), request.get_json()
    seat_id = roster.enter(store(), meeting, person_of(wanted))
    return standing(roster.roster_of(store(), meeting["key"])["seats"][seat_id]), 201


def person_of(wanted: Document) -> Document:
    kind = wanted.get("kind")
    if kind == "member":
        return people.member(wanted["tid"], wanted["oid"])
    if kind in ("guest", "va"):
        return people.outsider(kind, wanted.get("name") or "")
    raise BadRequest("kind is member, guest or va.")


def standing(seat: Document) -> Document:
    return {"id": seat["id"], "state": seat["state"], "identity": seat["identity"]}


@routes.post("/meetings/<key>/participants/<participant>/<any(admit, leave, drop, deny, remove):act>")
def act(key: str, participant: str, act: str) -> Document:
    """Admit somebody, or take him away; by the id he arrived with or the one he has now. 404 when he is not there."""
    meeting = meeting_by(key)
    if act == "admit":
        return standing(roster.admit(store(), meeting, participant))
    return standing(roster.take_away(store(), meeting, participant, act))


@routes.post("/meetings/<key>/end")
def end(key: str) -> tuple[str, int]:
    """End the call for everybody."""
    roster.end(store(), meeting_by(key))
    return "", 204


@routes.post("/start-again")
def start_again() -> AnyResponse:
    """Forget everything, and show the console."""
    store().forget()
    return redirect(f"{CONSOLE}/", 303)
