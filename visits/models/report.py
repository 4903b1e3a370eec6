"""What reports keep of a visit: codes, times, counts and opaque ids, which outlive the visit itself."""

from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from connector.models import Connection, Organization
from visits.outcome import OUTCOMES

RUNNING = "running"  # an outcome that is none yet
CHOICES = [*((outcome.value, word) for outcome, (_kind, word) in OUTCOMES.items()), (RUNNING, _("Still running"))]


class Report(models.Model):
    """One meeting of a visit as reports tell it. No foreign key to the visit: that one is forgotten."""

    class Told(models.TextChoices):
        """What became of what the EHR was to be told."""

        NOTHING = "nothing", _("Nothing to tell")
        WAITING = "waiting", _("Waiting")
        DELIVERED = "delivered", _("Delivered")
        DEAD = "dead", _("Given up")

    RUNNING = RUNNING

    organization = models.ForeignKey(Organization, models.PROTECT, related_name="+", db_index=False)
    connection = models.ForeignKey(Connection, models.PROTECT, related_name="+", db_index=False)
    visit = models.UUIDField()
    generation = models.PositiveIntegerField()
    department = models.CharField(max_length=64, blank=True)
    at = models.DateTimeField()  # what days and months go by: when both sides met, else the first sign of anybody
    began_at = models.DateTimeField()
    met_at = models.DateTimeField(null=True)
    left_at = models.DateTimeField(null=True)
    duration = models.PositiveIntegerField(default=0)  # seconds, as are the next two; of a running meeting all are 0
    waiting = models.PositiveIntegerField(default=0)
    lobby = models.PositiveIntegerField(default=0, null=True)  # empty: somebody's lobby time is lost
    attendants = models.PositiveSmallIntegerField(default=0)
    outcome = models.CharField(max_length=16, choices=CHOICES)
    live = models.BooleanField(db_default=False)  # Microsoft told who is there, when this was the present meeting
    told = models.CharField(max_length=12, choices=Told.choices, default=Told.NOTHING)
    told_after = models.PositiveIntegerField(null=True)  # seconds from what happened to the EHR's answer, at most
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [models.UniqueConstraint(fields=["visit", "generation"], name="report_once")]
        # One for each filter and each order: a page reads its own rows and no others.
        indexes = [
            models.Index(fields=["organization", "-at", "-id"], name="report_newest"),
            models.Index(fields=["connection", "-at", "-id"], name="report_of_connection"),
            models.Index(fields=["organization", "department", "-at", "-id"], name="report_of_department"),
            models.Index(fields=["organization", "outcome", "-at", "-id"], name="report_of_outcome"),
            models.Index(fields=["organization", "-duration", "-id"], name="report_longest"),
            models.Index(fields=["organization", "-waiting", "-id"], name="report_waited"),
            models.Index(fields=["id"], condition=models.Q(told="waiting"), name="report_untold"),
        ]

    def __str__(self) -> str:
        return str(self.visit)
