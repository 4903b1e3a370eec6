"""What the organization's own people do around visits: getting ready, looking back, taking along, erasing, ending."""

from datetime import timedelta
from typing import Any

from celery import Celery
from django.urls import reverse
from django.utils import timezone

from tests.portal.steps import Shown, Visitor
from tests.rules.test_routes import CLOSED, ROUTES
from tests.stories.traces import TAKEN
from tests.visits.call import until
from tests.visits.steps import CARLA, CSN, Clinic, enter, meeting_at

SECRET = "the-client-secret-of-epic"
CARLAS_NAME = "carla.mendes@riverside.example"
OLD = "UPDATE visits_visit SET ended_at = now() - interval '31 days', due_at = NULL, look_at = NULL; "
OLD += "UPDATE visits_launch SET created_at = now() - interval '31 days'; "
OLD += "UPDATE visits_fact SET recorded_at = now() - interval '31 days'; "
OLD += "UPDATE visits_ending SET due_at = NULL"
OUTLIVE = {"visits_target", "visits_lane", "visits_report", "visits_ehruserlink", "visits_browser"}


def sent(visitor: Visitor, name: str, /, *arguments: object, **typed: Any) -> Shown:
    """What a form of the portal is answered, by the name of its address."""
    token = visitor.open("/").value("csrfmiddlewaretoken")
    address = visitor.urls["web"] + reverse(name, args=arguments)
    return Shown(visitor.post(address, {"csrfmiddlewaretoken": token} | typed, timeout=30))


def keep_a_secret(clinic: Clinic, ada: Visitor) -> None:
    """A client secret, entered as a proposal, and whom to tell of problems."""
    settings = ada.open(f"/configure/{clinic.ref}/edit/")
    compared = ada.press(settings, "See what changes", authentication="client_secret_basic", client_secret=SECRET)
    assert "a secret" in compared.text
    ada.press(compared, "Submit for approval")
    details = ada.open(f"/configure/{clinic.ref}/details/")
    ada.press(details, "Save", notification_mail="ehr-team@riverside.example")


def get_ready(clinic: Clinic, ada: Visitor) -> None:
    """Each kind of line of *Getting ready*, one forwarded to somebody who has no account here, and the proof."""
    sent(ada, "ready_organizer", organizer=CARLAS_NAME)
    sent(ada, "ready_check", "policy", granted="1")
    sent(ada, "ready_check_connection", "keys", clinic.ref)
    sent(ada, "ready_confirm", "region")
    sent(ada, "ready_forward_connection", "keys", clinic.ref)
    link = sent(ada, "ready_forward", "policy").rows("Link")[0]
    somebody = clinic.visitor()
    somebody.press(somebody.open(link), "Check again")
    for path in ("/consent/give/", f"/consent/give/{_tid(clinic)}/", "/consent/start/"):
        somebody.open(path)
    asked = somebody.press(somebody.open(f"/consent/start/{_tid(clinic)}/"), "Ada Lindqvist")
    somebody.press(asked, "Accept")
    sent(ada, "proof")
    until(lambda: ada.open("/ready/proof/").has_button("Prove again"))


def _tid(clinic: Clinic) -> str:
    return str(clinic.rows("SELECT tid FROM connector_organization LIMIT 1")[0]["tid"])


def try_it(clinic: Clinic, ben: Visitor) -> Shown:
    """A test visit, whose ids the analyst types, entered from one side."""
    typed = {"session": CSN, "provider_external_id": " 165790", "provider_external_id_type": "1"}
    typed |= {"patient_external_id": " 900101", "patient_external_id_type": "2"}
    begun = ben.press(ben.open(f"/try/{clinic.ref}/"), "Begin the test visit", follow=True, **typed)
    ben.open(begun.url + "patient/")
    return begun


def look_everywhere(clinic: Clinic, visitor: Visitor, begun: Shown) -> None:
    """Every page of the portal that an address alone opens."""
    newest = "SELECT id FROM visits_visit WHERE NOT test LIMIT 1"
    known = {"ref": clinic.ref, "name": "policy", "slug": "client-records", "what": "trail", "number": 1}
    known |= {"visit": clinic.rows(newest)[0]["id"], "side": "patient"}
    for name in CLOSED:
        wanted = ROUTES[name].pattern.converters.keys()
        if name != "signout" and wanted <= known.keys():
            visitor.open(reverse(name, kwargs={key: known[key] for key in wanted}))
    visitor.open(begun.url)


