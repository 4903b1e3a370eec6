"""The pages behind a join URL: the door (who joins, by which name), the lobby, the call, and the way out."""

from typing import Any
from urllib.parse import urlencode

from flask import Blueprint, Response, abort, redirect, render_template, request, send_from_directory, session, url_for
from werkzeug.wrappers import Response as AnyResponse

from sandbox.standin import form
from sandbox.state import store
from sandbox.store import Document
from sandbox.teams import people, roster
from sandbox.teams.graph import meeting_by
from sandbox.teams.lobby import may_admit, organizes

routes = Blueprint("pages", __name__)

DOORS = "<any(teams, visit):door>"  # teams: the plain link; visit: the virtual-appointment link


@routes.get("/l/meetup-join/<key>/0")
def long_link(key: str) -> AnyResponse:
    return redirect(url_for("pages.door_page", door="teams", key=meeting_by(key)["key"]))


@routes.get("/meet/<digits>")
def short_link(digits: str) -> AnyResponse:
    meeting = meeting_by(digits)
    if request.args.get("p") != meeting["passcode"]:
        abort(404)
    return redirect(url_for("pages.door_page", door="teams", key=meeting["key"]))


@routes.get("/webrtc-svc/api/route")
def virtual_appointment_link() -> AnyResponse:
    return redirect(url_for("pages.door_page", door="visit", key=meeting_by(request.args.get("convId", ""))["key"]))


@routes.get("/teams.css")
def style() -> Response:
    return send_from_directory(f"{__file__.rsplit('/', 1)[0]}/static", "teams.css")


@routes.get(f"/join/{DOORS}/<key>")
def door_page(door: str, key: str) -> str | AnyResponse:
    """Who joins, and by which name. On the plain link a sign-in is tried silently first."""
    meeting = meeting_by(key)
    if seat_here(door, key):
        return redirect(url_for("pages.meeting_page", door=door, key=key))
    here = url_for("pages.door_page", door=door, key=key, tried=1)
    if door == "teams" and not session.get("account") and "tried" not in request.args:
        return redirect(f"{url_for('signin.start')}?{urlencode({'next': here, 'prompt': 'none'})}")
    account = session.get("account") if door == "teams" else None
    sign_in = f"{url_for('signin.start')}?{urlencode({'next': here})}"
    return render_template("door.html", meeting=meeting, door=door, account=account, sign_in=sign_in)


@routes.post(f"/join/{DOORS}/<key>")
def join(door: str, key: str) -> AnyResponse:
    meeting = meeting_by(key)
    account = session.get("account")
    if door == "teams" and form("as") == "account" and account:
        person = people.member(account["tid"], account["oid"])
    else:
        person = people.outsider("va" if door == "visit" else "guest", form("name"))
    seat_id = roster.enter(store(), meeting, person)
    session["seats"] = {**session.get("seats", {}), f"{door} {key}": seat_id}
    return redirect(url_for("pages.meeting_page", door=door, key=key), 303)


@routes.get(f"/meeting/{DOORS}/<key>")
def meeting_page(door: str, key: str) -> str | AnyResponse:
    """The lobby or the call, as this person sees it now; after it, why he is out."""
    seats = roster.roster_of(store(), key)["seats"]
    mine = seats.get(session.get("seats", {}).get(f"{door} {key}"))
    if mine is None:
        return redirect(url_for("pages.door_page", door=door, key=key))
    meeting = meeting_by(key)
    return render_template("meeting.html", meeting=meeting, door=door, mine=mine, **seen_by(mine, meeting, seats))


def seen_by(mine: Document, meeting: Document, seats: dict[str, Document]) -> dict[str, Any]:
    """What the page shows: who is in, who waits (only to those who may admit), and which buttons there are."""
    admits = mine["state"] == "in" and may_admit(mine, meeting)
    return {
        "present": {seat_id: seat for seat_id, seat in seats.items() if seat["state"] == "in"},
        "waiting": {seat_id: seat for seat_id, seat in seats.items() if seat["state"] == "lobby" and admits},
        "admits": admits,
        "organizes": organizes(mine, meeting),
    }


@routes.post(f"/meeting/{DOORS}/<key>")
def act(door: str, key: str) -> AnyResponse:
    """One act of this person: on himself, on another seat, or on the whole call."""
    meeting, mine, wanted = meeting_by(key), seat_here(door, key), form("act")
    back = redirect(url_for("pages.meeting_page", door=door, key=key), 303)
    if mine is None:
        return back
    if wanted in ("leave", "drop"):
        roster.take_away(store(), meeting, mine["id"], wanted)
    elif wanted == "end" and organizes(mine, meeting):
        roster.end(store(), meeting)
    elif wanted in ("admit", "deny", "remove") and mine["state"] == "in" and may_admit(mine, meeting):
        act_on(meeting, form("seat"), wanted)
    else:
        abort(403)
    return back


def act_on(meeting: Document, seat_id: str, wanted: str) -> None:
    """Admit, deny or remove somebody; he may have gone while the page was read, which is no error."""
    seat = roster.roster_of(store(), meeting["key"])["seats"].get(seat_id)
    if seat and wanted == "admit" and seat["state"] == "lobby":
        roster.admit(store(), meeting, seat_id)
    elif seat and wanted != "admit" and seat["state"] != "gone":
        roster.take_away(store(), meeting, seat_id, wanted)


def seat_here(door: str, key: str) -> Document | None:
    """This browser's seat in the meeting by this door, unless it is gone."""
    seat: Document | None = roster.roster_of(store(), key)["seats"].get(session.get("seats", {}).get(f"{door} {key}"))
    return seat if seat and seat["state"] != "gone" else None
