"""The patient's side of waiting: arriving is a fact, and so is coming back. Last-seen times live in the cache."""

import time
import uuid

from django.core.cache import cache
from django.utils import timezone

from connector.cached import quietly
from visits import facts, presence
from visits.models import Fact, Participant


def arrived(participant: Participant, *, event_id: str) -> None:
    """Arriving on the waiting page: the EHR's schedule shows it before the clinician presses."""
    seen(participant)
    _tell(participant, Fact.Kind.WAITING, event_id)


def seen(participant: Participant) -> None:
    """The page asked again: whoever asks is still there."""
    quietly(lambda: cache.set(facts.SEEN_KEY.format(participant.id), time.time(), facts.SEEN_SECONDS))


def back(participant: Participant) -> None:
    """The page asked again. After it had been taken for left (a phone that slept), or where the meeting was opened
    anew, its person waits once more."""
    seen(participant)
    visit = participant.visit
    told = visit.facts.filter(generation=visit.generation, source=facts.PAGE, participant_key=str(participant.id))
    last = told.last()
    if last is None or last.kind == Fact.Kind.GONE:
        _tell(participant, Fact.Kind.WAITING, str(uuid.uuid4()))


def sent(participant: Participant) -> None:
    """The person was sent to Teams."""
    Participant.objects.filter(pk=participant.pk).update(sent_at=timezone.now())
    _tell(participant, Fact.Kind.SENT, str(uuid.uuid4()))


def _tell(participant: Participant, kind: Fact.Kind, event_id: str) -> None:
    facts.record(
        participant.visit,
        kind=kind,
        participant_key=str(participant.id),
        at=timezone.now(),
        source=facts.PAGE,
        event_id=event_id,
    )
    presence.refold(participant.visit_id)
