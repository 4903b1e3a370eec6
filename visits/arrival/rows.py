"""The rows of a press: its visit and its participant, found by keyed hashes or made when new."""

from django.db import IntegrityError, transaction
from django.utils import timezone

from connector import keys
from connector.ehr.smart import EhrIdentity, Granted
from connector.models import Connection, User
from visits import presence
from visits.arrival.press import Press, ehr_user_of, named
from visits.models import EhrUserLink, Participant, Visit
from visits.trouble import Stop


def hash_of_presser(connection: Connection, identity: EhrIdentity | None, granted: Granted) -> str:
    """Whose press it was, as links and visits know him; empty where the EHR names nobody."""
    try:
        return hash_of_user(connection, ehr_user_of(named(identity, granted), granted.context))[0]
    except Stop:
        return ""


def find_visit(connection: Connection, kind: str, press: Press) -> Visit:
    """The visit of this session, made when new. Raises Stop when the patient context is another's."""
    with keys.hashing(connection.organization_id):
        visit = _visit_of(connection, kind, press)
    visit.connection = connection
    return visit


def _visit_of(connection: Connection, kind: str, press: Press) -> Visit:
    organization = connection.organization_id
    session_hash, kid = keys.hash_of(organization, press.session, ("visit", "session", str(connection.id), kind))
    patient_hash = (
        keys.hash_of(organization, press.patient, ("visit", "patient", str(connection.id)))[0] if press.patient else ""
    )
    identity = {"connection": connection, "session_kind": kind, "session_hash": session_hash}
    visit = Visit.objects.filter(**identity).first()
    if visit is None:
        visit = Visit(**identity, hash_kid=kid, patient_hash=patient_hash)
        visit.seal("session", press.session)
        try:
            with transaction.atomic():
                visit.save(force_insert=True)
        except IntegrityError:  # two people pressed at once
            visit = Visit.objects.get(**identity)
    _same_patient(visit, patient_hash)
    return visit


def _same_patient(visit: Visit, patient_hash: str) -> None:
    """Nobody is sent into another's meeting: in a one-to-one visit every patient context is the first one's."""
    if not patient_hash:
        return
    if not visit.patient_hash:
        Visit.objects.filter(pk=visit.pk, patient_hash="").update(patient_hash=patient_hash)
        visit.refresh_from_db(fields=["patient_hash"])
    if visit.patient_hash != patient_hash:
        raise Stop("patient-unlike")


def find_participant(visit: Visit, press: Press) -> Participant:
    """The participant behind a press, made when new, with the ids as this launch brought them."""
    with keys.hashing(visit.organization_id):
        return _participant_of(visit, press)


def _participant_of(visit: Visit, press: Press) -> Participant:
    connection = visit.connection
    ehr_user_hash, kid = hash_of_user(connection, press.ehr_user)
    # Links are locked before visits, visits before participants (visits.unlinking).
    user = _linked(connection, ehr_user_hash) if press.role == Participant.Role.PROVIDER else None
    participant = Participant.objects.filter(visit=visit, role=press.role, ehr_user_hash=ehr_user_hash).first()
    becomes = user is not None and (participant is None or participant.user_id != user.pk)
    if becomes:
        presence.lock([visit.pk])
    if participant is None:
        participant = _new_participant(visit, press, ehr_user_hash, kid)
    participant.visit = visit
    _renew_ids(participant, press)
    if becomes:
        participant.user = user
        participant.save(update_fields=["user"])
        presence.refold(visit.pk)  # he may be in the call already
    return participant


def _linked(connection: Connection, ehr_user_hash: str) -> User | None:
    """The Microsoft account of an EHR user, from a link that is there: an erasure waits for this press, or is over."""
    links = EhrUserLink.objects.filter(connection=connection, ehr_user_hash=ehr_user_hash)
    if not links.update(used_at=timezone.now()):
        return None
    return User.objects.filter(pk__in=links.values("user")).first()


def hash_of_user(connection: Connection, ehr_user: str) -> tuple[str, str]:
    """(hash, kid of the hash key) of what names a person at this EHR, such as `Practitioner/abc`."""
    return keys.hash_of(connection.organization_id, ehr_user, ("participant", "ehr_user", str(connection.id)))


def _renew_ids(participant: Participant, press: Press) -> None:
    """A record that was mended since brings other ids: the newest launch's are told from now on."""
    ids = {"external_id": press.external_id, "external_id_type": press.external_id_type}
    changed = [column for column, value in ids.items() if value != participant.unseal(column)]
    for column in changed:
        participant.seal(column, ids[column])
    if changed:
        participant.save(update_fields=[f"{column}_sealed" for column in changed])


def _new_participant(visit: Visit, press: Press, ehr_user_hash: str, kid: str) -> Participant:
    participant = Participant(visit=visit, role=press.role, ehr_user_hash=ehr_user_hash, hash_kid=kid)
    participant.seal("external_id", press.external_id)
    participant.seal("external_id_type", press.external_id_type)
    try:
        with transaction.atomic():
            participant.save(force_insert=True)
    except IntegrityError:  # a double click
        return Participant.objects.get(visit=visit, role=press.role, ehr_user_hash=ehr_user_hash)
    return participant
