"""Key material at rest."""

import uuid

from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from connector.models.agreement import Environment
from connector.models.people import Organization


class Key(models.Model):
    """Key material, wrapped by a key-encryption key. `organization` is empty for the deployment's own keys."""

    class Purpose(models.TextChoices):
        FIELD = "field", _("encrypts fields")
        HASH = "hash", _("hashes what is looked up")
        SIGNING = "signing", _("signs client assertions for EHRs")
        NOTIFICATION = "notification", _("decrypts change notifications")
        AUDIT = "audit", _("signs checkpoints of the audit trail")
        SECRET = "secret", _("a client secret that an EHR gave out")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    organization = models.ForeignKey(Organization, models.CASCADE, null=True, related_name="keys")
    purpose = models.CharField(max_length=16, choices=Purpose.choices)
    environment = models.CharField(max_length=10, choices=Environment.choices, blank=True)
    kid = models.CharField(max_length=32, unique=True)
    wrapped = models.TextField()
    public = models.JSONField(default=dict, blank=True)  # JWK or certificate; of an audit key also the one it follows
    not_before = models.DateTimeField(db_default=Now())
    retired = models.DateTimeField(null=True)

    class Meta:
        indexes = [models.Index(fields=["organization", "purpose", "-not_before"], name="key_current")]

    def __str__(self) -> str:
        return self.kid
