"""What pages say about a visit: words for its state, worked out from the fold. Holds no names: the EHR and Teams
show those."""

from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from connector import wires
from visits import fold, outcome, presence, schedule
from visits.fold import Outsider, VisitState
from visits.models import Participant, Visit
from visits.outcome import Stage

ROLES = {
    Participant.Role.PROVIDER: _("Clinician"),
    Participant.Role.PATIENT: _("Patient"),
    Participant.Role.PROXY: _("For the patient"),
}
# presence -> (state component's kind, word)
WORDS: dict[str, tuple[str, str | Promise]] = {
    "expected": ("off", _("Not here yet")),
    "sent": ("waiting", _("On the way to Teams")),
    "waiting": ("waiting", _("Waiting")),
    "lobby": ("waiting", _("In the Teams lobby")),
    "connected": ("ok", _("In the visit")),
    "disconnected": ("off", _("Has left")),
}


# What matters first: who waits, and where he is let in.
ORDER = (fold.LOBBY, fold.WAITING, fold.SENT, fold.CONNECTED, fold.EXPECTED, fold.DISCONNECTED)


@dataclass(frozen=True)
class Person:
    """One line of the visit page, in the shape of `components/person_row.html`."""

    who: str | Promise
    kind: str
    word: str | Promise
    since: datetime | None
    arrived: datetime | None = None  # when the patient's side came to our waiting page


@dataclass(frozen=True)
class Waits:
    """Who waits, and where. `arrived`: when the one in the lobby came to our waiting page, where it can only be he;
    `unsent`: more wait in the lobby than this visit has sent there."""

    lobby: int
    lobby_since: datetime | None
    arrived: datetime | None
    unsent: bool
    page: int
    page_since: datetime | None


@dataclass(frozen=True)
class View:
    """A visit as one participant's page shows it."""

    people: tuple[Person, ...]
    waits: Waits
    stage: Stage
    presence_off: bool  # the meeting is open and nobody tells who is in it
    meeting_open: bool
    ended: bool
    test: bool
    sent: bool
    off: tuple[str | Promise, ...]  # what this visit does without
    colleague_instead: bool  # a colleague is there, and this clinician, who was sent, is not
    all_admit: bool  # whoever of the organization is in the meeting lets others in, not its organizer alone
    starts_at: datetime | None
    department: str
    note: str | Promise  # why patients cannot come in yet; empty where they can


def of(participant: Participant) -> View:
    """The view of one participant's page."""
    visit = participant.visit
    state = presence.state_of(visit)
    everybody = _everybody(visit, state)
    standing = schedule.standing(participant)
    staff = frozenset(key for key, person in everybody.items() if person.is_staff)
    return View(
        people=tuple(_people(state, everybody, participant)),
        waits=waits_in(state, staff),
        stage=outcome.stage_of(state, staff, ended=visit.ended_at is not None),
        presence_off=is_presence_off(visit),
        meeting_open=bool(visit.join_url_sealed) and visit.ended_at is None,
        ended=visit.ended_at is not None,
        test=visit.test,
        sent=participant.sent_at is not None,
        off=tuple(_off(visit, participant)),
        colleague_instead=_colleague_instead(state, participant),
        all_admit=bool(visit.lobby),
        starts_at=visit.starts_at,
        department=visit.department,
        note=schedule.NOTES[standing.timing] if standing else "",
    )


def is_presence_off(visit: Visit) -> bool:
    """Whether a call may run of which nobody tells."""
    return bool(visit.join_url_sealed) and visit.ended_at is None and not visit.presence_live


def _everybody(visit: Visit, state: VisitState) -> dict[str, Participant]:
    """The participants of a state, by its keys. Who has pressed since it was read is on the next refresh."""
    return {str(person.id): person for person in visit.participants.all() if str(person.id) in state.people}


