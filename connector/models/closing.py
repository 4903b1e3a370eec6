"""The end of an organization: asked for, waited for, worked off, and proved by a receipt that outlives it."""

import uuid
from typing import ClassVar

from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from connector.models.people import Organization


class Closing(models.Model):
    """One end of an organization (portal.closing). The row is the truth: a task takes its steps, each of which may be
    taken again. It refers to no account: those are destroyed too."""

    class Step(models.TextChoices):
        WAITING = "waiting", _("Waits for its day")
        LEAVING = "leaving", _("Meetings and subscriptions are removed at Microsoft")
        SHREDDING = "shredding", _("Keys are destroyed")
        FORGETTING = "forgetting", _("Rows are deleted")
        DONE = "done", _("Ended")
        OFF = "off", _("Called off")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    organization = models.ForeignKey(Organization, models.SET_NULL, null=True, related_name="closings")
    tid = models.UUIDField()  # stays: so that who signs in later is told
    name = models.CharField(max_length=256)
    asked_by_name = models.CharField(max_length=256)
    address = models.GenericIPAddressField(null=True)
    asked_at = models.DateTimeField(db_default=Now())
    recipients = models.JSONField(default=list)  # of the receipt: the connections' notification mails
    due_at = models.DateTimeField()  # before it everything can be called off
    step = models.CharField(max_length=12, choices=Step.choices, default=Step.WAITING)
    attempts = models.PositiveSmallIntegerField(default=0)  # of the present step
    next_at = models.DateTimeField(db_default=Now())
    code = models.CharField(max_length=60, blank=True)  # why it waits
    counts = models.JSONField(default=dict, blank=True)  # what was destroyed or left: name -> how many
    receipt = models.JSONField(default=dict, blank=True)  # portal.closing.receipt
    digest = models.CharField(max_length=64, blank=True)  # of the receipt as it is downloaded
    signature = models.TextField(blank=True)  # a JWS over it
    finished_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["organization"],
                condition=~models.Q(step__in=["done", "off"]),
                name="closing_once",
            )
        ]
        ordering: ClassVar = ["-asked_at"]

    def __str__(self) -> str:
        return self.step
