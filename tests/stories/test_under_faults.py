"""The first visit again, with something broken in its middle: it ends in the same chart as the undisturbed one.

A notification that is lost is lost for good, so what is lost here is something that a later one tells as well. A last
leave that nobody ever tells stays open until the attendance report is read, and that is no matter of these stories.
"""

import subprocess
import sys
from collections.abc import Callable

import pytest
import redis
from playwright.sync_api import Page, expect

from sandbox.launcher.place import CHECKOUT
from tests.portal.steps import fault, tell
from tests.stories import people
from tests.visits.call import CLINICIAN, PATIENT, STATUS, Call, begun, chart, disturb, shows, until
from tests.visits.conftest import clinic, open_clinic  # noqa: F401 - the fixtures
from tests.visits.steps import CARLA, Clinic

Chart = dict[str, str]
ENDED = {CLINICIAN: "disconnected", PATIENT: "disconnected"}
MILLISECONDS_TO_THE_CHART = 45_000
VERIFY = """
from connector import trail
from connector.models import Organization
organization = Organization.objects.get()
while trail.seal(organization.pk):
    pass
print(trail.verify(organization.pk))
"""


def ending(call: Call) -> Chart:
    """The chart after the visit, once both have left it and nothing waits to be told. No writeback was given up, and
    the trail has each connect and disconnect that Graph told once, with the time that Graph told."""
    waiting = "SELECT 1 FROM visits_writeback WHERE state = 'waiting'"
    until(lambda: len(call.trail()) >= len(call.truth()))
    until(lambda: chart(call.clinic, call.csn) == ENDED and not call.clinic.rows(waiting))
    assert call.clinic.rows("SELECT code FROM visits_writeback WHERE state = 'dead'") == []
    assert call.trail() == call.truth()
    return chart(call.clinic, call.csn)


def whole_visit(clinic: Clinic) -> Call:  # noqa: F811
    """A visit from the waiting page to the last leave."""
    call = begun(clinic)
    clinician, patient = call.clinician_comes(), call.patient_knocks()
    call.act(patient, "admit")
    shows(clinic, call.csn, clinician="connected", patient="connected")
    call.act(patient, "leave")
    call.act(clinician, "leave")
    return call


@pytest.fixture(scope="module")
def undisturbed(open_clinic: Clinic) -> Chart:  # noqa: F811
    """How the visit ends when nothing is wrong."""
    open_clinic.tidy_up()
    return ending(whole_visit(open_clinic))


def empty_broker(clinic: Clinic) -> None:  # noqa: F811
    """Everything that Valkey held for Celery is gone: tasks, unacknowledged ones, bindings."""
    with redis.Redis.from_url(clinic.house.environment["REDIS_URL"]) as broker:
        broker.flushdb()


def a_minute_passes(clinic: Clinic) -> None:  # noqa: F811
    """What a dead worker had claimed is free again."""
    clinic.database.execute("UPDATE visits_lane SET leased_until = now() WHERE lease IS NOT NULL")
    clinic.database.execute("UPDATE visits_receipt SET next_at = now() WHERE state = 'new'")


def test_notifications_told_twice_late_and_in_the_wrong_order_come_to_the_same(
    clinic: Clinic,  # noqa: F811
    undisturbed: Chart,
) -> None:
    call = begun(clinic)
    disturb(clinic, "doubled", 0)
    clinician = call.clinician_comes()
    disturb(clinic, "reordered", 1)
    first = call.patient_knocks()  # told after he was admitted
    call.act(first, "admit")
    shows(clinic, call.csn, clinician="connected", patient="connected")
    disturb(clinic, "late", 1, 2)
    call.act(first, "drop")  # told after he has come back
    second = call.patient_knocks()
    call.act(second, "admit")
    until(lambda: len(call.trail()) == 4)
    disturb(clinic, "late", 1, 2)
    call.act(second, "leave")  # told after the call has ended
    call.act(clinician, "leave")
    assert ending(call) == undisturbed


