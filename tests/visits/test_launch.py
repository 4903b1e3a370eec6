"""Launch: the EHR's button brings a clinician straight into Teams, a patient to the waiting page, or says why not."""

from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest

from sandbox.cast import LAKESIDE, LAKESIDE_TID, RIVERSIDE_TID
from tests.portal.steps import Shown, switch
from tests.stories.people import INSTANCE
from tests.visits import steps
from tests.visits.steps import CARLA, PIA, PRODUCTION, Clinic, explained, nothing_changed

EHR_DOWN, MICROSOFT_DOWN = "The EHR is not answering", "Microsoft sign-in is not answering"
NONSENSE: list[tuple[str, float | None]] = [("status", 503), ("html", None), ("broken", None)]


def test_the_first_time_a_clinician_is_asked_which_microsoft_account_is_his_at_his_own_organization(
    clinic: Clinic,
) -> None:
    page = clinic.visitor().open(clinic.press(CARLA))
    [asked] = steps.asked_at_microsoft(clinic, page)
    assert urlsplit(asked).path.startswith(f"/{RIVERSIDE_TID}/")
    assert parse_qs(urlsplit(asked).query)["prompt"] == ["select_account"]


def test_the_confirmation_names_both_accounts(clinic: Clinic) -> None:
    visitor = clinic.visitor()
    page = visitor.press(visitor.open(clinic.press(CARLA)), "Dr. Carla Mendes")
    assert page.heading == "Is this you?"
    for named in ("Carla Mendes, MD", "Dr. Carla Mendes", "carla.mendes@riverside.example", "Riverside Health"):
        assert named in page.text


def test_who_confirms_is_linked_and_in_teams_at_once(clinic: Clinic) -> None:
    page = steps.enter(clinic, CARLA)
    assert steps.meeting_at(clinic, page)[0] == "teams"
    assert len(clinic.rows("SELECT 1 FROM visits_ehruserlink")) == 1


def test_nothing_is_linked_before_it_is_confirmed(clinic: Clinic) -> None:
    visitor = clinic.visitor()
    visitor.press(visitor.open(clinic.press(CARLA)), "Dr. Carla Mendes")
    assert clinic.rows("SELECT 1 FROM visits_ehruserlink") == []
    assert clinic.meetings() == []


def test_the_second_visit_goes_straight_through_in_any_browser(clinic: Clinic) -> None:
    steps.enter(clinic, CARLA)
    page = clinic.visitor().open(clinic.press(CARLA, "770012"))
    assert steps.meeting_at(clinic, page)[0] == "teams"
    assert steps.asked_at_microsoft(clinic, page) == []


def test_a_clinicians_sign_in_opens_no_portal_session(clinic: Clinic) -> None:
    visitor = clinic.visitor()
    steps.enter(clinic, CARLA, visitor=visitor)
    for path in ("/configure/", "/approve/", "/"):
        assert visitor.open(path).path == "/signin/"


def test_a_patient_signs_in_nowhere_and_waits(clinic: Clinic) -> None:
    page = clinic.visitor().open(clinic.press(PIA))
    assert (page.status, page.heading) == (200, "You are in the right place")
    assert not [step for step in page.response.history if step.url.startswith(clinic.house.urls["entra"])]


# ------------------------------------------------------------------------------------------- what is wrong at the door


@pytest.mark.parametrize(
    ("path", "heading", "status"),
    [
        ("/launch/ffffffffffffffff/provider/", "This link leads nowhere", 404),
        ("/launch/{ref}/kitchen/", "This link leads nowhere", 404),
        ("/launch/{returned_ref}/provider/", "Video visits are not switched on yet", 403),
        ("/launch/{returned_ref}/patient/", "Video visits are not switched on yet", 403),
    ],
)
@pytest.mark.parametrize("callback", ["", "callback"], ids=["pressed", "on the way back"])
def test_a_launch_where_no_connection_is_live_says_so(
    clinic: Clinic, path: str, heading: str, status: int, callback: str
) -> None:
    address = path.format(ref=clinic.ref, returned_ref=clinic.returned_ref) + callback
    with nothing_changed(clinic):
        explained(clinic, clinic.visitor().open(f"{address}?iss=x&launch=y&state=z&code=c"), heading, status)


