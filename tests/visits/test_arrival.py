"""Arrival: which browser may finish a launch, whose patient it is about, and what a later launch of a person renews.

Over real HTTP against an EHR of the tests, which says what each test lets it say.
"""

from typing import Any

import pytest
from bs4 import BeautifulSoup
from django.test import Client

from connector.models import User
from tests.visits import factories
from tests.visits.pressing import CLINICIAN, PATIENT, PROXY, arrive, come_back, heading, leads_to, press
from tests.visits.test_writeback.ehr import Ehr
from visits.browsers import COOKIE
from visits.models import EhrUserLink, Launch, Participant

pytestmark = pytest.mark.django_db
OTHER_BROWSER = "This launch was started in another browser"


def without_cookies(ehr: Ehr, who: str) -> Any:
    """The whole way in a browser that keeps no cookie."""
    return come_back(ehr, Client(), who, press(ehr, Client(), who))


def linked(ehr: Ehr) -> User:
    """The account of the clinician, who has pressed once."""
    arrive(ehr, Client(), CLINICIAN)
    participant = Participant.objects.get()
    user = factories.user(ehr.connection.organization.tid)
    EhrUserLink.objects.create(
        connection=ehr.connection,
        ehr_user_hash=participant.ehr_user_hash,
        hash_kid=participant.hash_kid,
        user=user,
    )
    return user


# -------------------------------------------------------------------------------------------------------- the browser


def test_a_launch_that_brought_a_cookie_is_not_finished_without_one(ehr: Ehr) -> None:
    browser = Client()
    press(ehr, browser, PATIENT)  # from now on the browser has a cookie
    asked = press(ehr, browser, PATIENT)
    assert heading(come_back(ehr, Client(), PATIENT, asked)) == (OTHER_BROWSER, 403)
    assert not Participant.objects.exists()
    assert leads_to(come_back(ehr, browser, PATIENT, asked), "visit")


def test_a_launch_that_brought_no_cookie_is_finished_without_one(ehr: Ehr) -> None:
    assert leads_to(without_cookies(ehr, PATIENT), "visit")
    assert Launch.objects.get().browser_hash == ""  # so that its handle lives for a minute alone


def test_a_cookie_that_somebody_changed_is_none(ehr: Ehr) -> None:
    browser = Client()
    press(ehr, browser, PATIENT)
    browser.cookies[COOKIE] = f"{browser.cookies[COOKIE].value}x"
    asked = press(ehr, browser, PATIENT)
    assert not Launch.objects.latest("created_at").cookie_seen
    assert leads_to(come_back(ehr, Client(), PATIENT, asked), "visit")


def test_a_clinicians_first_time_without_cookies_ends_with_a_page_that_says_what_to_do(ehr: Ehr) -> None:
    answer = without_cookies(ehr, CLINICIAN)
    assert heading(answer) == ("The first time needs cookies", 403)
    text = BeautifulSoup(answer.content, "html.parser").get_text(" ")
    assert "Allow cookies for this site" in text
    assert "+1 555 0100" in text
    assert not EhrUserLink.objects.exists()


def test_a_clinicians_first_time_with_cookies_leads_to_microsoft(ehr: Ehr) -> None:
    answer = arrive(ehr, Client(), CLINICIAN)
    assert answer.status_code == 302
    assert f"/{ehr.connection.organization.tid}/oauth2/v2.0/authorize" in answer["Location"]


def test_a_clinician_who_is_linked_needs_no_cookies(ehr: Ehr) -> None:
    user = linked(ehr)
    assert leads_to(without_cookies(ehr, CLINICIAN), "join")
    assert Participant.objects.get().user == user


MAC = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko)"
CHROME = MAC.replace("605.1.15", "537.36") + " Chrome/125.0.0.0 Safari/537.36"


