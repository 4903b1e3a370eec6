"""A visit, who takes part in it, and the pages that the EHR's buttons open. Ids of the EHR are encrypted, found by
keyed hash and live only on Visit and Participant."""

import uuid

from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from connector import keys
from connector.models import Connection, User


class Sealed(models.Model):
    """A row with encrypted values: `<column>_sealed` is good only in this table, column and row, under the keys of the
    row's organization."""

    class Meta:
        abstract = True

    @property
    def organization_id(self) -> uuid.UUID:
        """Whose keys seal the values."""
        raise NotImplementedError

    def seal(self, column: str, value: str) -> None:
        """Encrypt a value into `<column>_sealed`; an empty one stays empty."""
        sealed = keys.encrypt(self.organization_id, value, self._place(column)) if value else ""
        setattr(self, f"{column}_sealed", sealed)

    def unseal(self, column: str) -> str:
        """The plain value of `<column>_sealed`; empty when there is none."""
        sealed = getattr(self, f"{column}_sealed")
        return keys.decrypt(sealed, self._place(column)) if sealed else ""

    def _place(self, column: str) -> keys.Place:
        return (self._meta.model_name or "", column, str(self.pk))


class Visit(Sealed):
    """What an EHR calls one encounter or conference: everybody launched with its session value lands here."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    connection = models.ForeignKey(Connection, models.PROTECT, related_name="visits")
    session_kind = models.CharField(max_length=12)
    session_hash = models.CharField(max_length=64)
    hash_kid = models.CharField(max_length=32)
    session_sealed = models.TextField()
    patient_hash = models.CharField(max_length=64, blank=True)  # the one patient of a one-to-one visit, once known
    test = models.BooleanField(default=False)  # a visit whose ids an analyst typed: marked TEST wherever it shows
    generation = models.PositiveIntegerField(default=1)  # of the meeting: another one after the visit has ended
    organizer = models.ForeignKey(User, models.PROTECT, null=True, related_name="+")
    claimed_at = models.DateTimeField(null=True)  # when the organizer began to open the meeting
    meeting_id_sealed = models.TextField(blank=True)  # Graph's id; it holds a part of the join URL
    join_url_sealed = models.TextField(blank=True)
    visitor_url_sealed = models.TextField(blank=True)  # the virtual-appointment link, where Graph gave one
    lobby = models.CharField(max_length=40, blank=True)  # the lobby scope that the last PATCH set; empty: none held
    presence_live = models.BooleanField(default=False)  # a subscription of this generation was accepted
    starts_at = models.DateTimeField(null=True)  # when the EHR says that it begins, where a launch could tell
    ends_at = models.DateTimeField(null=True)
    department = models.CharField(max_length=64, blank=True)  # the EHR's code of it, from the launch's context
    clinic = models.CharField(max_length=120, blank=True)  # where it is held, in words for patients, if a launch told
    clinician_hash = models.CharField(max_length=64, blank=True)  # the EHR user whom a press named as its clinician
    initials_sealed = models.TextField(blank=True)  # the patient's, where the connection shows them on its board
    noticed_at = models.DateTimeField(null=True)  # when somebody last reacted to the board's alert
    opened_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    due_at = models.DateTimeField(null=True)  # when the sweeper has to look at this visit again
    look_at = models.DateTimeField(null=True)  # of an open meeting: when its attendance reports are to be read
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["connection", "session_kind", "session_hash"], name="visit_session")
        ]
        indexes = [
            models.Index(fields=["due_at"], condition=models.Q(due_at__isnull=False), name="visit_due"),
            models.Index(fields=["look_at"], condition=models.Q(look_at__isnull=False), name="visit_look"),
            models.Index(fields=["connection", "-created_at"], name="visit_listed"),
            # Of the board, beside the three above: its pages ask every few seconds.
            models.Index(
                fields=["connection", "starts_at"], condition=models.Q(starts_at__isnull=False), name="visit_planned"
            ),
            models.Index(
                fields=["connection", "ended_at"], condition=models.Q(ended_at__isnull=False), name="visit_ended"
            ),
        ]

    def __str__(self) -> str:
        return str(self.id)

    @property
    def organization_id(self) -> uuid.UUID:
        return self.connection.organization_id


class Participant(Sealed):
    """Somebody who launched this visit. `external_id` and its type are echoed to the EHR byte for byte."""

    class Role(models.TextChoices):
        PROVIDER = "provider", _("Clinician")
        PATIENT = "patient", _("Patient")
        PROXY = "proxy", _("For the patient")

    class Timing(models.TextChoices):
        EARLY = "early", _("before it opens")
        LATE = "late", _("after it has closed")
        CANCELLED = "cancelled", _("the EHR says that it does not take place")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    visit = models.ForeignKey(Visit, models.CASCADE, related_name="participants")
    role = models.CharField(max_length=12, choices=Role.choices)
    ehr_user_hash = models.CharField(max_length=64)
    hash_kid = models.CharField(max_length=32)
    external_id_sealed = models.TextField(blank=True)
    external_id_type_sealed = models.TextField(blank=True)
    user = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")  # a clinician's linked account
    timing = models.CharField(max_length=10, choices=Timing.choices, blank=True)  # of his last press
    sent_at = models.DateTimeField(null=True)  # when he was last sent to Teams
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["visit", "role", "ehr_user_hash"], name="participant_once"),
        ]

    def __str__(self) -> str:
        return str(self.id)

    @property
    def is_staff(self) -> bool:
        return self.role == self.Role.PROVIDER

    @property
    def organization_id(self) -> uuid.UUID:
        return self.visit.organization_id


class EhrUserLink(models.Model):
    """An EHR user of one connection is this Microsoft account, as the person confirmed once."""

    connection = models.ForeignKey(Connection, models.CASCADE, related_name="links")
    ehr_user_hash = models.CharField(max_length=64)
    hash_kid = models.CharField(max_length=32)
    user = models.ForeignKey(User, models.CASCADE, related_name="ehr_links")
    linked_at = models.DateTimeField(db_default=Now())
    used_at = models.DateTimeField(null=True)  # when it last led somebody into a visit

    class Meta:
        constraints = [models.UniqueConstraint(fields=["connection", "ehr_user_hash"], name="link_once")]

    def __str__(self) -> str:
        return str(self.pk)


class Browser(models.Model):
    """A browser, by the hash of its random cookie id, and who last signed in with Microsoft in it."""

    id_hash = models.CharField(max_length=64, primary_key=True)
    user = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")
    seen_at = models.DateTimeField(db_default=Now())
    list_until = models.DateTimeField(null=True)  # until when it lists the open visits of that user

    def __str__(self) -> str:
        return self.id_hash[:8]


class Launch(models.Model):
    """One press of the button: from the EHR's launch to the page of a participant. Good once, in one browser."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    connection = models.ForeignKey(Connection, models.CASCADE, related_name="launches")
    door = models.CharField(max_length=20)
    state_hash = models.CharField(max_length=64, unique=True)
    verifier_sealed = models.TextField()  # PKCE verifier and nonce
    browser_hash = models.CharField(max_length=64, blank=True)  # empty: a browser that keeps no cookie
    cookie_seen = models.BooleanField(default=False)  # the launch brought a cookie: so must whoever finishes it
    participant = models.ForeignKey(Participant, models.CASCADE, null=True, related_name="launches")
    framed = models.BooleanField(default=False)  # the EHR opened it in a frame of its own page
    language = models.CharField(max_length=10, blank=True)  # as picked on the page; empty: the browser's
    department = models.CharField(max_length=64, blank=True)  # what a board covers: the visits of this department,
    ehr_user_hash = models.CharField(max_length=64, blank=True)  # else those of this EHR user
    redeemed_at = models.DateTimeField(null=True)
    handed_over_at = models.DateTimeField(null=True)  # when the link out of an app's web view was used: it is good once
    handle_hash = models.CharField(max_length=64, blank=True, db_index=True)
    successor_hash = models.CharField(max_length=64, blank=True, db_index=True)  # without cookie: the next handle
    handle_until = models.DateTimeField(null=True)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        indexes = [models.Index(fields=["browser_hash", "-created_at"], name="launch_of_browser")]

    def __str__(self) -> str:
        return str(self.id)
