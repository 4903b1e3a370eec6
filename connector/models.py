"""Who we are joined to: people, organizations, the agreement with its revisions and decisions, keys, the trail."""

import secrets
import uuid
from typing import ClassVar
from urllib.parse import urlsplit

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _


class UserManager(BaseUserManager["User"]):
    def of(self, tid: str, oid: str) -> "User":
        """The user with this identity, made when new."""
        return self.get_or_create(tid=tid, oid=oid)[0]


class User(AbstractBaseUser):
    """A Microsoft account in one tenant: (tid, oid) and nothing else. Names and addresses are not ours to keep."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    tid = models.UUIDField(_("tenant id"))
    oid = models.UUIDField(_("object id"))
    password = None  # type: ignore[assignment]
    is_active = True

    objects = UserManager()
    USERNAME_FIELD = "id"

    class Meta:
        constraints = [models.UniqueConstraint(fields=["tid", "oid"], name="user_identity")]

    def __str__(self) -> str:
        return str(self.id)


class Organization(models.Model):
    """One Entra tenant that uses the connector in this region."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    tid = models.UUIDField(unique=True)
    name = models.CharField(max_length=256, blank=True)
    region = models.CharField(max_length=8)
    consented_at = models.DateTimeField(null=True)  # when an app token for this tenant last proved admin consent
    created_at = models.DateTimeField(db_default=Now())

    def __str__(self) -> str:
        return self.name or str(self.tid)


class Administrator(models.Model):
    """Somebody whose token or directory showed that he administers the organization. Renewed or removed at each sign-
    in."""

    class Proof(models.TextChoices):
        APP_ROLE = "app_role", _("app role in the token")
        DIRECTORY_CLAIM = "wids", _("directory role in the token")
        DIRECTORY_READ = "directory", _("directory role read from Microsoft Graph")

    organization = models.ForeignKey(Organization, models.CASCADE, related_name="administrators")
    user = models.ForeignKey(User, models.CASCADE, related_name="administers")
    name = models.CharField(max_length=256, blank=True)
    proof = models.CharField(max_length=16, choices=Proof.choices)
    confirmed_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["organization", "user"], name="administrator_once")]

    def __str__(self) -> str:
        return self.name


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
    live = models.ForeignKey("Revision", models.PROTECT, null=True, related_name="+")  # the newest approved
    proposed = models.ForeignKey("Revision", models.PROTECT, null=True, related_name="+")  # waits for the approver
    suspended = models.BooleanField(default=False)
    label = models.CharField(max_length=120, blank=True)
    help_line = models.CharField(max_length=200, blank=True)
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
    submitted_by = models.ForeignKey(User, models.PROTECT, related_name="+")
    submitted_by_name = models.CharField(max_length=256)
    submitted_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [models.UniqueConstraint(fields=["connection", "number"], name="revision_number")]

    def __str__(self) -> str:
        return f"revision {self.number}"


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


class Key(models.Model):
    """Key material, wrapped by a key-encryption key. `organization` is empty for the deployment's own keys."""

    class Purpose(models.TextChoices):
        FIELD = "field", _("encrypts fields")
        HASH = "hash", _("hashes what is looked up")
        SIGNING = "signing", _("signs client assertions for EHRs")
        NOTIFICATION = "notification", _("decrypts change notifications")
        SECRET = "secret", _("a client secret that an EHR gave out")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    organization = models.ForeignKey(Organization, models.CASCADE, null=True, related_name="keys")
    purpose = models.CharField(max_length=16, choices=Purpose.choices)
    environment = models.CharField(max_length=10, choices=Environment.choices, blank=True)
    kid = models.CharField(max_length=32, unique=True)
    wrapped = models.TextField()
    public = models.JSONField(default=dict, blank=True)  # JWK or certificate
    not_before = models.DateTimeField(db_default=Now())
    retired = models.DateTimeField(null=True)

    class Meta:
        indexes = [models.Index(fields=["organization", "purpose", "-not_before"], name="key_current")]

    def __str__(self) -> str:
        return self.kid


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
