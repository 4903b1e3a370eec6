"""A visit with a repository of AuditEvents beside the EHR, over real HTTP: what each is told, and the pages that show
it."""

import json

from sandbox.epic.people import PEOPLE
from tests.portal.steps import tell, words
from tests.stories.people import INSTANCE
from tests.visits.call import CLINICIAN, begun, chart, until
from tests.visits.steps import Clinic

PRESENCE = ("waiting", "lobby", "connected", "disconnected")


def name_repository(clinic: Clinic) -> None:
    """The live settings name the sandbox's repository, and leave time to come back."""
    audit = {"address": f"{clinic.house.urls['epic']}/{INSTANCE}/audit/R4"}
    settled = json.dumps({"audit": [audit], "rejoin_seconds": 60})
    clinic.database.execute("UPDATE connector_revision SET settings = settings || %s::jsonb", [settled])


def events(clinic: Clinic) -> list[tuple[str, str]]:
    """(event, time) of each AuditEvent that the repository has."""
    kept = [one["event"] for one in tell(clinic.house, "epic", f"{INSTANCE}/audit", "GET")]
    return sorted((one["subtype"][0]["code"], one["period"].get("end") or one["period"]["start"]) for one in kept)


def trail(clinic: Clinic) -> list[tuple[str, str]]:
    wanted = [f"{who}-{what}" for who in ("participant", "outsider") for what in PRESENCE]
    rows = clinic.rows("SELECT event, at FROM connector_entry WHERE event = ANY(%s)", wanted)
    return sorted((row["event"], row["at"].isoformat()) for row in rows)


def test_the_repository_has_the_whole_story_and_the_ehr_the_present(clinic: Clinic) -> None:
    name_repository(clinic)
    call = begun(clinic)
    call.act(call.clinician_comes(), "leave")
    call.act(call.clinician_comes(), "leave")
    call.clinician_comes()
    call.comes("outsider", kind="va", name="Somebody")
    until(lambda: len(trail(clinic)) >= 7 and events(clinic) == trail(clinic))
    until(lambda: set(chart(clinic, call.csn).values()) == {"connected", "waiting"})
    calls = tell(clinic.house, "epic", f"{INSTANCE}/status", "GET")
    hers = [one for one in calls if (one["who"], one["ConferenceID"]) == (CLINICIAN, call.csn)]
    assert "disconnected" not in {one["state"] for one in hers}, f"she came back in time: {hers}"

    ada, secrets = clinic.administrator, [person.external_id.strip() for person in PEOPLE]
    listed = ada.open(f"/status/{clinic.ref}/writebacks/?state=delivered")
    targets = {words(row.find_all("td")[2]) for row in listed.soup.select("main tbody tr")}
    assert targets == {"EHR status service", "AuditEvent repository"}
    found = ada.press(ada.open(f"/status/{clinic.ref}/visits/"), "Find", session=call.csn, follow=True)
    assert found.heading == "Timeline of a visit"
    for text in ("The EHR was told: In the visit", "The AuditEvent repository was told: Has left", "Inferred"):
        assert text in found.text
    for page in (listed, found):
        assert [one for one in (call.csn, *secrets) if one in page.text] == []
