"""What happened: the audit trail of visits, and what people changed."""

from typing import ClassVar

from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from connector.models.agreement import Connection
from connector.models.people import Organization, User


class Entry(models.Model):
    """A line of the audit trail. Inserted unchained; the sealer numbers and chains it (connector.trail)."""

    organization = models.ForeignKey(Organization, models.PROTECT, related_name="trail")
    visit = models.UUIDField(null=True)  # opaque: stays when the visit itself has been forgotten
    participant = models.UUIDField(null=True)
    event = models.CharField(max_length=40)
    at = models.DateTimeField()  # when it happened
    recorded_at = models.DateTimeField(db_default=Now())
    detail = models.JSONField(default=dict, blank=True)  # codes only
    sequence = models.BigIntegerField(null=True)
    digest = models.CharField(max_length=64, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["organization", "sequence"], name="trail_sequence")]
        indexes = [
            models.Index(fields=["organization", "id"], condition=models.Q(sequence=None), name="trail_unsealed"),
            models.Index(fields=["visit"], name="trail_visit"),
        ]
        ordering: ClassVar = ["id"]

    def __str__(self) -> str:
        return self.event


class Checkpoint(models.Model):
    """A signed word of ours: at this time an organization's trail ended with this entry (connector.verify). The log has
    a copy."""

    organization = models.ForeignKey(Organization, models.PROTECT, related_name="checkpoints")
    sequence = models.BigIntegerField()
    digest = models.CharField(max_length=64)
    at = models.DateTimeField()  # to the second
    kid = models.CharField(max_length=32)
    signature = models.CharField(max_length=86)  # Ed25519, base64url

    class Meta:
        indexes = [models.Index(fields=["organization", "sequence", "id"], name="checkpoint_of_entry")]
        ordering: ClassVar = ["sequence", "id"]

    def __str__(self) -> str:
        return f"{self.organization_id} {self.sequence}"


class Verification(models.Model):
    """How far an organization's trail was verified, and what came of it. A long trail is gone through in steps."""

    organization = models.OneToOneField(Organization, models.CASCADE, related_name="verification")
    # The pass that runs: since when (empty: none runs), after which entry it began, where it is, what it found.
    asked_at = models.DateTimeField(null=True)
    began = models.BigIntegerField(default=0)
    held = models.BigIntegerField(default=0)
    found = models.JSONField(default=list)
    # The last pass that came to its end; `findings` are [code, entry] of connector.verify, none where everything holds.
    finished_at = models.DateTimeField(null=True)
    first = models.BigIntegerField(default=0)
    last = models.BigIntegerField(default=0)
    findings = models.JSONField(default=list)
    whole_at = models.DateTimeField(null=True)  # when a pass from the first entry on was finished
    # What was wrong when an operator went on after a break, signed by the audit key (connector.trail.known): each pass
    # finds it again, and nobody is alarmed by it.
    accepted = models.JSONField(default=dict)
    accepted_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return str(self.organization_id)


class Change(models.Model):
    """Something that somebody did at once, without an approval. With revisions and decisions it is the history of a
    connection, and of what concerns the whole organization (then `connection` is empty). Append-only."""

    class Kind(models.TextChoices):
        DETAILS = "details", _("Details changed")  # label, mail, help lines, retention
        CONSENT = "consent", _("Admin consent proved")
        PROOF = "proof", _("Set-up proved")
        KEY_ROTATED = "key-rotated", _("Signing key rotated")
        DOWNTIME = "downtime", _("EHR downtime announced")
        SENT_AGAIN = "sent-again", _("Writebacks sent again")
        MAILED_AGAIN = "mailed-again", _("Mails sent again")
        EXPORTED = "exported", _("Exported")
        TEST_VISIT = "test-visit", _("Test visit")
        FORWARDED = "forwarded", _("Link forwarded")
        READERS = "readers", _("Readers of the reports changed")
        ALLOWANCE = "allowance", _("Allowance of visits changed")
        LINKED = "linked", _("Microsoft account linked to another EHR user as well")
        UNLINKED = "unlinked", _("Links to EHR users erased")
        ENDING = "ending", _("End of the organization asked for")
        ENDING_OFF = "ending-off", _("End of the organization called off")

    organization = models.ForeignKey(Organization, models.PROTECT, related_name="changes")
    connection = models.ForeignKey(Connection, models.CASCADE, null=True, related_name="changes")
    kind = models.CharField(max_length=16, choices=Kind.choices)
    detail = models.JSONField(default=dict, blank=True)  # field -> [before, after], or codes
    actor = models.ForeignKey(User, models.PROTECT, null=True, related_name="+")  # empty: the connector itself
    actor_name = models.CharField(max_length=256, blank=True)
    address = models.GenericIPAddressField(null=True)
    at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering: ClassVar = ["-at"]
        indexes = [models.Index(fields=["organization", "-at"], name="change_newest")]

    def __str__(self) -> str:
        return self.kind
