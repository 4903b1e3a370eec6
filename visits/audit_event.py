"""The trail's entries as FHIR R4 AuditEvents: all of them for export, those of presence for repositories that accept
them."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any
from uuid import NAMESPACE_OID, uuid5

from django.conf import settings
from django.db.models import OuterRef, QuerySet, Subquery
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
    begin, role = _begins(entry.visit, entry.participant, entry.at).first(), _roles(entry.participant).first()
    rendered: Json = AuditEvent(_render(entry, begin, role)).as_json()
    return rendered


def render_all(entries: QuerySet[Entry]) -> Iterator[Json]:
    """The AuditEvents of many entries of any kind, read while they are rendered. fhirclient, which would take hours for
    a long trail, checks none of them; tests do."""
    begin = _begins(OuterRef("visit"), OuterRef("participant"), OuterRef("at"))[:1]
    role = _roles(OuterRef("participant"))[:1]
    for entry in entries.annotate(begin=Subquery(begin), role=Subquery(role)).iterator():
        yield _render(entry, entry.begin, entry.role)


def _begins(visit: Any, participant: Any, at: Any) -> QuerySet[Entry, datetime]:
    """When a participant's waiting, lobby or call before a time began, the last first; nobody knows of an outsider."""
    events = [f"participant-{presence}" for presence in BEGINS]
    before = Entry.objects.filter(visit=visit, participant=participant, event__in=events, at__lte=at)
    return before.exclude(participant=None).order_by("-at").values_list("at", flat=True)


def _roles(participant: Any) -> QuerySet[Participant, str]:
    """The role of a participant, until he is forgotten."""
    return Participant.objects.filter(pk=participant).values_list("role", flat=True)


def _render(entry: Entry, begin: datetime | None, role: str | None) -> Json:
    presence = entry.event.partition("-")[2] if entry.event in EVENTS else ""
    document = {
        "resourceType": "AuditEvent",
        "meta": {"tag": [_coding(*tag_of(entry))]},
        "type": _coding(DICOM, "110100", "Application Activity"),
        "subtype": [_coding(_local("event"), entry.event), *_network(presence)],
        "action": "E",
        "period": _period(entry, presence, begin),
        "recorded": entry.recorded_at.isoformat(),
        "outcome": "0",
        "agent": [*_people(entry, role), _application()],
        "source": _source(entry),
        "entity": _entities(entry),
    }
    return {name: told for name, told in document.items() if told}


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


def _period(entry: Entry, presence: str, begin: datetime | None) -> Json:
    """From when to when. An entry that begins something knows no end, one that ends it finds its begin in the trail;
    what is no presence happens at a time."""
    if presence in BEGINS:
        return {"start": entry.at.isoformat()}
    start = begin if presence else entry.at
    return ({"start": start.isoformat()} if start else {}) | {"end": entry.at.isoformat()}


def _people(entry: Entry, role: str | None) -> list[Json]:
    """Who it was: a participant by his id and, until he is forgotten, his role; an outsider without either; nobody
    where an entry names none."""
    if entry.participant is None:
        outside = {"who": {"display": "A person from outside the organization"}, "requestor": True}
        return [outside] if entry.event.startswith("outsider-") else []
    known = {"type": {"coding": [_coding(ROLE_CLASS, *ROLES[role])]}} if role in ROLES else {}
    return [known | {"who": _uuid(entry.participant), "requestor": True}]


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
    """The visit, where there is one, with the codes of the entry as details."""
    detail = [{"type": name, "valueString": str(value)} for name, value in sorted(entry.detail.items()) if str(value)]
    if not (entry.visit or detail):
        return []
    named = {"what": _uuid(entry.visit)} if entry.visit else {"name": entry.event}
    thing: Json = named | {
        "type": _coding(ENTITY_TYPE, "2", "System Object"),
        "role": _coding(OBJECT_ROLE, "4", "Domain Resource"),
    }
    return [thing | ({"detail": detail} if detail else {})]
