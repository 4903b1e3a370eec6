"""Launches that cannot be finished: what each says, that it leaves nobody in a visit, and that pressing again works."""

import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from bs4 import BeautifulSoup
from django.db.models import F
from django.test import Client
from django.urls import reverse

from tests.connector.tokens import claims, rsa_key, signed
from tests.servers import Reply
from tests.visits.pressing import CLINICIAN, ISSUER, PATIENT, arrive, come_back, heading, leads_to, press
from tests.visits.test_writeback.ehr import TOKEN, Ehr
from visits.models import Launch, Participant

pytestmark = pytest.mark.django_db
Finish = Callable[[Ehr, Client, dict[str, str]], Any]


def too_late(ehr: Ehr, browser: Client, asked: dict[str, str]) -> Any:
    Launch.objects.update(created_at=F("created_at") - timedelta(minutes=5, seconds=1))
    return come_back(ehr, browser, PATIENT, asked)


def unknown(ehr: Ehr, browser: Client, asked: dict[str, str]) -> Any:
    return come_back(ehr, browser, PATIENT, asked | {"state": "forged"})


def code_refused(ehr: Ehr, browser: Client, asked: dict[str, str]) -> Any:
    return refused(ehr, browser, asked, Reply({"error": "invalid_grant"}, 400))


def client_refused(ehr: Ehr, browser: Client, asked: dict[str, str]) -> Any:
    return refused(ehr, browser, asked, Reply({"error": "invalid_client"}, 401))


def nonsense(ehr: Ehr, browser: Client, asked: dict[str, str]) -> Any:
    return refused(ehr, browser, asked, Reply("<h1>Sign in</h1>"))


def refused(ehr: Ehr, browser: Client, asked: dict[str, str], reply: Reply) -> Any:
    """The token endpoint answers this, whatever it is asked."""
    address = asked["redirect_uri"].partition("/launch/")[2]
    ehr.server.answer(TOKEN, reply)
    return browser.get(f"/launch/{address}", {"code": "c", "state": asked["state"]})


def says(**changes: Any) -> Finish:
    """The EHR's id_token is good but for this."""

    def finish(ehr: Ehr, browser: Client, asked: dict[str, str]) -> Any:
        usual = {"iss": ehr.server.url + ISSUER, "aud": asked["client_id"], "nonce": asked["nonce"]}
        said = claims(**(usual | {"fhirUser": PATIENT} | changes))
        return come_back(ehr, browser, PATIENT, asked, id_token=signed(rsa_key(), said, kid="r1"))

    return finish


def context(**changes: Any) -> Finish:
    return lambda ehr, browser, asked: come_back(ehr, browser, PATIENT, asked, **changes)


UNTRUSTED = ("The EHR's sign-in could not be trusted", 403)
UNSAID = ("The EHR did not say which visit this is", 400)


@pytest.mark.parametrize(
    ("finish", "expected"),
    [
        pytest.param(too_late, ("This launch is too old", 400), id="after five minutes"),
        pytest.param(unknown, ("This launch is too old", 400), id="a state that nobody was given"),
        pytest.param(code_refused, ("The EHR did not accept its own answer", 403), id="the code is over"),
        pytest.param(
            client_refused, ("The EHR does not accept the connector's client", 403), id="the client is unknown"
        ),
        pytest.param(nonsense, ("The EHR is not answering", 503), id="no token response"),
        pytest.param(says(exp=time.time() - 3600), UNTRUSTED, id="the id_token is over"),
        pytest.param(says(nonce="another"), UNTRUSTED, id="another launch's id_token"),
        pytest.param(says(aud="another"), UNTRUSTED, id="another client's id_token"),
        pytest.param(context(sessionId=None), UNSAID, id="no context"),
        pytest.param(context(sessionId="  "), UNSAID, id="an empty context"),
        pytest.param(context(sessionId="%CSN%"), UNSAID, id="a token that was not filled in"),
        pytest.param(context(externalIdType="%EXTERNALIDTYPE%"), UNSAID, id="a type that was not filled in"),
    ],
)
def test_a_launch_that_cannot_be_finished_says_why_and_the_next_press_works(
    ehr: Ehr, finish: Finish, expected: tuple[str, int]
) -> None:
    browser = Client()
    answer = finish(ehr, browser, press(ehr, browser, PATIENT))
    assert heading(answer) == expected
    text = BeautifulSoup(answer.content, "html.parser").get_text(" ")
    assert "+1 555 0100" in text
    assert not [value for value in ("%CSN%", "%EXTERNALIDTYPE%", "165790", "4711") if value in text]
    assert not Participant.objects.exists()
    assert leads_to(arrive(ehr, browser, PATIENT), "visit")


def test_a_launch_is_good_once(ehr: Ehr) -> None:
    browser = Client()
    asked = press(ehr, browser, PATIENT)
    assert leads_to(come_back(ehr, browser, PATIENT, asked), "visit")
    tokens = len(ehr.server.asked(TOKEN))
    assert heading(come_back(ehr, browser, PATIENT, asked)) == ("This launch was used already", 400)
    assert len(ehr.server.asked(TOKEN)) == tokens
    assert leads_to(arrive(ehr, browser, PATIENT), "visit")


def test_another_patients_context_lets_nobody_in_and_the_right_chart_does(ehr: Ehr) -> None:
    arrive(ehr, Client(), PATIENT, patient="p1")
    browser = Client()
    assert heading(arrive(ehr, browser, CLINICIAN, patient="p2")) == ("This visit belongs to another patient", 403)
    assert not Participant.objects.filter(role="provider").exists()
    assert arrive(ehr, browser, CLINICIAN, patient="p1").status_code == 302
    assert Participant.objects.filter(role="provider").exists()


def test_a_launch_token_that_no_address_can_carry_leaves_no_row(ehr: Ehr, client: Client) -> None:
    address = reverse("launch", args=[ehr.connection.ref, "patient"])
    answer = client.get(address, {"iss": ehr.connection.base_url, "launch": "l" * 70_000})
    assert heading(answer)[1] == 400
    assert not Launch.objects.exists()


@pytest.mark.parametrize("member", ["sessionId", "externalId", "externalIdType", "patient"])
@pytest.mark.parametrize("value", [[" 4711"], {"value": "4711"}, True, 1.5], ids=str)
def test_a_value_that_is_no_text_makes_no_visit(ehr: Ehr, client: Client, member: str, value: Any) -> None:
    assert heading(arrive(ehr, client, PATIENT, **{member: value}))[1] == 400
    assert not Participant.objects.exclude(visit=ehr.visit).exists()


@pytest.mark.parametrize("half", ["\ud800", "a\x00b"], ids=["half a character", "NUL"])
def test_a_text_that_cannot_be_kept_is_kept_as_far_as_it_can_be(ehr: Ehr, client: Client, half: str) -> None:
    context = dict.fromkeys(("sessionId", "externalId", "patient", "departmentId", "initials"), half)
    assert leads_to(arrive(ehr, client, PATIENT, **context), "visit")