@contextmanager
def suspended(clinic: Clinic) -> Iterator[None]:
    ada, address = clinic.administrator, f"/configure/{clinic.ref}/"
    ada.press(ada.open(address), "Suspend launches", reason="The EHR is upgraded.")
    yield
    ada.press(ada.open(address), "Resume launches", reason="The upgrade is over.")


def test_a_suspended_connection_lets_no_launch_through_not_even_one_that_has_begun(clinic: Clinic) -> None:
    visitor, pressed = clinic.visitor(), clinic.press(CARLA)
    callback = steps.callback_of(clinic, visitor, CARLA)
    with suspended(clinic), nothing_changed(clinic):
        for address in (pressed, callback):
            explained(clinic, visitor.open(address), "Video visits are switched off for now", 403)
    assert clinic.visitor().open(pressed).heading == steps.PICKER


def launch_with(clinic: Clinic, **query: str) -> Shown:
    return clinic.visitor().open(f"/launch/{clinic.ref}/provider/?{urlencode(query)}")


def test_an_iss_unlike_the_connections_is_another_ehrs_record(clinic: Clinic) -> None:
    with nothing_changed(clinic):
        page = launch_with(clinic, iss="https://ehr.elsewhere.example/api/FHIR/R4", launch="token")
        explained(clinic, page, "This record belongs to another EHR", 403)


def test_a_testing_record_pasted_into_production_is_told_apart(clinic: Clinic) -> None:
    client_id = clinic.house.environment["EHR_PRODUCTION_PROVIDER_CLIENT_ID"]
    clinic.paste("provider", clinic.records["provider"] | {"CLIENTID": client_id}, PRODUCTION)
    with nothing_changed(clinic):
        page = clinic.visitor().open(clinic.press(CARLA, instance=PRODUCTION))
        explained(clinic, page, "Testing and production are mixed up", 403)


def test_a_launch_without_a_token_was_not_opened_by_the_ehr(clinic: Clinic) -> None:
    with nothing_changed(clinic):
        page = launch_with(clinic, iss=f"{clinic.house.urls['epic']}/{INSTANCE}/api/FHIR/R4")
        explained(clinic, page, "Please open the visit from the patient portal or the EHR", 400)


@pytest.mark.parametrize("login", [CARLA, PIA])
def test_a_session_that_the_ehr_left_unfilled_names_the_field_to_mend(clinic: Clinic, login: str) -> None:
    switch(clinic.house, "epic", csn_unfilled=True)
    with nothing_changed(clinic):
        page = clinic.visitor().open(clinic.press(login))
        explained(clinic, page, "The EHR did not say which visit this is", 400)
    assert "sessionId" in page.text
    assert "%CSN%" not in page.text


def test_a_patient_context_unlike_the_visits_lets_nobody_in(clinic: Clinic) -> None:
    for slot, record in clinic.records.items():
        one_for_all = record["CONTEXT"].replace("%CSN%", "770011")
        clinic.paste(slot, record | {"CONTEXT": one_for_all})
    patient = clinic.visitor()
    steps.until(patient, patient.open(clinic.press(PIA)), "The clinic can see that you are here.")
    with nothing_changed(clinic):
        page = clinic.visitor().open(clinic.press(CARLA, "770012"))
        explained(clinic, page, "This visit belongs to another patient", 403)


def test_consent_denied_at_the_ehr_ends_the_launch(clinic: Clinic) -> None:
    visitor = clinic.visitor()
    callback = steps.callback_of(clinic, visitor, CARLA)
    with nothing_changed(clinic):
        explained(clinic, visitor.open(steps.denied(callback)), "The EHR did not let this launch through", 403)
        explained(clinic, visitor.open(callback), "This launch was used already", 400)