def test_a_lobby_that_was_never_told_is_made_good_by_the_admission_and_a_connect_by_the_leave(
    clinic: Clinic,  # noqa: F811
    undisturbed: Chart,
) -> None:
    call = begun(clinic)
    disturb(clinic, "lost", 3)  # the start of the call, the clinician's connect, the patient's knock
    clinician, patient = call.clinician_comes(), call.patient_knocks()
    call.act(patient, "admit")
    shows(clinic, call.csn, patient="connected")
    call.act(patient, "leave")
    call.act(clinician, "leave")
    assert ending(call) == undisturbed


def test_all_of_it_in_one_visit_on_the_screens_that_people_see(
    clinic: Clinic,  # noqa: F811
    undisturbed: Chart,
    person: Callable[..., Page],
) -> None:
    csn = clinic.add_visit(CARLA)
    urls, house = clinic.house.urls, clinic.house
    schedule, mychart = person(), person("phone")
    people.open_hyperspace(schedule, urls)
    people.open_mychart(mychart, urls)
    status = people.status_of(schedule, csn)

    # The EHR is down when the patient comes.
    fault(house, "epic", STATUS, "status", 500, times=1)
    waiting = people.begin_visit(mychart, csn)
    expect(status).to_contain_text("Waiting", timeout=MILLISECONDS_TO_THE_CHART)

    # Graph does not tell that the call starts, and tells all else twice. The clinician comes; the worker dies.
    disturb(clinic, "lost", 1)
    disturb(clinic, "doubled", 0)
    call_window = people.begin_visit(schedule, csn)
    people.confirm_link(call_window)
    people.join_as_member(call_window)
    expect(call_window.locator(".tiles")).to_contain_text("Carla Mendes")
    expect(status).to_contain_text("Connected", timeout=MILLISECONDS_TO_THE_CHART)
    house.kill("worker")

    # The lobby is told after the admission, and the broker is emptied before another worker comes.
    disturb(clinic, "reordered", 1)
    expect(waiting.get_by_role("heading", name="Your visit is ready")).to_be_visible(timeout=15_000)
    waiting.get_by_role("link", name="Go to your visit").click()
    people.join_as_guest(waiting, "Pia")
    people.admit(call_window, "Pia")
    expect(waiting.locator(".tiles")).to_contain_text("Pia (you)")
    empty_broker(clinic)
    a_minute_passes(clinic)
    house.start("worker")
    expect(status.locator(".presence.connected")).to_have_count(2, timeout=MILLISECONDS_TO_THE_CHART)

    # The EHR asks for patience, and both leave.
    fault(house, "epic", STATUS, "throttle", 2, times=1)
    people.leave(waiting)
    people.leave(call_window)
    expect(status.locator(".presence.disconnected")).to_have_count(2, timeout=MILLISECONDS_TO_THE_CHART)

    assert ending(seen_by_teams(clinic, csn)) == undisturbed
    held, broken, unsealed = verified(clinic)
    assert (held, broken, unsealed) == (len(clinic.rows("SELECT 1 FROM connector_entry")), None, 0)


def seen_by_teams(clinic: Clinic, csn: str) -> Call:  # noqa: F811
    """The call that the screens have moved, with the role of everybody in it."""
    [meeting] = clinic.meetings()
    call = Call(clinic, csn, meeting["key"])
    for seat in tell(clinic.house, "teams", f"meetings/{call.key}", "GET")["participants"]:
        call.seats[seat["id"]] = "provider" if seat["kind"] == "member" else "patient"
    return call


def verified(clinic: Clinic) -> tuple[int, int | None, int]:  # noqa: F811
    """Seal the organization's trail, and verify it, in a process of the house."""
    command = [sys.executable, "manage.py", "shell", "--verbosity", "0", "--command", VERIFY]
    environment = {"PATH": "/usr/bin:/bin"} | clinic.house.environment
    done = subprocess.run(command, cwd=CHECKOUT, env=environment, capture_output=True, text=True, check=True)
    held, broken, unsealed = done.stdout.strip().strip("()").split(", ")
    return int(held), None if broken == "None" else int(broken), int(unsealed)
