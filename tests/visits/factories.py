"""Rows that tests of visits start from: a hospital, its approved connection, a visit and who launched it."""

import secrets
import uuid
from datetime import timedelta
from functools import cache
from typing import Any

from django.utils import timezone

from connector import agreement, keys
from connector.keys import material, pairs
from connector.models import Administrator, Connection, Environment, Key, Organization, Revision, User
from visits.models import Participant, Subscription, Target, Visit

CODES = {"connected": "1", "disconnected": "2", "waiting": "3"}
CONFERENCE_ID = " K-4711"  # no random hexadecimal has a K
EXTERNAL_ID = " 165790"
EXTERNAL_ID_TYPE = "CSN"


def user(tid: uuid.UUID | None = None) -> User:
    """A Microsoft account; of a tenant of its own unless one is given."""
    return User.objects.create(tid=tid or uuid.uuid4(), oid=uuid.uuid4())


@cache
def _pair() -> tuple[bytes, dict[str, Any]]:
    """(PEM, JWK) of one signing key for the whole run: making one takes longer than most tests do."""
    made = pairs.make(Key.Purpose.SIGNING)
    made.delete()
    return material.unwrap(made).secret, made.public


def signing_key(environment: str) -> Key:
    """The key that signs our client assertions in an environment."""
    pem, public = _pair()
    kid = secrets.token_hex(6)
    return material.store(
        None, Key.Purpose.SIGNING, pem, public=public | {"kid": kid}, environment=environment, kid=kid
    )


def organization() -> Organization:
    """A tenant that has consented."""
    return Organization.objects.create(
        tid=uuid.uuid4(), name="Riverside Health", region="amer", consented_at=timezone.now()
    )


def administrator(of: Organization) -> User:
    """An administrator of an organization, Ada Lindqvist by name."""
    made = user(of.tid)
    kept = {"name": "Ada Lindqvist", "proof": Administrator.Proof.APP_ROLE, "confirmed_at": timezone.now()}
    Administrator.objects.create(organization=of, user=made, **kept)
    return made


def connection(
    of: Organization | None = None,
    *,
    codes: dict[str, str] | None = None,
    base_url: str = "",
    target: bool = True,
    mail: str = "",
) -> Connection:
    """An approved testing connection with a status target. `codes` are its ConnectionStatus values."""
    of = of or organization()
    made = Connection.objects.create(
        organization=of,
        base_url=base_url or f"https://{secrets.token_hex(4)}.example/interconnect/api/FHIR/R4",
        environment=Environment.TESTING,
        help_line="+1 555 0100",
        notification_mail=mail,
    )
    approve(made, codes=codes)
    if target:
        Target.objects.create(connection=made)
    return made


def approve(of: Connection, *, codes: dict[str, str] | None = None, **settled: object) -> Revision:
    """Another revision, live at once: the defaults of testing, this test's status codes, and what else it settles. Who
    leaves is told of at once: time is for the tests that are about it."""
    settings: dict[str, Any] = agreement.dump(agreement.defaults("testing")) | {"rejoin_seconds": 0} | settled
    settings["status"] = settings["status"] | {"codes": CODES if codes is None else codes}
    administrator = user(of.organization.tid)
    of.live = Revision.objects.create(
        connection=of,
        number=of.revisions.count() + 1,
        settings=settings,
        approver_oid=uuid.uuid4(),
        approver_name="Ben Okafor",
        approver_upn="ben.okafor@riverside.example",
        submitted_by=administrator,
        submitted_by_name="Ada Lindqvist",
    )
    of.save(update_fields=["live"])
    return of.live


def visit(of: Connection | None = None, *, session: str = CONFERENCE_ID, presence_live: bool = True) -> Visit:
    """A visit whose meeting is made and whose presence is live."""
    of = of or connection()
    hashed, kid = keys.hash_of(of.organization_id, session, ("visit", str(of.id)))
    made = Visit(
        connection=of,
        session_kind="context",
        session_hash=hashed,
        hash_kid=kid,
        presence_live=presence_live,
    )
    made.seal("session", session)
    made.seal("meeting_id", f"meeting-{secrets.token_hex(4)}")
    made.save(force_insert=True)
    return made


def participant(
    of: Visit,
    role: str = "patient",
    *,
    external_id: str = EXTERNAL_ID,
    external_id_type: str = EXTERNAL_ID_TYPE,
    linked: User | None = None,
) -> Participant:
    """Somebody who launched the visit. A clinician's account is linked, of the organization's tenant unless given."""
    ehr_user, connection_id = secrets.token_hex(4), str(of.connection_id)
    hashed, kid = keys.hash_of(of.connection.organization_id, ehr_user, ("participant", connection_id))
    if role == Participant.Role.PROVIDER:
        linked = linked or user(of.connection.organization.tid)
    made = Participant(visit=of, role=role, ehr_user_hash=hashed, hash_kid=kid, user=linked)
    made.seal("external_id", external_id)
    made.seal("external_id_type", external_id_type)
    made.save(force_insert=True)
    return made


def subscription(of: Visit, *, key_kid: str = "", graph_id: str = "") -> Subscription:
    """A subscription of the visit's present generation that Graph has accepted."""
    return Subscription.objects.create(
        visit=of,
        generation=of.generation,
        key_kid=key_kid or secrets.token_hex(6),
        graph_id=graph_id or str(uuid.uuid4()),
        expires_at=timezone.now() + timedelta(hours=1),
    )


def proposed(of: Connection, approver: User) -> Revision:
    """Another revision of a connection, which waits for this person."""
    of.proposed = Revision.objects.create(
        connection=of,
        number=of.revisions.count() + 1,
        settings=agreement.dump(agreement.defaults("testing")),
        approver_oid=approver.oid,
        approver_name="Ben Okafor",
        approver_upn="ben.okafor@riverside.example",
        submitted_by=approver,
        submitted_by_name="Ada Lindqvist",
    )
    of.save()
    return of.proposed
