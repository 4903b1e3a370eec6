"""What pages say about a visit: words for its state, worked out from the fold. Holds no names: the EHR and Teams
show those."""

from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from connector import wires
from visits import presence
from visits.models import Participant, Visit, Writeback

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


@dataclass(frozen=True)
class Person:
    """One line of the visit page, in the shape of `components/person_row.html`."""

    who: str | Promise
    kind: str
    word: str | Promise
    since: datetime | None


@dataclass(frozen=True)
class View:
    """A visit as one participant's page shows it."""

    people: tuple[Person, ...]
    meeting_open: bool
    ended: bool
    test: bool
    sent: bool
    off: tuple[str | Promise, ...]  # what this visit does without
    clinician_here: bool
    clinician_left: bool
    told: bool  # the EHR has confirmed that it shows this person as waiting


def of(participant: Participant) -> View:
    """The view of one participant's page."""
    visit = participant.visit
    state = presence.state_of(visit)
    # Who has pressed since the state was read is on the next refresh.
    everybody = {str(person.id): person for person in visit.participants.all() if str(person.id) in state.people}
    people = [
        _person(ROLES[Participant.Role(person.role)], state.people[key].presence, state.people[key].since)
        for key, person in everybody.items()
    ]
    people += [_person(_("Somebody else"), outsider.presence, outsider.since) for outsider in state.unattributed]
    staff = {state.people[key].presence for key, person in everybody.items() if person.is_staff}
    return View(
        people=tuple(people),
        meeting_open=bool(visit.join_url_sealed) and visit.ended_at is None,
        ended=visit.ended_at is not None,
        test=visit.test,
        sent=participant.sent_at is not None,
        off=tuple(_off(visit, participant)),
        clinician_here="connected" in staff,
        clinician_left="disconnected" in staff and "connected" not in staff,
        told=_told_waiting(participant),
    )


def default_help_line() -> str:
    return settings.HELP_LINE


def _person(who: str | Promise, presence_word: str, since: datetime | None) -> Person:
    kind, word = WORDS[presence_word]
    return Person(who, kind, word, since)


def _told_waiting(participant: Participant) -> bool:
    """Whether the newest thing that the EHR has confirmed of this person is that he waits."""
    newest = participant.writebacks.filter(entry=None).order_by("-sequence").first()
    return newest is not None and (newest.presence, newest.state) == ("waiting", Writeback.State.DELIVERED)


def _off(visit: Visit, participant: Participant) -> list[str | Promise]:
    """What was refused or too slow when the meeting was opened, and what the EHR cannot be told."""
    if not visit.join_url_sealed:
        return []
    notes: list[tuple[bool, str | Promise]] = [
        (not visit.lobby, _("The lobby could not be set: check who comes in.")),
        (not visit.visitor_url_sealed, _("Patients may be asked to install Teams: no browser link was given.")),
        (not visit.presence_live, _("Live presence is off: this page and the EHR cannot show who is here.")),
        (
            not wires.live_settings(visit.connection).status.complete,
            _("The EHR is not told who is here: codes are missing."),
        ),
        (not participant.external_id_sealed, _("The EHR is not told about you: its record sent no externalId.")),
    ]
    return [text for missing, text in notes if missing]
