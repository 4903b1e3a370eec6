"""Who is told of presence, and what each is to be told."""

from datetime import datetime

from django.db import models
from django.db.models.functions import Now
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from connector.agreement import LONGEST_NAME
from connector.models import Connection, Entry, Organization, Revision
from visits.models.visit import Participant, Visit


class Target(models.Model):
    """A place that is told about presence, with the health that all its deliveries share."""

    class Kind(models.TextChoices):
        STATUS_SERVICE = "status", _("EHR status service")
        AUDIT_REPOSITORY = "audit", _("AuditEvent repository")

    connection = models.ForeignKey(Connection, models.CASCADE, related_name="targets")
    kind = models.CharField(max_length=12, choices=Kind.choices, default=Kind.STATUS_SERVICE)
    name = models.CharField(max_length=LONGEST_NAME, blank=True)  # of several of a kind, as the settings name them
    failures = models.PositiveIntegerField(default=0)  # in a row; opens the circuit
    failing_since = models.DateTimeField(null=True)  # the first failure after the last success
    open_until = models.DateTimeField(null=True)  # nobody tries before this time
    rests_under = models.ForeignKey(Revision, models.SET_NULL, null=True, related_name="+")  # while this one is live
    # Turned off: it answered that it takes nothing of this kind, as long as this revision is the live one.
    off_under = models.ForeignKey(Revision, models.SET_NULL, null=True, related_name="+")
    off_code = models.CharField(max_length=60, blank=True)  # what it answered
    off_since = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["connection", "kind", "name"], name="target_once")]

    def __str__(self) -> str:
        return self.kind

    @property
    def title(self) -> str | Promise:
        """What people read it by."""
        label = self.Kind(self.kind).label
        return f"{label} {self.name}" if self.name else label

    @property
    def is_off(self) -> bool:
        """Whether it is turned off: under the revision that is live now."""
        return self.off_under_id is not None and self.off_under_id == self.connection.live_id

    def rests(self, now: datetime) -> bool:
        """Whether it is left alone for a while. Other settings than those that failed are tried at once."""
        others = self.rests_under_id is not None and self.rests_under_id != self.connection.live_id
        return self.open_until is not None and self.open_until > now and not others


class Lane(models.Model):
    """A part of a target's deliveries that one worker drains at a time."""

    target = models.ForeignKey(Target, models.CASCADE, related_name="lanes")
    number = models.PositiveSmallIntegerField()
    lease = models.UUIDField(null=True)
    leased_until = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["target", "number"], name="lane_once")]

    def __str__(self) -> str:
        return f"{self.target_id}/{self.number}"


class Writeback(models.Model):
    """What one target is to be told: a participant's state, or one entry of the trail (then somebody whom nobody knows
    may be meant, and `participant` is empty). The row is the truth; Celery only wakes somebody up."""

    class State(models.TextChoices):
        WAITING = "waiting", _("Waiting")
        DELIVERED = "delivered", _("Delivered")
        SUPERSEDED = "superseded", _("Superseded by a newer state")
        DEAD = "dead", _("Given up")

    target = models.ForeignKey(Target, models.CASCADE, related_name="writebacks")
    organization = models.ForeignKey(Organization, models.CASCADE, related_name="+")
    visit = models.ForeignKey(Visit, models.CASCADE, related_name="writebacks")
    participant = models.ForeignKey(Participant, models.CASCADE, null=True, related_name="writebacks")
    entry = models.ForeignKey(Entry, models.PROTECT, null=True, related_name="+")  # of the trail, as an AuditEvent
    sequence = models.PositiveIntegerField()
    lane = models.PositiveSmallIntegerField()
    presence = models.CharField(max_length=14)  # waiting, connected, disconnected; of an entry: also lobby, gone
    happened_at = models.DateTimeField()
    state = models.CharField(max_length=12, choices=State.choices, default=State.WAITING)
    attempts = models.PositiveIntegerField(default=0)
    next_at = models.DateTimeField(db_default=Now())
    lease = models.UUIDField(null=True)
    code = models.CharField(max_length=60, blank=True)  # what the last try came to
    created_at = models.DateTimeField(db_default=Now())
    finished_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["participant", "sequence", "target"], name="writeback_sequence"),
            models.UniqueConstraint(fields=["entry", "target"], name="writeback_entry_once"),
        ]
        indexes = [
            models.Index(
                fields=["target", "lane", "next_at"], condition=models.Q(state="waiting"), name="writeback_due"
            ),
            models.Index(fields=["target", "state", "-id"], name="writeback_listed"),
            models.Index(fields=["target", "-id"], name="writeback_newest"),
        ]

    def __str__(self) -> str:
        return f"{self.presence} {self.state}"
