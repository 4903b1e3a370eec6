"""Who has closed the waiting page, or was sent and never came, is taken back in the EHR."""

import pickle
import time

import redis

from tests.visits.call import Call, arrived, begun, shows, until
from tests.visits.steps import CARLA, Clinic
from visits.facts import SEEN_KEY

SILENT = "UPDATE visits_fact SET at = at - interval '10 minutes' WHERE kind = 'waiting'"
SENT_LONG_AGO = "UPDATE visits_fact SET at = at - interval '6 minutes' WHERE source = 'page'"


def seen_key(clinic: Clinic) -> str:
    """Where the cache keeps when the only participant's page last asked."""
    [participant] = clinic.rows("SELECT id FROM visits_participant")
    return ":1:" + SEEN_KEY.format(participant["id"])


def cache_of(clinic: Clinic) -> "redis.Redis":
    return redis.Redis.from_url(clinic.house.environment["CACHE_URL"])


def last_seen(clinic: Clinic, minutes_ago: float) -> None:
    with cache_of(clinic) as cache:
        cache.set(seen_key(clinic), pickle.dumps(time.time() - 60 * minutes_ago), ex=3600)


def gone(clinic: Clinic) -> list[str]:
    rows = clinic.rows(
        "SELECT role FROM connector_entry JOIN visits_participant ON participant = visits_participant.id"
        " WHERE event = 'participant-gone'"
    )
    return [row["role"] for row in rows]


def test_a_patient_who_closes_the_page_is_taken_back_and_shown_again_when_he_returns(clinic: Clinic) -> None:
    csn = clinic.add_visit(CARLA)
    patient, page = arrived(clinic, csn)
    clinic.database.execute(SILENT)

    # A cache that knows nothing proves nothing: the sweep begins to wait anew.
    clinic.forget_cache()
    with cache_of(clinic) as cache:
        until(lambda: cache.exists(seen_key(clinic)))
    last_seen(clinic, minutes_ago=2.5)  # the connection's limit is three minutes
    time.sleep(6)  # one more sweep
    assert gone(clinic) == []
    shows(clinic, csn, patient="waiting")

    last_seen(clinic, minutes_ago=3.1)
    shows(clinic, csn, patient="disconnected")
    assert gone(clinic) == ["patient"]

    patient.open(page.url)
    shows(clinic, csn, patient="waiting")


def test_a_patient_who_was_sent_to_teams_and_never_came_is_taken_back(clinic: Clinic) -> None:
    call: Call = begun(clinic)
    call.clinician_comes()
    shows(clinic, call.csn, clinician="connected", patient="waiting")
    clinic.database.execute(SENT_LONG_AGO)
    shows(clinic, call.csn, clinician="connected", patient="disconnected")
    assert gone(clinic) == ["patient"]