@pytest.mark.parametrize(
    ("agent", "leads", "says"),
    [
        (MAC, "visit", ("Open in Teams", "Install Microsoft Teams")),  # Canto on an iPad
        (f"{MAC} Version/17.4 Safari/605.1.15", "visit", ("Join in Teams", "")),
        (CHROME, "join", ("", "")),
    ],
    ids=["an app", "Safari", "Chrome"],
)
def test_on_what_may_be_an_ipad_a_tap_opens_teams(ehr: Ehr, agent: str, leads: str, says: tuple[str, str]) -> None:
    linked(ehr)
    browser = Client(HTTP_USER_AGENT=agent)
    answer = arrive(ehr, browser, CLINICIAN)
    assert leads_to(answer, leads)
    if leads == "visit":
        text = browser.get(answer["Location"], headers={"Sec-Fetch-Dest": "document"}).content.decode()
        assert says[0] in text
        assert ("Install Microsoft Teams" in text) is bool(says[1])


# -------------------------------------------------------------------------------------------------------- the patient


def test_without_a_patient_context_the_visits_patient_is_who_signed_in(ehr: Ehr) -> None:
    arrive(ehr, Client(), PATIENT)
    unlike = arrive(ehr, Client(), PROXY, patient="p2")
    assert heading(unlike) == ("This visit belongs to another patient", 403)
    assert leads_to(arrive(ehr, Client(), PROXY, patient="p1"), "visit")


def test_a_patient_context_outweighs_who_signed_in(ehr: Ehr) -> None:
    arrive(ehr, Client(), PATIENT, patient="p2")
    assert heading(arrive(ehr, Client(), PROXY, patient="p1"))[1] == 403
    assert leads_to(arrive(ehr, Client(), PROXY, patient="p2"), "visit")


def test_without_a_patient_context_a_proxy_says_nothing_about_the_patient(ehr: Ehr) -> None:
    arrive(ehr, Client(), PROXY)
    assert leads_to(arrive(ehr, Client(), PATIENT), "visit")


# ------------------------------------------------------------------------------------------------------------- the ids


def ids_told(ehr: Ehr) -> list[tuple[str, str]]:
    """(ExternalID, ExternalIDType) of each status call so far."""
    return [(call.query["ExternalID"], call.query["ExternalIDType"]) for call in ehr.told()]


def test_the_ids_of_the_newest_launch_are_told_to_the_ehr(ehr: Ehr) -> None:
    arrive(ehr, Client(), PATIENT)
    arrive(ehr, Client(), PATIENT, externalId=" 165791", externalIdType="UCI")
    ehr.drain()
    assert ids_told(ehr) == [(" 165791", "UCI")]
    assert Participant.objects.count() == 1


@pytest.mark.parametrize(
    ("context", "kept"),
    [
        ({"externalId": " 165791"}, (" 165791", "CSN")),
        ({"externalIdType": "UCI"}, (" 165790", "UCI")),
        ({"externalId": ""}, ("", "CSN")),
        ({}, (" 165790", "CSN")),
    ],
    ids=["another id", "another type", "no id any more", "the same"],
)
def test_a_second_launch_renews_what_differs(ehr: Ehr, context: dict[str, str], kept: tuple[str, str]) -> None:
    arrive(ehr, Client(), PATIENT)
    arrive(ehr, Client(), PATIENT, **context)
    participant = Participant.objects.get()
    assert (participant.unseal("external_id"), participant.unseal("external_id_type")) == kept


def test_what_did_not_change_is_not_sealed_anew(ehr: Ehr) -> None:
    arrive(ehr, Client(), PATIENT)
    before = Participant.objects.get()
    arrive(ehr, Client(), PATIENT, externalIdType="UCI")
    after = Participant.objects.get()
    assert after.external_id_sealed == before.external_id_sealed
    assert after.external_id_type_sealed != before.external_id_type_sealed


def test_another_persons_launch_renews_nothing_of_his(ehr: Ehr) -> None:
    arrive(ehr, Client(), PATIENT)
    arrive(ehr, Client(), PROXY, externalId=" 900201")
    ids = {one.role: one.unseal("external_id") for one in Participant.objects.all()}
    assert ids == {"patient": " 165790", "proxy": " 900201"}
