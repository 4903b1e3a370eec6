"""Forgetting: what is kept of a visit goes when the connection's retention is over. Trail and reports keep codes and
opaque ids."""

from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import DurationField, Exists, ExpressionWrapper, F, OuterRef, QuerySet, Value
from django.db.models.functions import Coalesce
from django.utils import timezone

from visits import reports
from visits.models import Browser, Ending, Fact, Launch, Visit, Writeback

BATCH = 500
# A launch that reached no visit, and a browser nobody came back with, are of no use after this time.
UNFINISHED_LAUNCH, UNSEEN_BROWSER = timedelta(days=1), timedelta(days=90)
LATELY = timedelta(days=1)  # whoever came or was heard of within it may still be there


def forget() -> int:
    """Delete what is due, a batch at a time; returns how many visits were forgotten."""
    now = timezone.now()
    Launch.objects.filter(participant=None, created_at__lt=now - UNFINISHED_LAUNCH).delete()
    Browser.objects.filter(seen_at__lt=now - UNSEEN_BROWSER).delete()
    forgotten = 0
    while some := _forget_some(now):
        forgotten += some
    return forgotten


@transaction.atomic
def _forget_some(now: datetime) -> int:
    """A batch, without the visits that somebody works on: those are looked at again."""
    rows = _over(now).select_for_update(of=("self",), skip_locked=True)
    batch = list(rows.values_list("pk", flat=True)[:BATCH])
    reports.settle(batch)
    Visit.objects.filter(pk__in=batch).delete()
    return len(batch)


def _over(now: datetime) -> QuerySet[Visit]:
    """Visits whose retention is over: ended, or never opened; with nothing left to be written back, no meeting that is
    still to be deleted, and nobody who is looked after or was there lately. One that was begun again has no end."""
    kept = ExpressionWrapper(F("connection__retention_days") * Value(timedelta(days=1)), DurationField())
    unfinished = Writeback.objects.filter(visit=OuterRef("pk"), state=Writeback.State.WAITING)
    meeting = Ending.objects.filter(visit=OuterRef("pk"), due_at__isnull=False)
    pressed = Launch.objects.filter(participant__visit=OuterRef("pk"), created_at__gt=now - LATELY)
    heard = Fact.objects.filter(visit=OuterRef("pk"), recorded_at__gt=now - LATELY)
    silent = Visit.objects.filter(due_at=None).exclude(ended_at=None, opened_at__isnull=False)
    return silent.annotate(gone=Coalesce("ended_at", "created_at") + kept).filter(
        ~Exists(unfinished), ~Exists(meeting), ~Exists(pressed), ~Exists(heard), gone__lt=now
    )