# --------------------------------------------------------------------------------------------------- Microsoft sign-in


def test_a_cancelled_microsoft_sign_in_links_nothing_and_the_button_still_works(clinic: Clinic) -> None:
    visitor = clinic.visitor()
    picker = visitor.open(clinic.press(CARLA))
    with nothing_changed(clinic):
        explained(clinic, visitor.press(picker, "Cancel"), "You cancelled the sign-in", 400)
    assert steps.is_teams(clinic, steps.enter(clinic, CARLA, visitor=visitor).url)


def test_another_organizations_account_is_not_linked(clinic: Clinic) -> None:
    visitor = clinic.visitor()
    [asked] = steps.asked_at_microsoft(clinic, visitor.open(clinic.press(CARLA)))
    luis = f"{LAKESIDE_TID}/{LAKESIDE.accounts[2].oid}"
    with nothing_changed(clinic):
        anywhere = asked.replace(RIVERSIDE_TID, "organizations")
        page = Shown(visitor.post(anywhere, data={"account": luis}, timeout=30))
        explained(clinic, page, "Microsoft sign-in did not work", 403)


@pytest.mark.parametrize(("kind", "value"), NONSENSE)
@pytest.mark.parametrize("path", ["oauth2/v2.0/token", "discovery/v2.0/keys"], ids=["token", "keys"])
def test_a_microsoft_sign_in_that_fails_is_told_as_microsofts(
    clinic: Clinic, path: str, kind: str, value: float | None
) -> None:
    visitor = clinic.visitor()
    picker = visitor.open(clinic.press(CARLA))
    clinic.fail("entra", path, kind, value)
    with nothing_changed(clinic):
        explained(clinic, visitor.press(picker, "Dr. Carla Mendes"), MICROSOFT_DOWN, 503)


# ------------------------------------------------------------------------------------------------- the EHR's own faults


@pytest.mark.parametrize(("kind", "value"), NONSENSE)
def test_an_ehr_that_cannot_be_discovered_is_told_as_the_ehrs(clinic: Clinic, kind: str, value: float | None) -> None:
    clinic.fail("epic", "smart-configuration|metadata", kind, value)
    heading = "The EHR's address does not answer as expected" if kind in {"html", "broken"} else EHR_DOWN
    with nothing_changed(clinic):
        explained(clinic, clinic.visitor().open(clinic.press(PIA)), heading, 503)


@pytest.mark.parametrize(("kind", "value"), NONSENSE)
@pytest.mark.parametrize("path", ["oauth2/token", "PublicKeys"], ids=["token", "keys"])
def test_an_ehr_that_fails_on_the_way_back_is_told_as_the_ehrs(
    clinic: Clinic, path: str, kind: str, value: float | None
) -> None:
    visitor = clinic.visitor()
    callback = steps.callback_of(clinic, visitor, CARLA)
    clinic.fail("epic", path, kind, value)
    with nothing_changed(clinic):
        explained(clinic, visitor.open(callback), EHR_DOWN, 503)


def test_an_ehr_that_was_discovered_within_the_day_is_launched_from_though_discovery_is_down(clinic: Clinic) -> None:
    clinic.visitor().open(clinic.press(PIA))
    clinic.fail("epic", "smart-configuration|metadata", "status", 503)
    assert clinic.visitor().open(clinic.press(PIA)).heading == "You are in the right place"


def test_a_name_that_the_ehr_does_not_give_stops_nobody(clinic: Clinic) -> None:
    clinic.fail("epic", "FHIR/R4/Practitioner", "status", 503)
    visitor = clinic.visitor()
    page = visitor.press(visitor.open(clinic.press(CARLA)), "Dr. Carla Mendes")
    assert "The account you are signed in with now" in page.text
