"""Launches and standalone sign-in of the Epic stand-in, up to the token response."""

import threading
from pathlib import Path

import pytest
import requests
from bs4 import BeautifulSoup

from sandbox.store import Store
from tests.sandbox.standins import Sandbox
from tests.sandbox.test_epic.client import PATIENT, PROVIDER, REDIRECT, SCOPE, Epic, json_of, sent_back


def test_a_clinicians_launch_ends_in_a_token_with_the_visit_and_a_verifiable_id_token(epic: Epic) -> None:
    token = epic.launched()
    assert (token["token_type"], token["expires_in"], token["state"]) == ("Bearer", 3600, "state-1")
    assert token["scope"] == SCOPE
    assert (token["patient"], token["encounter"], token["appointment"]) == ("p-sandberg", "v-770011", "a-770011")
    assert token["__epic.dstu2.patient"] == "Tp-sandberg"
    assert token["need_patient_banner"] == "false"
    claims = epic.identity(token)
    assert claims["fhirUser"] == f"{epic.base}/Practitioner/e-cmendes"
    assert (claims["nonce"], claims["exp"] - claims["iat"]) == ("nonce-1", 300)


def test_context_tokens_are_filled_with_padded_ids_and_unknown_ones_left_as_written(epic: Epic) -> None:
    token = epic.launched()
    assert token["sessionId"] == "770011"
    assert token["externalId"] == " 165790"
    assert (token["externalIdType"], token["odd"], token["user"]) == ("1", "%FOO%", "165790")


@pytest.mark.parametrize(("user", "resource"), [("pia", "Patient/p-sandberg"), ("rosa", "RelatedPerson/r-sandberg")])
def test_a_launch_from_mychart_tells_patient_from_proxy(epic: Epic, user: str, resource: str) -> None:
    token = epic.launched(PATIENT, record="patient", user=user)
    assert epic.identity(token, PATIENT)["fhirUser"] == f"{epic.base}/{resource}"
    assert (token["patient"], token["externalIdType"], token["need_patient_banner"]) == ("p-sandberg", "2", "true")


def test_the_switch_leaves_the_csn_unfilled(epic: Epic) -> None:
    epic.switch(csn_unfilled=True)
    assert epic.launched()["sessionId"] == "%CSN%"


def test_the_switch_makes_it_an_oracle_health_with_members_of_the_standard_alone(epic: Epic) -> None:
    epic.switch(oracle_health=True)
    refused = sent_back(epic.authorize(launch=epic.launch()))
    assert refused["error"] == "invalid_scope"  # the usual scopes hold one of SMART v1
    secret, scope = epic.secret(), "openid fhirUser launch user/Appointment.rs"
    code = epic.code(launch=epic.launch(), scope=scope)
    token = json_of(epic.token(code, client_id=PROVIDER, client_secret=secret))
    assert token["scope"] == scope
    assert token["fhirContext"] == [{"reference": "Appointment/a-770011"}]
    assert (token["patient"], token["encounter"], token["need_patient_banner"]) == ("p-sandberg", "v-770011", False)
    assert {"tenant", "smart_style_url"} <= set(token)
    assert not {"sessionId", "externalId", "appointment", "loginDepartment"} & set(token)
    metadata = json_of(requests.get(f"{epic.base}/metadata?_format=json", timeout=10))
    assert (metadata["publisher"], "software" in metadata) == ("Oracle Health", False)


def test_a_launch_token_is_good_once(epic: Epic) -> None:
    launch = epic.launch()
    epic.code(launch=launch)
    assert sent_back(epic.authorize(launch=launch))["error"] == "invalid_launch_token"


def test_of_two_apps_redeeming_a_launch_at_once_one_is_refused(epic: Epic) -> None:
    launch, answers = epic.launch(), list[dict[str, str]]()
    racers = [
        threading.Thread(target=lambda: answers.append(sent_back(epic.authorize(launch=launch)))) for _ in range(4)
    ]
    for racer in racers:
        racer.start()
    for racer in racers:
        racer.join()
    assert sum("code" in answer for answer in answers) == 1


