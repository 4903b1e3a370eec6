"""The agreement between an organization and its EHR: connections, their revisions, and what was decided."""

import secrets
import uuid
from urllib.parse import urlsplit

from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from connector.models.people import Organization, User


class Environment(models.TextChoices):
    TESTING = "testing", _("Testing")
    PRODUCTION = "production", _("Production")


def new_ref() -> str:
    """A public random name for a connection: it stands in launch and redirect URLs and tells nothing."""
    return secrets.token_hex(8)


class Connection(models.Model):
    """An organization joined to one FHIR base URL in one environment. These three never change: another URL is another
    connection."""

    class State(models.TextChoices):
        NEEDS_APPROVAL = "waiting", _("Needs approval")
        APPROVED = "approved", _("Approved")
        RETURNED = "returned", _("Returned")
        WITHDRAWN = "off", _("Withdrawn")
        SUSPENDED = "suspended", _("Suspended")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    organization = models.ForeignKey(Organization, models.PROTECT, related_name="connections")
    base_url = models.URLField(max_length=500)
    environment = models.CharField(max_length=10, choices=Environment.choices)
    ref = models.CharField(max_length=16, unique=True, default=new_ref, editable=False)
    approved_hosts = models.JSONField(default=list, blank=True)  # of the live revision: another host stops launches
    token_host = models.CharField(max_length=255, blank=True, db_default="")  # which of them gave the approver's token
    live = models.ForeignKey("Revision", models.PROTECT, null=True, related_name="+")  # the newest approved
    proposed = models.ForeignKey("Revision", models.PROTECT, null=True, related_name="+")  # waits for the approver
    suspended = models.BooleanField(default=False)
    # What an administrator changes at once, without approval; the history keeps each change (Change).
    label = models.CharField(max_length=120, blank=True)  # a hospital or a department
    notification_mail = models.EmailField(blank=True)  # who is told of problems and decisions
    help_line = models.CharField(max_length=200, blank=True)
    help_hours = models.CharField(max_length=120, blank=True)
    retention_days = models.PositiveSmallIntegerField(default=30)  # how long an ended visit's ids are kept
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["organization", "base_url", "environment"], name="connection_once"),
        ]

    def __str__(self) -> str:
        return self.base_url

    @property
    def state(self) -> "Connection.State":
        """What an administrator reads first. A live connection with a proposal beside it stays approved."""
        if self.suspended:
            return self.State.SUSPENDED
        if self.live_id:
            return self.State.APPROVED
        if self.proposed_id:
            return self.State.NEEDS_APPROVAL
        newest = next(iter(self.decisions.all()), None)  # as ordered by Decision, and fetched with a list of us
        withdrawn = newest is not None and newest.kind == Decision.Kind.WITHDRAW
        return self.State.WITHDRAWN if withdrawn else self.State.RETURNED

    @property
    def host(self) -> str:
        return urlsplit(self.base_url).netloc

    @property
    def token_hosts(self) -> frozenset[str]:
        """Where tokens for our background user may come from. A host that was approved only as an issuer's may be
        another hospital's, whose token would then be sent to this one. An approval of before did not tell them
        apart."""
        return frozenset({self.token_host} if self.token_host else self.approved_hosts)

    @property
    def shown(self) -> "Revision":
        """The revision that a page about this connection is about: the proposal, else the live one, else the last
        submitted."""
        return self.proposed or self.live or max(self.revisions.all(), key=lambda revision: revision.number)


class Revision(models.Model):
    """One submission of a connection's settings. Never changed: what is different is another revision."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    connection = models.ForeignKey(Connection, models.CASCADE, related_name="revisions")
    number = models.PositiveIntegerField()
    settings = models.JSONField()  # connector.agreement.Settings
    approver_oid = models.UUIDField()
    approver_name = models.CharField(max_length=256)
    approver_upn = models.CharField(max_length=256)
    approver_mail = models.CharField(max_length=254, blank=True, default="")  # as the directory has it; may be empty
    submitted_by = models.ForeignKey(User, models.PROTECT, related_name="+")
    submitted_by_name = models.CharField(max_length=256)
    submitted_at = models.DateTimeField(db_default=Now())
    address = models.GenericIPAddressField(null=True)  # where the act came from; so in Decision and Change

    class Meta:
        constraints = [models.UniqueConstraint(fields=["connection", "number"], name="revision_number")]

    def __str__(self) -> str:
        return f"revision {self.number}"

    @property
    def approver_address(self) -> str:
        """Where the approver is written to: the directory's mail, else the sign-in name, which of a guest is never a
        mailbox. Empty: nowhere."""
        is_guest = "#EXT#" in self.approver_upn.upper()
        return self.approver_mail or ("" if is_guest else self.approver_upn)


class Decision(models.Model):
    """What somebody decided about a revision, and why. Append-only."""

    class Kind(models.TextChoices):
        APPROVE = "approve", _("Approved")
        RETURN = "return", _("Returned")
        SUSPEND = "suspend", _("Suspended")
        RESUME = "resume", _("Resumed")
        WITHDRAW = "withdraw", _("Withdrawn")

    connection = models.ForeignKey(Connection, models.CASCADE, related_name="decisions")
    revision = models.ForeignKey(Revision, models.CASCADE, related_name="decisions")
    kind = models.CharField(max_length=10, choices=Kind.choices)
    actor = models.ForeignKey(User, models.PROTECT, related_name="+")
    actor_name = models.CharField(max_length=256)
    reason = models.CharField(max_length=1000, blank=True)
    proof = models.JSONField(
        default=dict, blank=True
    )  # that the EHR sign-in happened and how: never who or what was read
    at = models.DateTimeField(db_default=Now())
    address = models.GenericIPAddressField(null=True)

    class Meta:
        ordering = ["-at"]

    def __str__(self) -> str:
        return self.kind


class EhrSignIn(models.Model):
    """An approver's EHR sign-in that succeeded: the proof that an approval of this revision rests on. It keeps no EHR
    identity."""

    revision = models.ForeignKey(Revision, models.CASCADE, related_name="sign_ins")
    user = models.ForeignKey(User, models.CASCADE, related_name="+")
    proof = models.JSONField()  # codes: openid or token only; resource kind; whether a name could be shown
    at = models.DateTimeField(db_default=Now())

    def __str__(self) -> str:
        return str(self.revision_id)
