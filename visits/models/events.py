"""What Microsoft tells of a meeting: subscriptions, what came in, the facts that it holds; and what is left to do once
it has ended."""

import uuid
from typing import ClassVar

from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from connector.models import User
from visits.models.visit import Sealed, Visit


class Subscription(models.Model):
    """A Graph subscription to one meeting's call events. The row is there before Graph is asked."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    visit = models.ForeignKey(Visit, models.CASCADE, related_name="subscriptions")
    generation = models.PositiveIntegerField()
    key_kid = models.CharField(max_length=32)  # the notification key whose certificate Graph was given
    graph_id = models.CharField(max_length=128, blank=True)
    expires_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(db_default=Now())

    def __str__(self) -> str:
        return str(self.id)


class Receipt(models.Model):
    """An incoming notification, kept before it is understood. Its content is encrypted to us by Graph."""

    class State(models.TextChoices):
        NEW = "new", _("New")
        UNDERSTOOD = "understood", _("Understood")
        REFUSED = "refused", _("Refused")

    subscription = models.ForeignKey(Subscription, models.CASCADE, related_name="receipts")
    item = models.JSONField()
    validation_tokens = models.JSONField(default=list)
    state = models.CharField(max_length=12, choices=State.choices, default=State.NEW)
    reason = models.CharField(max_length=60, blank=True)
    attempts = models.PositiveIntegerField(default=0)
    next_at = models.DateTimeField(db_default=Now())
    received_at = models.DateTimeField(db_default=Now())

    class Meta:
        indexes = [models.Index(fields=["next_at"], condition=models.Q(state="new"), name="receipt_due")]

    def __str__(self) -> str:
        return str(self.pk)


class Fact(models.Model):
    """Something that happened to somebody in a visit. Append-only; the same event told twice is one row."""

    class Kind(models.TextChoices):
        WAITING = "waiting", _("on the waiting page")
        GONE = "gone", _("no longer on the waiting page, not in Teams")
        SENT = "sent", _("sent to Teams")
        LOBBY = "lobby", _("in the Teams lobby")
        CONNECTED = "connected", _("in the call")
        DISCONNECTED = "disconnected", _("left the call or the lobby")
        CALL_STARTED = "call-started", _("call started")
        CALL_ENDED = "call-ended", _("call ended")

    visit = models.ForeignKey(Visit, models.CASCADE, related_name="facts")
    generation = models.PositiveIntegerField()
    source = models.CharField(max_length=60)  # "page", "subscription:<id>" or "report:<id>"
    event_id = models.CharField(max_length=128)
    participant_key = models.CharField(max_length=64)  # our participant's id, or a keyed hash of the roster's
    oid = models.CharField(max_length=36, blank=True)  # of a member of the organization; empty for outsiders and pages
    foreign = models.BooleanField(db_default=False)  # came with an account, and no member's: no patient of ours
    kind = models.CharField(max_length=14, choices=Kind.choices)
    at = models.DateTimeField()
    recorded_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["visit", "source", "event_id", "participant_key", "kind"], name="fact_once")
        ]
        indexes = [models.Index(fields=["visit", "at"], name="fact_order")]
        ordering: ClassVar = ["at", "kind", "event_id"]

    def __str__(self) -> str:
        return self.kind


class Ending(Sealed):
    """What is left to do for a meeting that has ended, one row a generation: close its doors, read what its attendance
    reports know, delete it. The row is the truth; the scheduler looks for what is due."""

    class Step(models.TextChoices):
        CLOSE = "close", _("close its doors")
        RECONCILE = "reconcile", _("read its attendance reports")
        DELETE = "delete", _("delete it")
        DONE = "done", _("done")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    visit = models.ForeignKey(Visit, models.CASCADE, related_name="endings")
    generation = models.PositiveIntegerField()
    organizer = models.ForeignKey(User, models.PROTECT, related_name="+")
    meeting_id_sealed = models.TextField()
    ended_at = models.DateTimeField()
    step = models.CharField(max_length=10, choices=Step.choices, default=Step.CLOSE)
    looked = models.PositiveSmallIntegerField(default=0)  # how often the reports were read
    attempts = models.PositiveSmallIntegerField(default=0)  # of the present step
    code = models.CharField(max_length=60, blank=True)  # what the last try came to
    due_at = models.DateTimeField(null=True)  # empty: nothing is left to do

    class Meta:
        constraints = [models.UniqueConstraint(fields=["visit", "generation"], name="ending_once")]
        indexes = [models.Index(fields=["due_at"], condition=models.Q(due_at__isnull=False), name="ending_due")]

    def __str__(self) -> str:
        return self.step

    @property
    def organization_id(self) -> uuid.UUID:
        return self.visit.organization_id
