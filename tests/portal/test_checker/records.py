"""The records of a connection that the tests of the checker start from."""

from portal.checker import Other, Wanted

HOST = "https://connector.example"
REF, OTHER_REF = "0a1b2c3d4e5f6071", "ffeeddccbbaa9988"
PROVIDER_ID, PATIENT_ID = "11111111-aaaa-4bbb-8ccc-000000000001", "22222222-dddd-4eee-9fff-000000000002"
SINGLE = "sessionId=%CSN%&externalId=%EXTERNALID%&externalIdType=%EXTERNALIDTYPE%"
GROUP = SINGLE.replace("%CSN%", "%CONFERENCEID%")
DEPARTMENT = f"{SINGLE}&departmentId=%PERFDEPID;;; ; ;;NONE;%"
FHIR = "https://ehr.example/interconnect/api/FHIR/R4"


def url(door: str, ref: str = REF) -> str:
    return f"{HOST}/launch/{ref}/{door}/"


def launch(door: str, client_id: str, context: str, ref: str = REF) -> Wanted:
    rows = (("URL", url(door, ref)), ("CLIENTID", client_id), ("LAUNCHTYPE", "6"), ("CONTEXT", context))
    choices = (("LAUNCHTYPE", "7"), ("CONTEXT", DEPARTMENT if "provider" in door else context))
    return Wanted(door, f"Record of {door}", rows, choices, counted=True)


def client(kind: str, client_id: str, *doors: str) -> Wanted:
    redirects = tuple(("REDIRECT", f"{url(door)}callback") for door in doors)
    rows = (("CLIENTID", client_id), *redirects, ("JWKS", f"{HOST}/jwks/testing.json"))
    return Wanted(kind, f"App of {kind}", rows)


PROVIDER, PATIENT = launch("provider", PROVIDER_ID, SINGLE), launch("patient", PATIENT_ID, SINGLE)
GROUP_PROVIDER = launch("group-provider", PROVIDER_ID, GROUP)
GROUP_PATIENT = launch("group-patient", PATIENT_ID, GROUP)
LAUNCHES = (PROVIDER, PATIENT, GROUP_PROVIDER, GROUP_PATIENT)
EXPECTED = (
    *LAUNCHES,
    client("client-provider", PROVIDER_ID, "provider", "group-provider"),
    client("client-patient", PATIENT_ID, "patient", "group-patient"),
    Wanted("ehr", "FHIR base URL", (("FHIR", FHIR),), (("FHIR", f"{FHIR}/"),)),
)
ELSEWHERE = (("name", "Main campus"), ("environment", "Testing"))
TESTING = Other("environment", launch("patient", "33333333-test", SINGLE, OTHER_REF), ELSEWHERE)
EARLIER = Other("outdated", launch("patient", "44444444-once", "sessionId=%PATID%"), (("revision", "1"),))
OTHERS = (EARLIER, TESTING)


def block(record: Wanted, **changed: str) -> str:
    """A record as lines, with values changed."""
    return "\n".join(f"{name}={changed.get(name, value)}" for name, value in record.rows)
