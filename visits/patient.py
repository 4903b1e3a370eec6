"""The patient's side of a visit: the waiting page, and the way into the Teams lobby."""

import time
from dataclasses import dataclass
from hashlib import sha256

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import translation
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from visits import agents, browsers, handover, onward, tickets, trouble, waiting, waiting_page
from visits.agents import Agent
from visits.models import Participant, Visit
from visits.trouble import Stop
from visits.waiting_page import Device, One, Room, Seat

SHOWN = "X-Shown"  # htmx says what the page shows already: an answer that changes nothing disturbs nobody
LINK_SECONDS = 60  # how old a link that runs out may get before the page takes a fresh one
LINKS = ("ticket", "leave")  # of the page, that run out


@dataclass(frozen=True)
class Stage:
    """How far a visit is, in words for the patient."""

    title: str | Promise
    texts: tuple[str | Promise, ...]
    open: bool = False  # there is a meeting to go to


NOT_STARTED = _("Your clinician has not started the visit yet. Keep this page open: it changes by itself.")
PLACE, READY = _("You are in the right place"), _("Your visit is ready")
STAGES: dict[str, Stage] = {
    "waiting": Stage(PLACE, (NOT_STARTED,)),
    "telling": Stage(PLACE, (_("We are letting the clinic know that you are here."), NOT_STARTED)),
    "told": Stage(PLACE, (_("The clinic can see that you are here."), NOT_STARTED)),
    "failed": Stage(
        PLACE,
        (NOT_STARTED, _("We could not let the clinic know that you are here. If it takes long, call the clinic.")),
    ),
    "ready": Stage(READY, (_("You can go in now."),), open=True),
    "here": Stage(READY, (_("Your clinician is there."),), open=True),
    "left": Stage(
        _("Your clinician has left"),
        (_("If you were not finished, go back in and wait, or call the clinic."),),
        open=True,
    ),
    "ended": Stage(
        _("Your visit has ended"), (_("You can close this page. If you need something else, call the clinic."),)
    ),
}


def page(request: HttpRequest, seat: Seat, handle: str) -> HttpResponse:
    """The truth about the visit; whoever asks for it is waiting."""
    waiting.seen(seat.participant)
    room = waiting_page.room_of(seat)
    if not room.ended and not _me(room, seat).waits:
        waiting.back(seat.participant)
        room = waiting_page.room_of(seat)
    response = _unless_shown(request, seat, _context(request, seat, room, handle))
    onward.reloadable(request, response, handle, seat.browser_hash)
    return trouble.framed_by(response, room.ancestors)


def send(participant: Participant, handle: str) -> HttpResponse:
    """To Teams where the meeting is open; else back to the page."""
    return to_teams(participant) if _is_open(participant.visit) else redirect("visit", handle=handle)


def to_teams(participant: Participant) -> HttpResponse:
    """To the meeting, which has to be open."""
    visit = participant.visit
    if not _is_open(visit):
        raise Stop("page-lost")
    waiting.seen(participant.id)
    return onward.to_teams(participant, visit.unseal("visitor_url") or visit.unseal("join_url"))


def _is_open(visit: Visit) -> bool:
    return bool(visit.join_url_sealed) and visit.ended_at is None


def _me(room: Room, seat: Seat) -> One:
    return room.people.get(seat.participant, One())


def _device(room: Room, seat: Seat) -> Device:
    return room.devices.get(seat.launch, Device())


def _stage(room: Room, me: One) -> str:
    if room.ended:
        return "ended"
    return (room.clinician or "ready") if room.open else (me.told or "waiting")


def _context(request: HttpRequest, seat: Seat, room: Room, handle: str) -> dict[str, object]:
    """What the page shows of the room: its own person and launch, and nobody else's."""
    me, device = _me(room, seat), _device(room, seat)
    stage = STAGES[_stage(room, me)]
    agent = agents.at_hand(request)
    # Until the meeting is open nobody knows whether it will have a browser link; it nearly always has.
    link = room.visitor_link or not room.open
    own = "" if device.handed_over else agent.own
    better = agent.better(visitor_link=link)
    leaves = not room.ended and not device.handed_over and bool(own or better)
    return {
        "handle": handle,
        "stage": stage,
        "ended": room.ended,
        "sent": me.sent,
        "asks": _asks(room, agent, link) if stage.open else (),
        "ticket": _ticket(request, seat) if stage.open else "",
        "handed_over": device.handed_over,
        "own": own,
        "better": better,
        "leave": handover.link_to(seat.launch) if leaves else "",
        "test": room.test,
        "starts_at": room.starts_at,
        "clinic": room.clinic if room.clinic != room.hospital else "",
        "hospital": room.hospital,
        "help_line": room.help_line,
        "help_hours": room.help_hours,
    }


def _ticket(request: HttpRequest, seat: Seat) -> str:
    """The way out of a frame, where one shows the page or its browser does not tell; empty where nothing does. What
    htmx asks for tells nothing of frames: the launch does."""
    return tickets.way_out(seat.launch) if seat.framed or not browsers.shown_in(request) else ""


def _asks(room: Room, agent: Agent, link: bool) -> list[str | Promise]:
    """What Teams will ask, in its order."""
    name = _("Your name. Type your first name only: others in the group can see it.") if room.group else _("Your name.")
    asked: list[tuple[bool, str | Promise]] = [
        (agent.needs_app(visitor_link=link), _("To open or to install the Teams app. It is free.")),
        (agent.may_be_ipad and not link, _("On an iPad: to open or to install the Teams app. It is free.")),
        (not room.visitor_link, _("Who you are. Join as a guest, even if you have an account at work or at school.")),
        (True, name),
        (True, _("Your camera and microphone, once more. Press “Allow”.")),
    ]
    return [text for applies, text in asked if applies]


def _unless_shown(request: HttpRequest, seat: Seat, context: dict[str, object]) -> HttpResponse:
    """The page; for htmx its inside, or nothing where it shows that already. A handle that is used up is always
    followed by the next."""
    shown = _fingerprint(context)
    if not _wants_inside(request):
        return render(request, "visits/waiting.html", context | {"shown": shown})
    if seat.browser_hash and request.headers.get(SHOWN) == shown:
        return HttpResponse(status=204)
    return render(request, "visits/waiting_state.html", context | {"shown": shown})


def _wants_inside(request: HttpRequest) -> bool:
    return "HX-Request" in request.headers


def _fingerprint(context: dict[str, object]) -> str:
    """What the reader sees, in short. Links that run out get stale with time."""
    seen = [repr(value) for name, value in context.items() if name not in {"handle", *LINKS}]
    age = int(time.time() // LINK_SECONDS) if any(context[name] for name in LINKS) else 0
    return sha256(f"{translation.get_language()} {age} {seen}".encode()).hexdigest()[:16]