def test_a_launch_belongs_to_the_client_of_its_record_and_to_its_instance(epic: Epic) -> None:
    assert sent_back(epic.authorize(launch=epic.launch(), client_id=PATIENT))["error"] == "invalid_launch_token"
    production = Epic(epic.url, "interconnect-prd")
    elsewhere = PROVIDER[:-2] + "11"
    production.client(elsewhere)
    refused = production.authorize(launch=epic.launch(), client_id=elsewhere)
    assert sent_back(refused)["error"] == "invalid_launch_token"


def test_a_button_without_a_record_makes_no_launch(epic: Epic) -> None:
    asked = {"record": "group-provider", "user": "CMENDES", "csn": "770011"}
    assert requests.post(f"{epic.console}/launches", json=asked, timeout=10).status_code == 409


@pytest.mark.parametrize("changes", [{"client_id": "nobody"}, {"redirect_uri": f"{REDIRECT}/"}])
def test_an_unknown_client_or_redirect_uri_ends_on_a_page(epic: Epic, changes: dict[str, str]) -> None:
    answer = epic.authorize(**changes)
    assert answer.status_code == 400
    assert "OAuth2 error" in answer.text
    assert answer.headers["X-Frame-Options"] == "DENY"


@pytest.mark.parametrize(
    "changes",
    [
        {"aud": "https://other.example/api/FHIR/R4"},
        {"aud": None},
        {"code_challenge": None},
        {"code_challenge_method": "plain"},
        {"code_challenge_method": None},
    ],
)
def test_a_wrong_audience_or_missing_pkce_is_told_to_the_app(epic: Epic, changes: dict[str, str | None]) -> None:
    answer = sent_back(epic.authorize(launch=epic.launch(), **changes))
    assert (answer["error"], answer["state"]) == ("invalid_request", "state-1")


def test_the_audience_is_compared_without_case_and_trailing_slash(epic: Epic) -> None:
    assert epic.code(launch=epic.launch(), aud=epic.base.lower() + "/")


def test_a_standalone_sign_in_asks_who_one_is_and_knows_no_patient(epic: Epic) -> None:
    page = epic.authorize()
    assert page.headers["X-Frame-Options"] == "DENY"
    form = next(form for form in BeautifulSoup(page.text, "html.parser")("form") if "Ben Okafor" in form.text)
    fields = {field["name"]: field["value"] for field in form("input")} | {"sign_in_as": "hyperspace:BOKAFOR"}
    answer = requests.post(f"{epic.url}{form['action']}", data=fields, allow_redirects=False, timeout=10)
    token = json_of(epic.token(sent_back(answer)["code"], client_id=PROVIDER, client_secret=epic.secret()))
    assert epic.identity(token)["fhirUser"].endswith("/Practitioner/e-bokafor")
    assert "patient" not in token


def test_launches_codes_and_tokens_end_with_their_time(epic: Epic, running: Sandbox) -> None:
    secret, store = epic.secret(), Store(Path(running.environment["SANDBOX_DATA"]) / "epic.sqlite3")

    def let_time_pass(kind: str) -> None:
        kept = store.table(f"interconnect-tst/{kind}")
        kept.update({key: document | {"expires": 0} for key, document in kept.items()})

    launch, code, token = epic.launch(), epic.code(launch=epic.launch()), epic.launched()["access_token"]
    assert epic.read("Patient/p-ash", token).status_code == 200
    for kind in ("launches", "codes", "tokens"):
        let_time_pass(kind)
    assert sent_back(epic.authorize(launch=launch))["error"] == "invalid_launch_token"
    assert epic.token(code, client_id=PROVIDER, client_secret=secret).json()["error"] == "invalid_grant"
    assert epic.read("Patient/p-ash", token).status_code == 401