def _people(state: VisitState, everybody: dict[str, Participant], reader: Participant) -> list[Person]:
    """A line each: those who wait first, and of them who has waited longest."""
    came, now = _arrivals(state), timezone.now()
    lines = [
        (one.presence, one.since, _role(everybody[key], reader), None if everybody[key].is_staff else came.get(key))
        for key, one in state.people.items()
        if key in everybody
    ]
    lines += [(one.presence, one.since, _outsider(one), None) for one in state.unattributed]
    lines.sort(key=lambda line: (ORDER.index(line[0]), line[1] or now, str(line[2])))
    return [Person(who, *WORDS[presence_word], since, arrived) for presence_word, since, who, arrived in lines]


def _role(person: Participant, reader: Participant) -> str | Promise:
    return _("You") if person.pk == reader.pk and person.is_staff else ROLES[Participant.Role(person.role)]


def _outsider(one: Outsider) -> str | Promise:
    """Who is none of our participants. Nobody with an account is ever taken for the patient; whether he is a clinician
    elsewhere, or a patient who is signed in at work, nobody knows."""
    if one.foreign:
        return _("Somebody with an account of another or unknown organization")
    return _("Colleague who joined in Teams") if one.colleague else _("Somebody else")


def _arrivals(state: VisitState) -> dict[str, datetime]:
    """When each of our participants first came to the waiting page of this meeting."""
    first: dict[str, datetime] = {}
    for change in state.changes:
        if change.key and change.presence == fold.WAITING:
            first.setdefault(change.key, change.at)
    return first


def waits_in(state: VisitState, staff: frozenset[str]) -> Waits:
    """Who waits in a visit of this state; `staff` are the keys of its clinicians."""
    others = [one for one in state.unattributed if one.presence == fold.LOBBY]
    ours = [key for key, one in state.people.items() if one.presence == fold.LOBBY and key not in staff]
    guests = len(ours) + sum(not (one.colleague or one.foreign) for one in others)
    sent = [key for key, one in state.people.items() if one.presence in (fold.SENT, fold.LOBBY) and key not in staff]
    lobby = [one.since for one in state.people.values() if one.presence == fold.LOBBY] + [one.since for one in others]
    page = [one.since for one in state.people.values() if one.presence == fold.WAITING]
    return Waits(
        lobby=len(lobby),
        lobby_since=min(filter(None, lobby), default=None),
        arrived=_arrivals(state).get(ours[0]) if len(lobby) == len(ours) == 1 else None,
        unsent=guests > len(sent),
        page=len(page),
        page_since=min(filter(None, page), default=None),
    )


def _colleague_instead(state: VisitState, participant: Participant) -> bool:
    """Teams may have opened with another account than the linked one. Who never comes is expected again meanwhile."""
    mine = state.people.get(str(participant.id))
    missing = mine is not None and mine.presence in (fold.SENT, fold.EXPECTED) and participant.sent_at is not None
    return missing and any(one.colleague and one.presence in fold.PRESENT for one in state.unattributed)


def default_help_line() -> str:
    return settings.HELP_LINE


def _off(visit: Visit, participant: Participant) -> list[str | Promise]:
    """What was refused or too slow when the meeting was opened, and what the EHR cannot be told."""
    if not visit.join_url_sealed:
        return []
    notes: list[tuple[bool, str | Promise]] = [
        (not visit.lobby, _("The lobby could not be set: check who comes in.")),
        (
            not visit.visitor_url_sealed,
            _(
                "Patients may be asked to install Teams: no browser link was given. A patient who works here and joins "
                "with the work account may pass the lobby."
            ),
        ),
        (not visit.presence_live, _("Live presence is off: this page and the EHR cannot show who is here.")),
        (
            not wires.live_settings(visit.connection).status.complete,
            _("The EHR is not told who is here: codes are missing."),
        ),
        (not participant.external_id_sealed, _("The EHR is not told about you: its record sent no externalId.")),
    ]
    return [text for missing, text in notes if missing]
