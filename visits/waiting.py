"""The patient's side of waiting: arriving is a fact, and so is coming back. Last-seen times live in the cache."""

import time
import uuid
from uuid import UUID

from django.core.cache import cache
from django.db import transaction
from django.utils import timezone

from connector.cached import quietly
from visits import facts, presence
from visits.models import Fact, Participant


def arrived(participant: Participant, *, event_id: str) -> None:
    """Arriving on the waiting page: the EHR's schedule shows it before the clinician presses."""
    seen(participant.id)
    _tell(participant, Fact.Kind.WAITING, event_id)


def seen(participant_id: UUID) -> None:
    """The page asked again: whoever asks is still there."""
    quietly(lambda: cache.set(facts.SEEN_KEY.format(participant_id), time.time(), facts.SEEN_SECONDS))


def back(participant_id: UUID) -> None:
    """Who had been taken for left (a phone that slept), or whose meeting was opened anew, waits once more."""
    participant = Participant.objects.select_related("visit").filter(pk=participant_id).first()
    if participant is None:
        return
    last = facts.newest_of_pages(participant.visit).get(str(participant_id), Fact.Kind.GONE)
    if last == Fact.Kind.GONE and participant.visit.ended_at is None:
        _tell(participant, Fact.Kind.WAITING, str(uuid.uuid4()))


@transaction.atomic
def sent(participant: Participant) -> None:
    """The person was sent to Teams. What cannot be kept leaves him where he was: his next press leads there again."""
    _tell(participant, Fact.Kind.SENT, str(uuid.uuid4()))
    Participant.objects.filter(pk=participant.pk).update(sent_at=timezone.now())


def _tell(participant: Participant, kind: Fact.Kind, event_id: str) -> None:
    key, now = str(participant.id), timezone.now()
    presence.tell(participant.visit, kind=kind, participant_key=key, at=now, source=facts.PAGE, event_id=event_id)
