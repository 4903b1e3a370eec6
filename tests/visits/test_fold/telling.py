"""Facts in few words."""

from datetime import UTC, datetime, timedelta

from visits.fold import FactLine, Person, VisitState, fold

CLINICIAN_OID, COLLEAGUE_OID = "oid-clinician", "oid-colleague"
CLINICIAN = Person("clinician", "provider", CLINICIAN_OID)
PATIENT = Person("patient", "patient", "")
PROXY = Person("proxy", "proxy", "")
OIDS = {"desk": CLINICIAN_OID, "phone": CLINICIAN_OID, "colleague": COLLEAGUE_OID}
START = datetime(2025, 3, 3, 10, tzinfo=UTC)


def minute(number: float) -> datetime:
    return START + timedelta(minutes=number)


def fact(text: str) -> FactLine:
    """`"4 lobby a"`: at minute 4 roster entry a is in the lobby."""
    number, kind, key = text.split()
    return FactLine(kind, key, OIDS.get(key, ""), minute(float(number)), f"event {text}")


def told(story: str, *people: Person) -> VisitState:
    """The state that a story comes to, its facts separated by commas."""
    return fold([fact(text) for text in story.split(",")], people or (CLINICIAN, PATIENT))
