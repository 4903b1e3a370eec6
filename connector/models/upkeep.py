"""How things stand: what is checked again and again, announced, and told by mail."""

import uuid
from datetime import datetime
from typing import ClassVar

from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from connector.models.agreement import Connection
from connector.models.people import Organization, User


class Check(models.Model):
    """One line of *Getting ready*: what the last try showed. `name` is a key of portal.ready's table."""

    class State(models.TextChoices):
        OK = "ok", _("Done")
        OPEN = "open", _("Not done yet")
        WAITING = "waiting", _("Takes effect later")
        WRONG = "wrong", _("Needs a fix")
        UNKNOWN = "unknown", _("Could not be checked")

    organization = models.ForeignKey(Organization, models.CASCADE, related_name="checks")
    connection = models.ForeignKey(Connection, models.CASCADE, null=True, related_name="checks")
    name = models.CharField(max_length=32)
    state = models.CharField(max_length=8, choices=State.choices, default=State.OPEN)
    code = models.CharField(max_length=60, blank=True)  # why, where the state alone does not tell
    evidence = models.JSONField(default=dict, blank=True)  # counts, names of settings, codes; who confirmed by hand
    tried_at = models.DateTimeField(null=True)
    since = models.DateTimeField(db_default=Now())  # of this state

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "connection", "name"], name="check_once", nulls_distinct=False
            )
        ]

    def __str__(self) -> str:
        return self.name


class Proof(models.Model):
    """One run of the proof button: a throwaway meeting from consent to cleaning up, step by step."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    organization = models.ForeignKey(Organization, models.CASCADE, related_name="proofs")
    organizer_oid = models.UUIDField()  # in whose name the throwaway meeting is made
    started_by = models.ForeignKey(User, models.PROTECT, related_name="+")
    steps = models.JSONField(default=list)  # [{step, state, code, seconds}]
    started_at = models.DateTimeField(db_default=Now())
    finished_at = models.DateTimeField(null=True)

    class Meta:
        ordering: ClassVar = ["-started_at"]

    def __str__(self) -> str:
        return str(self.id)


class Preflight(models.Model):
    """What a preflight of a connection's FHIR base URL found (connector.ehr.preflight). The newest few are kept."""

    class Trigger(models.TextChoices):
        DONE = "done", _("when it was entered")
        AGAIN = "again", _("when somebody asked")
        DAILY = "daily", _("by the daily check")

    connection = models.ForeignKey(Connection, models.CASCADE, related_name="preflights")
    trigger = models.CharField(max_length=8, choices=Trigger.choices)
    report = models.JSONField()  # connector.ehr.preflight.Report
    blocks = models.BooleanField(default=False)
    at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering: ClassVar = ["-at"]

    def __str__(self) -> str:
        return str(self.connection_id)


class Downtime(models.Model):
    """An announced downtime of the EHR: writebacks are held and nobody is alarmed."""

    connection = models.ForeignKey(Connection, models.CASCADE, related_name="downtimes")
    begins_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    reason = models.CharField(max_length=200, blank=True)
    announced_by = models.ForeignKey(User, models.PROTECT, related_name="+")
    announced_by_name = models.CharField(max_length=256)

    class Meta:
        ordering: ClassVar = ["begins_at"]
        constraints = [
            models.CheckConstraint(condition=models.Q(ends_at__gt=models.F("begins_at")), name="downtime_ends_later")
        ]

    def __str__(self) -> str:
        return str(self.connection_id)

    @classmethod
    def running(cls, now: datetime) -> "models.QuerySet[Downtime]":
        """The downtimes of all EHRs that are on at this moment."""
        return cls.objects.filter(begins_at__lte=now, ends_at__gt=now)


class Notice(models.Model):
    """A mail to be sent (connector.mail). The row is the truth; a task only wakes somebody up. An open problem is told
    once: the next row of its kind comes after `ended_at`."""

    # Empty: the receipt of an organization that is no more.
    organization = models.ForeignKey(Organization, models.CASCADE, null=True, related_name="notices")
    connection = models.ForeignKey(Connection, models.CASCADE, null=True, related_name="notices")
    kind = models.CharField(max_length=32)
    subject = models.CharField(max_length=60, blank=True)  # which problem: two of them are told apart
    recipient = models.EmailField()
    detail = models.JSONField(default=dict, blank=True)  # codes, business records' names, paths
    created_at = models.DateTimeField(db_default=Now())
    next_at = models.DateTimeField(db_default=Now())
    attempts = models.PositiveIntegerField(default=0)
    sent_at = models.DateTimeField(null=True)
    given_up_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    code = models.CharField(max_length=60, blank=True)  # what the last try came to

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "connection", "kind", "subject", "recipient"],
                condition=models.Q(ended_at=None),
                name="notice_open_once",
                nulls_distinct=False,
            )
        ]
        indexes = [
            models.Index(fields=["next_at"], condition=models.Q(sent_at=None, given_up_at=None), name="notice_due")
        ]

    def __str__(self) -> str:
        return self.kind
