"""People and the organizations they belong to."""

import uuid
from typing import ClassVar

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
    allowance = models.PositiveIntegerField(null=True)  # visits a month that are paid for; empty: none is set
    created_at = models.DateTimeField(db_default=Now())
    ended_at = models.DateTimeField(null=True)  # from then on nobody reaches it, and what is left of it is destroyed

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


class Reader(models.Model):
    """Somebody of the directory whom administrators let read the reports, and nothing else. Like an approver he is
    named before he ever signs in."""

    organization = models.ForeignKey(Organization, models.CASCADE, related_name="readers")
    oid = models.UUIDField()
    name = models.CharField(max_length=256)
    upn = models.CharField(max_length=256)
    named_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [models.UniqueConstraint(fields=["organization", "oid"], name="reader_once")]
        ordering: ClassVar = ["name", "pk"]

    def __str__(self) -> str:
        return self.name
