"""Keys are rotated while people launch and are in a visit: nobody notices, no process is started again."""

import os
import subprocess
import sys

from sandbox.cast import RIVERSIDE, RIVERSIDE_TID
from tests.portal.steps import switch, tell
from tests.visits import steps
from tests.visits.steps import CARLA, DAVID, PIA, Clinic, enter, explained, is_teams, meeting_at

CARLA_OID = RIVERSIDE.accounts[2].oid
CLIENT_REFUSED = "The EHR does not accept the connector's client"


def manage(clinic: Clinic, *arguments: str) -> list[str]:
    """What the operator's command says in the house."""
    command = [sys.executable, "manage.py", "keys", *arguments]
    environment = os.environ | clinic.house.environment
    return subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout.split()


def waits(clinic: Clinic) -> bool:
    """Whether a patient's launch succeeds."""
    return clinic.visitor().open(clinic.press(PIA)).heading == "You are in the right place"


def test_launches_go_on_while_the_next_key_is_published_and_when_it_takes_over(clinic: Clinic) -> None:
    assert waits(clinic)
    following = manage(clinic, "rotate", "--environment", "testing")[0]
    assert waits(clinic)
    clinic.rows("UPDATE connector_key SET not_before = not_before - interval '31 hours' RETURNING 1")
    clinic.forget_cache()
    assert waits(clinic)
    listed = manage(clinic, "list")
    assert listed[listed.index(following) + 1] == "current"


def test_replacing_at_once_is_noticed_only_by_an_ehr_that_remembers_our_keys(clinic: Clinic) -> None:
    assert waits(clinic)
    switch(clinic.house, "epic", keys_remembered=True)
    manage(clinic, "rotate", "--environment", "testing", "--at-once")
    explained(clinic, clinic.visitor().open(clinic.press(PIA)), CLIENT_REFUSED, 403)
    switch(clinic.house, "epic", keys_remembered=False)
    assert waits(clinic)


def test_a_visit_that_runs_while_the_certificate_is_rotated_loses_no_notification(clinic: Clinic) -> None:
    visitor = clinic.visitor()
    page = visitor.open(clinic.press(PIA))
    entered = enter(clinic, CARLA)
    assert is_teams(clinic, entered.url)
    key = meeting_at(clinic, entered)[1]
    before = clinic.subscriptions()[0]["encryptionCertificateId"]
    made = manage(clinic, "rotate", "--notification")[0]
    assert made != before
    tell(clinic.house, "teams", f"meetings/{key}/participants", kind="member", tid=RIVERSIDE_TID, oid=CARLA_OID)
    steps.until(visitor, page, "Your clinician is there.")
    csn = clinic.add_visit(DAVID)
    enter(clinic, DAVID, csn)
    assert made in {row["encryptionCertificateId"] for row in clinic.subscriptions()}
