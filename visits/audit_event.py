"""The trail's presence entries as FHIR R4 AuditEvents, for export and for repositories that accept them."""

from datetime import datetime
from typing import Any
from uuid import NAMESPACE_OID, uuid5

from django.conf import settings
from fhirclient.models.auditevent import AuditEvent

from connector.models import Entry
from visits.models import Participant

DICOM = "http://dicom.nema.org/resources/ontology/DCM"
ROLE_CLASS = "http://terminology.hl7.org/CodeSystem/v3-RoleClass"
SOURCE_TYPE = "http://terminology.hl7.org/CodeSystem/security-source-type"
ENTITY_TYPE = "http://terminology.hl7.org/CodeSystem/audit-entity-type"
OBJECT_ROLE = "http://terminology.hl7.org/CodeSystem/object-role"
URI = "urn:ietf:rfc:3986"

WHO = ("participant", "outsider")
BEGINS, ENDS = ("waiting", "lobby", "connected"), ("disconnected", "gone")
EVENTS = frozenset(f"{who}-{presence}" for who in WHO for presence in BEGINS + ENDS)
NETWORK = {"connected": ("110124", "Attach"), "disconnected": ("110125", "Detach")}
ROLES = {"provider": ("PROV", "healthcare provider"), "patient": ("PAT", "patient"), "proxy": ("AGNT", "agent")}

Json = dict[str, Any]


def render(entry: Entry) -> Json:
    """The AuditEvent (R4) of a presence entry. People and visits are named by our opaque ids alone.

    Raises ValueError for an entry whose event is not one of EVENTS.
    """
    if entry.event not in EVENTS:
        raise ValueError(entry.event)
    presence = entry.event.partition("-")[2]
    document = {
        "resourceType": "AuditEvent",
        "meta": {"tag": [_coding(*tag_of(entry))]},
        "type": _coding(DICOM, "110100", "Application Activity"),
        "subtype": [_coding(_local("event"), entry.event), *_network(presence)],
        "action": "E",
        "period": _period(entry, presence),
        "recorded": entry.recorded_at.isoformat(),
        "outcome": "0",
        "agent": [_person(entry), _application()],
        "source": _source(entry),
        "entity": _entities(entry),
    }
    rendered: Json = AuditEvent(document).as_json()
    return rendered


def tag_of(entry: Entry) -> tuple[str, str]:
    """(system, code) that this entry's AuditEvent has, and no other. AuditEvent has no identifier; made of more than
    the row's number, which a restored database may give once more."""
    told = f"{entry.pk} {entry.event} {entry.participant} {entry.at.isoformat()}"
    return _local("entry"), str(uuid5(entry.visit or NAMESPACE_OID, told))


def _coding(system: str, code: str, display: str = "") -> Json:
    return {"system": system, "code": code} | ({"display": display} if display else {})


def _local(name: str) -> str:
    """A code or identifier system of ours."""
    return f"{settings.PUBLIC_URL}/fhir/{name}"


def _uuid(value: object) -> Json:
    return {"identifier": {"system": URI, "value": f"urn:uuid:{value}"}}


def _network(presence: str) -> list[Json]:
    return [_coding(DICOM, *NETWORK[presence])] if presence in NETWORK else []


def _period(entry: Entry, presence: str) -> Json:
    """From when to when: an entry that begins something knows no end, one that ends it finds its begin in the trail."""
    if presence in BEGINS:
        return {"start": entry.at.isoformat()}
    begin = _begin(entry)
    return ({"start": begin.isoformat()} if begin else {}) | {"end": entry.at.isoformat()}


def _begin(entry: Entry) -> datetime | None:
    """When the participant's last waiting, lobby or call before this began; nobody knows of an outsider."""
    if entry.participant is None:
        return None
    events = [f"participant-{presence}" for presence in BEGINS]
    before = Entry.objects.filter(visit=entry.visit, participant=entry.participant, event__in=events, at__lte=entry.at)
    return before.order_by("-at").values_list("at", flat=True).first()


def _person(entry: Entry) -> Json:
    """Who it was: a participant by his id and, until he is forgotten, his role; an outsider without either."""
    if entry.participant is None:
        return {"who": {"display": "A person from outside the organization"}, "requestor": True}
    role = Participant.objects.filter(pk=entry.participant).values_list("role", flat=True).first()
    known = {"type": {"coding": [_coding(ROLE_CLASS, *ROLES[role])]}} if role else {}
    return known | {"who": _uuid(entry.participant), "requestor": True}


def _application() -> Json:
    return {
        "type": {"coding": [_coding(DICOM, "110150", "Application")]},
        "who": _connector(),
        "requestor": False,
    }


def _connector() -> Json:
    return {"identifier": {"system": URI, "value": settings.PUBLIC_URL}, "display": "EHR Connector for Microsoft Teams"}


def _source(entry: Entry) -> Json:
    return {
        "site": str(entry.organization_id),
        "observer": _connector(),
        "type": [_coding(SOURCE_TYPE, "4", "Application Server")],
    }


def _entities(entry: Entry) -> list[Json]:
    """The visit, with the codes of the entry as details."""
    visit: Json = {
        "what": _uuid(entry.visit),
        "type": _coding(ENTITY_TYPE, "2", "System Object"),
        "role": _coding(OBJECT_ROLE, "4", "Domain Resource"),
    }
    detail = [{"type": name, "valueString": str(value)} for name, value in sorted(entry.detail.items())]
    return [visit | ({"detail": detail} if detail else {})]