def look_back(clinic: Clinic, ada: Visitor) -> None:
    """What the administrator searches for and takes along afterwards."""
    found = ada.open(f"/status/{clinic.ref}/visits/")
    assert "No visit of this connection" in ada.press(found, "Find", session=f"no-such-{CSN}").text
    assert "The EHR was told" in ada.press(found, "Find", session=CSN).text
    assert CSN in ada.press(ada.open("/reports/"), "Download as CSV").response.text
    sent(ada, "record_check", clinic.ref, pasted="CONTEXT\texternalId=%EXTERNALID%\nPatient\tPia Sandberg", only="")
    sent(ada, "configure_people", reader="carla")
    for what in ("trail", "history", "reports", "configuration"):
        answer = sent(ada, "end_export", what).response
        assert answer.headers["Content-Disposition"].startswith("attachment"), answer.text[:300]
    sent(ada, "history_export", format="csv")
    sent(ada, "history_one_export", clinic.ref, format="jsonl")
    assert sent(ada, "trail_export", zone="UTC").response.content.startswith(b"PK")
    sent(ada, "trail_verify")
    clinic.house.manage("audit", "export", _tid(clinic), "--to", str(clinic.house.data / TAKEN))


def keep_house(clinic: Clinic, ada: Visitor) -> None:
    """What is done now and then: downtime, readers, sending again, keys that are renewed."""
    now = timezone.now()
    times = {name: f"{now + timedelta(hours=hours):%Y-%m-%dT%H:%M}" for name, hours in (("begins", 1), ("ends", 2))}
    sent(ada, "downtime_announce", clinic.ref, zone="UTC", reason="Upgrade of the EHR", **times)
    sent(ada, "downtime_end", clinic.ref, _newest(clinic, "connector_downtime"))
    sent(ada, "reports_reader_name", reader="rita.moss@riverside.example")
    sent(ada, "reports_reader_name", reader=CARLAS_NAME)
    sent(ada, "reports_reader_remove", _newest(clinic, "connector_reader"))
    sent(ada, "reports_allowance", allowance="100")
    clinic.database.execute("UPDATE visits_writeback SET state = 'dead' WHERE participant_id IS NOT NULL")
    sent(ada, "writeback_again", clinic.ref, _newest(clinic, "visits_writeback"))
    sent(ada, "send_again", clinic.ref)
    sent(ada, "target_on", clinic.ref, _newest(clinic, "visits_target"))
    sent(ada, "mails_again")
    clinic.house.manage("keys", "renew", "--organization", _tid(clinic))
    keys = ada.open("/keys/")
    ada.press(keys, "Rotate at once", confirmed="yes")


def _newest(clinic: Clinic, table: str) -> int:
    return int(clinic.rows(f"SELECT max(id) AS id FROM {table}")[0]["id"])  # noqa: S608


def erase(ada: Visitor) -> None:
    """A clinician asked for it."""
    shown = ada.press(ada.open("/people/"), "Show", person=CARLAS_NAME)
    assert "Mendes" in shown.text
    ada.press(shown, "Erase all that knows this account")


def forget(clinic: Clinic) -> None:
    """Let the retention be over: what is kept of a visit goes, but not while the EHR has to be told something."""
    clinic.database.execute(OLD)
    clinic.database.execute("UPDATE visits_writeback SET state = 'waiting', next_at = now() + interval '1 hour'")
    run(clinic, "visits.tasks.forget")
    untold = (
        "SELECT 1 FROM visits_visit WHERE NOT EXISTS (SELECT 1 FROM visits_writeback WHERE visit_id = visits_visit.id)"
    )
    until(lambda: not clinic.rows(untold))
    assert clinic.rows("SELECT 1 FROM visits_writeback WHERE state = 'waiting'")
    clinic.database.execute("UPDATE visits_writeback SET state = 'delivered'")
    run(clinic, "visits.tasks.forget")
    until(lambda: not clinic.rows("SELECT 1 FROM visits_visit"))
    names = {row["name"] for row in clinic.rows("SELECT tablename AS name FROM pg_tables")}
    names = {name for name in names if name.startswith("visits_")}
    assert {name for name in names if clinic.rows(f"SELECT 1 FROM {name} LIMIT 1")} <= OUTLIVE  # noqa: S608
    assert not clinic.rows("SELECT 1 FROM visits_launch")


def run(clinic: Clinic, task: str) -> None:
    """Let a worker do now what the scheduler asks for every hour or so."""
    with Celery(broker=clinic.house.environment["REDIS_URL"].replace("valkey://", "redis://")) as broker:
        broker.send_task(task)


def restore(clinic: Clinic) -> None:
    """What is run after a restore from a backup. Nothing else should run then: what it writes is the same."""
    clinic.house.manage("after_restore")


def end(clinic: Clinic, ada: Visitor) -> None:
    """Suspend, ask, let the days be over; who signs in afterwards is told, and has the receipt."""
    csn = clinic.add_visit(CARLA)
    key = meeting_at(clinic, enter(clinic, CARLA, csn))[1]
    clinic.database.execute("UPDATE visits_visit SET ended_at = now(), due_at = NULL")
    ada.press(ada.open(f"/configure/{clinic.ref}/"), "Suspend launches", reason="We leave.")
    clinic.visitor().open(clinic.press(CARLA, csn))
    sent(ada, "end_ask", name="Riverside Health")
    assert ada.open("/end/").has_button("Call it off")
    sent(ada, "end_off")
    asked = ada.press(ada.open("/end/"), "End the organization in 3 days", name="Riverside Health")
    assert asked.has_button("Call it off"), asked.text
    _while_it_is_under_way(clinic)
    clinic.database.execute("UPDATE connector_closing SET due_at = now() WHERE step = 'waiting'")
    run(clinic, "portal.tasks.end_organizations")
    until(lambda: clinic.rows("SELECT 1 FROM connector_closing WHERE step = 'done'"), 60)
    run(clinic, "connector.tasks.deliver_mail")
    until(lambda: clinic.rows("SELECT 1 FROM connector_notice WHERE sent_at IS NOT NULL AND kind = 'ended'"))
    page = clinic.visitor().sign_in("Ben Okafor")
    assert page.heading == "Your organization was ended here"
    assert not page.has_button("Download the receipt")
    visitor = clinic.visitor()
    page = visitor.sign_in("Ada Lindqvist")
    receipt = visitor.press(page, "Download the receipt").response.json()
    assert receipt["receipt"]["organization"]["name"] == "Riverside Health"
    _nothing_is_left(clinic)
    assert key not in {meeting["key"] for meeting in clinic.meetings()}
    anew = visitor.press(visitor.follow(page, "Sign in and begin anew"), "Ada Lindqvist")
    assert anew.heading == "Getting ready", anew.text
    visitor.press(anew, "Sign out")


def _while_it_is_under_way(clinic: Clinic) -> None:
    """Who signs in within the seconds in which everything is destroyed."""
    under_way = "UPDATE connector_closing SET step = 'leaving', next_at = %s WHERE step = 'waiting'"
    clinic.database.execute(under_way, [timezone.now() + timedelta(hours=1)])
    clinic.database.execute("UPDATE connector_organization SET ended_at = now()")
    clinic.visitor().sign_in("Ben Okafor")
    clinic.database.execute("UPDATE connector_organization SET ended_at = NULL")
    clinic.database.execute("UPDATE connector_closing SET step = 'waiting', next_at = now() WHERE step = 'leaving'")


def _nothing_is_left(clinic: Clinic) -> None:
    left = {"connector_closing", "connector_key", "connector_notice", "django_session", "visits_browser"}
    fixed = {"django_migrations", "django_content_type", "auth_permission"}
    tables = [row["name"] for row in clinic.rows("SELECT tablename AS name FROM pg_tables WHERE schemaname = 'public'")]
    filled = {name for name in tables if clinic.rows(f'SELECT 1 FROM "{name}" LIMIT 1')}  # noqa: S608
    assert filled - fixed <= left
    assert not clinic.rows("SELECT 1 FROM connector_key WHERE organization_id IS NOT NULL")
